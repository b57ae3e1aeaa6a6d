/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.h: many producers on one ring: the lock, the table of owners, and what is
 * done about those who died. All state is on the ring's producer page, so every
 * process that maps the ring is in; see chute(7) for the argument.
 */
#ifndef CHUTE_SRC_SHARE_H
#define CHUTE_SRC_SHARE_H

#include "ring.h"

#include <chute/format.h>

/* What a handle knows of its own part. */
struct chute_share {
	__u64 self;		 /* the word of the process that holds the slot */
	__u32 tag;		 /* slot and generation, as in chute_header.pad */
	unsigned long limit_pos; /* a limit of producer_pos, perhaps out of date */
	unsigned long seen_pos;	 /* consumer_pos at the last look for a stuck record */
	__s64 seen_ns;		 /* when it was first seen there */
	__u32 countdown;	 /* reserves until the next look */
};

/*
 * Join the producers of @ring. Returns 0; -EBUSY while a sole producer has it;
 * -EUSERS when all slots are taken; -EXDEV when a producer is of another pid
 * namespace, so that nobody could tell when it dies.
 */
int chute_share_join(struct chute_share *share, const struct chute_ring *ring);

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

/*
 * If the record at the consumer's position is that of a dead owner, discard it, so
 * that the consumer gets on. Costs a look at /proc where a record is not finished.
 */
void chute_share_heal(const struct chute_ring *ring);

#endif
