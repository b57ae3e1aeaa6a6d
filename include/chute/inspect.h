/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/inspect.h: find rings, and look into one without consuming.
 *
 * Nothing here changes a ring, takes a lock or wakes anyone.
 */
#ifndef CHUTE_INSPECT_H
#define CHUTE_INSPECT_H

#include <chute/drain.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The longest name that the kernel keeps of a map; longer ones are cut. */
#define CHUTE_MAP_NAME_MAX 15

struct chute_map_info {
	size_t sz;  /* the caller's sizeof(struct chute_map_info); no more than that is written */
	__u32 id;   /* 0 starts a walk */
	__u32 size; /* bytes of data */
	char name[CHUTE_MAP_NAME_MAX + 1];
};

/*
 * The next user ring buffer map of the machine: the one with the lowest id above
 * info->id. Maps that come and go meanwhile may or may not be seen.
 * Returns 0; -ENOENT after the last one; -EINVAL (bad @info), -EPERM (needs
 * CAP_SYS_ADMIN), or -errno as bpf(2) has it.
 */
int chute_map_next(struct chute_map_info *info);

/* A record as it lies in a ring. */
struct chute_record {
	unsigned long pos;	/* where its header is */
	unsigned long next_pos; /* where the next one's is */
	const void *payload;
	__u32 size;  /* the payload's bytes */
	__u32 flags; /* CHUTE_BUSY, CHUTE_DISCARD */
};

/* The position of the first record that is not consumed. In a callback of
 * chute_drain(): of the record that the callback was given. */
unsigned long chute_consumer_pos(const struct chute_consumer *consumer);

/*
 * Look at the record whose header is at @pos: chute_consumer_pos(), or next_pos of
 * the one before. What is seen stays until it is consumed, so this is for who
 * knows that nobody else drains meanwhile, or can do with a stale answer; it
 * never reads outside the ring. Any thread may call it at any time.
 *
 * Returns 1 for a record, unfinished (CHUTE_BUSY) and discarded ones included; 0
 * when nothing is published there; -EINVAL, -E2BIG when a drain that came to
 * @pos would return that.
 */
int chute_peek(const struct chute_consumer *consumer, unsigned long pos,
	       struct chute_record *record);

#ifdef __cplusplus
}
#endif

#endif /* CHUTE_INSPECT_H */
