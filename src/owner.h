/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h: names an address space, that is a process from one execve() to the next, in
 * one word of shared memory, and tells whether what a word names is still alive.
 *
 * The word: pid (22 bits, the kernel's limit), the time it started in clock ticks (13
 * bits), the program image (a hash of where its stack is, 10 bits, and 2 random ones),
 * whether the kernel shows that it lives (life.h; 1 bit), and its pid and time namespaces
 * (a hash, 16 bits). 0 is not known, of time, stack and namespaces each. What shows that
 * it lives has random bits instead of the time: it needs to be told apart from what it
 * was before an execve(). The word 0 names nobody.
 */
#ifndef CHUTE_SRC_OWNER_H
#define CHUTE_SRC_OWNER_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

enum chute_owner_state {
	CHUTE_OWNER_DEAD,    /* proved */
	CHUTE_OWNER_ALIVE,   /* or perhaps on the way out */
	CHUTE_OWNER_FOREIGN, /* of other namespaces, and does not show whether it lives */
};

/*
 * The word of the calling process. The first call in a process, and in a child however it
 * was made (fork(2), _Fork(3), clone(2)), reads /proc and shows from now on that it lives; all
 * others cost two loads. Thread-safe, also in a child whose parent was just here.
 */
__u64 chute_owner_self(void);

/* Where the kernel keeps that word true in every child: for who asks with each record
 * whether it is still the same. There is 0 where it is not known yet, and always where the
 * kernel does not. */
extern const __u64 *chute_owner_word __attribute__((visibility("hidden")));

/* Does not make a word for the caller. */
enum chute_owner_state chute_owner_state(__u64 owner);

/* Can't @owner be judged by @self, nor @self by @owner? */
bool chute_owner_is_foreign(__u64 owner, __u64 self);

/* Is its pid one of other namespaces than ours, or can't that be told? */
bool chute_owner_is_elsewhere(__u64 owner);

static inline pid_t chute_owner_pid(__u64 owner)
{
	return (pid_t)(owner & 0x3fffff);
}

/* What whoever wants the place of a process in that state gets: 0, -EBUSY or -EXDEV. */
int chute_owner_refusal(enum chute_owner_state state);

/*
 * Put @self into *word if that names nobody or a dead process. Returns 0; -EBUSY when it
 * names a live one, the caller's own included; -EXDEV when it names one that can't be
 * judged. Any number of threads and processes may try at once: one wins.
 */
int chute_owner_claim(__u64 *word, __u64 self);

/* Clear *word if it still names @self. */
void chute_owner_release(__u64 *word, __u64 self);

#endif
