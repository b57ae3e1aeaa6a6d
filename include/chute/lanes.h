/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/lanes.h: an array of rings, one for each producing thread.
 *
 * Threads that share a ring meet at its lock and its cache lines. With lanes each
 * thread is the sole producer of a ring of its own, and one consumer drains them
 * all: chute_drain_lanes() of chute/chute.bpf.h in a BPF program, or of this file
 * for memory rings. Messages of one lane keep their order; lanes among each other
 * have none. Adding a lane does not disturb the others.
 */
#ifndef CHUTE_LANES_H
#define CHUTE_LANES_H

#include <chute/drain.h>

#ifdef __cplusplus
extern "C" {
#endif

struct chute_lanes;

/*
 * Make a set of lanes, which is empty, or that of the rings in an
 * BPF_MAP_TYPE_ARRAY_OF_MAPS (@array_fd, such as CHUTE_LANES of chute/chute.bpf.h
 * defines; stays the caller's; finding its rings needs CAP_SYS_ADMIN). @opts is
 * what each lane is opened with, and may be NULL; its descriptors stay open as long
 * as the set. With opts->side_fd the lane at index i uses the element at
 * opts->side_index + i of that array.
 *
 * The set is the caller's; chute_lanes_close() ends it and all its lanes, which no
 * thread may use any more. NULL is fine.
 *
 * NULL and errno: EINVAL (bad @opts, not such an array), ENOMEM, EAGAIN as
 * pthread_key_create(3), or as bpf(2) has it.
 */
struct chute_lanes *chute_lanes_open(const struct chute_opts *opts);
struct chute_lanes *chute_lanes_open_map(int array_fd, const struct chute_opts *opts);
void chute_lanes_close(struct chute_lanes *lanes);

/*
 * Add a ring: the descriptor of a map or of a memory ring, which stays the
 * caller's. Any thread may call it at any time.
 * Returns the lane's index; -EINVAL (neither), -ENOMEM, -EMFILE, -EBADF, or as bpf(2).
 */
int chute_lanes_add(struct chute_lanes *lanes, int fd);

/* The number of lanes, an array's empty elements included. Any thread may call it at
 * any time. */
unsigned int chute_lanes_count(struct chute_lanes *lanes);

/*
 * The calling thread's lane: the first call in a thread takes a lane that nobody
 * has, in this process or another; the later ones return the same handle, which
 * may as well be kept. It is the thread's until it ends, or calls
 * chute_lane_leave(). With CHUTE_SHARED in the options a lane may have several
 * threads, and those that come spread over all. Any thread may call it at any time.
 *
 * A ring that was put into the array since is found when no other lane is free. In a
 * child of fork() the first call takes a lane of the child's own.
 *
 * NULL and errno: EBUSY (every lane has its producer: add one), ENOMEM, or as
 * chute_open_map() and chute_open_memory().
 */
struct chute *chute_lane(struct chute_lanes *lanes);
void chute_lane_leave(struct chute_lanes *lanes);

/* Called for each message of each lane by chute_drain_lanes(). Returns CHUTE_NEXT, or
 * CHUTE_STOP to stop after this message. */
typedef int chute_lane_fn(__u32 lane, const void *msg, __u32 size, void *ctx);

/*
 * Drain @count memory rings fairly: in rounds of up to CHUTE_LANE_QUOTA records of
 * each, until a round finds nothing, or each lane has had CHUTE_DRAIN_MAX. A lane
 * that fails does not keep the others from being drained. When @fn stops it, the next
 * call with the same @found begins with the lane after that one.
 *
 * Returns the number of messages, or the first lane's error, as chute_drain() has
 * it. @found may be NULL. A NULL consumer is passed over.
 */
#define CHUTE_LANE_QUOTA 64
long chute_drain_lanes(struct chute_consumer *const *consumers, unsigned int count,
		       chute_lane_fn *fn, void *ctx, __u64 flags, struct chute_messages *found);

#ifdef __cplusplus
}
#endif

#endif /* CHUTE_LANES_H */
