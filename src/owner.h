/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h: names a process in one word of shared memory, and tells whether the
 * process that a word names is still alive.
 *
 * The word: pid (22 bits, the kernel's limit), the time it started in clock
 * ticks (13 bits: a reused pid is mistaken for the one before it once in 8192
 * times), the program image (13 random bits, as many: execve() keeps pid and
 * time), and the pid namespace (16 bits of its inode number). 0 names nobody.
 */
#ifndef CHUTE_SRC_OWNER_H
#define CHUTE_SRC_OWNER_H

#include <linux/types.h>
#include <sys/types.h>

enum chute_owner_state {
	CHUTE_OWNER_DEAD,
	CHUTE_OWNER_ALIVE,
	CHUTE_OWNER_FOREIGN, /* of another pid namespace: can't be judged from here */
};

/* The word of the calling process. The first call in a process, and in a child
 * after fork(), reads /proc; without it the start time is 0, which matches any.
 * Thread-safe. */
__u64 chute_owner_self(void);

enum chute_owner_state chute_owner_state(__u64 owner);

static inline pid_t chute_owner_pid(__u64 owner)
{
	return (pid_t)(owner & 0x3fffff);
}

/*
 * Put @self into *word if that names nobody or a dead process. Returns 0, or
 * -EBUSY when it names a live one, the caller's own included, or one that can't
 * be judged. Any number of threads and processes may try at once: one wins.
 */
int chute_owner_claim(__u64 *word, __u64 self);

/* Clear *word if it still names @self. */
void chute_owner_release(__u64 *word, __u64 self);

#endif
