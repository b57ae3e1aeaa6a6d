/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h: names a process in one word of shared memory, and tells whether the
 * process that a word names is still alive.
 *
 * The word: pid (22 bits, the kernel's limit), the time it started in clock
 * ticks (13 bits: a reused pid is mistaken for the one before it once in 8192
 * times), the program image (13 random bits, as many, of which another process can
 * check 10: execve() keeps pid and time), and the pid and time namespaces (16 bits
 * of their inode numbers). 0 names nobody.
 */
#ifndef CHUTE_SRC_OWNER_H
#define CHUTE_SRC_OWNER_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

enum chute_owner_state {
	CHUTE_OWNER_DEAD,
	CHUTE_OWNER_ALIVE,
	CHUTE_OWNER_FOREIGN, /* of other namespaces: can't be judged from here */
};

/* The word of the calling process. The first call in a process, and in a child
 * after fork(), reads /proc; without it the start time is 0, which matches any.
 * Thread-safe. */
__u64 chute_owner_self(void);

enum chute_owner_state chute_owner_state(__u64 owner);

/* Is @owner of other namespaces than @self? The same as CHUTE_OWNER_FOREIGN. */
bool chute_owner_is_foreign(__u64 owner, __u64 self);

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
