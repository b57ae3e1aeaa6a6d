/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.h: many producers on one ring: the lock, the table of owners, and what is
 * done about those who died. All state is on the ring's producer page, so every
 * process that maps the ring is in; see chute(7) for the argument.
 */
#ifndef CHUTE_SRC_SHARE_H
#define CHUTE_SRC_SHARE_H

#include "owner.h"
#include "ring/ring.h"

#include <chute/atomic.h>
#include <chute/format.h>

/* What a handle knows of its own part. */
struct chute_share {
	__u64 self;		 /* the word of the process that holds the slot */
	__u64 joining;		 /* of the one that has a thread in chute_share_rejoin(), or 0 */
	__u32 tag;		 /* slot and generation, as in chute_header.pad */
	unsigned long limit_pos; /* a limit of producer_pos, perhaps out of date */
	/* The last look for a stuck record, and where the consumer was then. */
	__s64 looked_ns;
	unsigned long seen_pos;
	__u32 countdown, period; /* reserves until the next look, and from look to look */
};

/*
 * Join the producers of @ring. Returns 0; -EBUSY while a sole producer has it;
 * -EUSERS when all slots are taken; -EXDEV when a producer is of another pid or
 * time namespace, so that nobody could tell when it dies.
 */
int chute_share_join(struct chute_share *share, const struct chute_ring *ring);

/* Does the handle belong to the calling process, and not to the one that forked it? */
static inline bool chute_share_is_ours(const struct chute_share *share)
{
	/* J2: pairs with J1. */
	return chute_load_acquire(&share->self) == chute_owner_self();
}

/* Join anew, in a child of fork(). Any number of threads: one does it. As
 * chute_share_join(). */
int chute_share_rejoin(struct chute_share *share, const struct chute_ring *ring);

/* Leave. What is reserved and not finished will be discarded. */
void chute_share_leave(struct chute_share *share, const struct chute_ring *ring);

/* Is any producer of the table alive, or of another namespace? */
bool chute_share_is_live(const struct chute_ring *ring);

/*
 * Reserve @bytes: @count records of @size bytes, or, for a @count of 1, one. Any
 * number of threads and processes. Returns the payload; NULL and errno: ENOSPC,
 * EBADMSG.
 */
void *chute_share_reserve(struct chute_share *share, const struct chute_ring *ring, __u32 size,
			  __u32 count, __u64 bytes);

/* Finish what chute_share_reserve() returned. */
void chute_share_finish(void *payload, __u32 flags);

/* The slot of the producer that the pad of an unfinished record names, if that is still
 * its producer's; else -1. */
int chute_share_slot(const struct chute_ring *ring, __u32 pad);

/* Count threads of the handle that wait for space. */
void chute_share_blocked(const struct chute_share *share, const struct chute_ring *ring,
			 int change);

/* Heal what hinders the consumer, unless this handle has looked a moment ago. */
void chute_share_look(struct chute_share *share, const struct chute_ring *ring);

/*
 * Discard what the dead have left unfinished, from the consumer's position on. Looks
 * at @most records, which bounds how long the lock is held: what lies past them does
 * not hinder the consumer yet. Costs a look at /proc for each owner of an unfinished
 * record.
 */
#define CHUTE_HEAL_SOME 4096UL
#define CHUTE_HEAL_ALL	(~0UL)
void chute_share_heal(const struct chute_ring *ring, unsigned long most);

/* The same of some, for a consumer: a producer that lives and has the lock, and may be
 * stopped or hostile, is not waited for. */
void chute_share_heal_try(const struct chute_ring *ring);

#endif
