/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.h: wait for the other side of a ring to move: spin a little, then sleep. Each sleep
 * is a cancellation point (pthreads(7)).
 *
 * Knows positions as numbers, deadlines, epoll and futexes; nothing of records.
 * A sleep is bounded (1 ms growing to 10 ms), since a consumer that drains with
 * BPF_RB_NO_WAKEUP tells nobody: then we look again ourselves. One that has told us
 * the last time will again: 10 ms at once, for a timer that is soon costs a
 * microsecond or two when it is taken back, which is the wake-up's latency.
 */
#ifndef CHUTE_SRC_WAIT_H
#define CHUTE_SRC_WAIT_H

#include "ring/ring.h"

#include <signal.h>

#define CHUTE_SPIN_NS 5000

/* "chute": what /proc/PID/fdinfo shows as `data` of a descriptor that waits for a map's
 * ring. It tells our waits from libbpf's. */
#define CHUTE_WATCHES 0x6574756863ULL

struct chute_wait {
	const struct chute_ring *ring;
	int epoll_fd;	   /* edge-triggered on the map's fd; -1 for a memory ring */
	__u32 spin_ns;	   /* the most */
	__u32 spin_now_ns; /* halved when spinning was in vain, doubled when it paid */
	__u32 *sleepers;   /* the word of the handshake, or NULL where there is none */
	void *side;	   /* the pages that it is on, if we mapped them */
	size_t side_size;
	__s64 sleep_min_ns, sleep_max_ns; /* a sleep is bounded by this, growing to that */
	bool told;	/* the last space was told of by the consumer, and not found by a look */
	bool as_libbpf; /* see chute_wait_space() */
	sigset_t mask;	/* then: the caller's, during its sleeps */
};

/* @spin_ns 0 never spins. Returns 0 or -errno as epoll_create1(2) and epoll_ctl(2). */
int chute_wait_init(struct chute_wait *w, const struct chute_ring *ring, __u32 spin_ns);

/*
 * A ring in a map: the program that drains it looks at `sleepers` of the struct
 * chute_side that is element @index of the array map @side_fd.
 * Returns 0; -EINVAL (no such array or element), or -errno as mmap(2).
 */
int chute_wait_side(struct chute_wait *w, int side_fd, __u32 index);
void chute_wait_fini(struct chute_wait *w);

/*
 * Make @copy wait for the same as @w, with an epoll of its own: an edge wakes one
 * waiter, so that threads can't share one. Without a descriptor for it, it looks by the
 * clock. chute_wait_copy_fini() ends it.
 */
void chute_wait_copy(struct chute_wait *copy, const struct chute_wait *w);
void chute_wait_copy_fini(struct chute_wait *copy);

/*
 * For a producer: wait until @bytes, at most the ring's size, are free from
 * @head_pos on. While the consumer is seen to move, spin on until half the ring
 * is: who follows a consumer byte by byte pays two cache misses a record.
 * Returns 0, or -ETIMEDOUT. A signal does not shorten the wait, and a descriptor that
 * somebody has closed is done without. One thread of a handle at a time.
 *
 * With as_libbpf it ends where epoll_wait(2) would, and returns -EINTR after a signal handler,
 * -EBADF or -EINVAL for a lost descriptor.
 */
int chute_wait_space(struct chute_wait *w, unsigned long head_pos, __u64 bytes, __s64 deadline_ns);

/*
 * For the consumer of a memory ring: wait until @ready(@arg), looking after each
 * kick and each bounded sleep. Returns 0, or -ETIMEDOUT.
 */
int chute_wait_data(const struct chute_ring *ring, bool (*ready)(void *arg), void *arg,
		    __s64 deadline_ns);

/* Wake the producers that sleep on a memory ring. Makes a system call only if
 * there are any. */
void chute_wake_producers(const struct chute_ring *ring);

/* Wake the consumer of a memory ring. Makes a system call only if it sleeps. */
void chute_wake_consumer(const struct chute_ring *ring);

#endif
