/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * producer.h: the whole of a handle; struct chute is its first member.
 */
#ifndef CHUTE_SRC_PRODUCER_H
#define CHUTE_SRC_PRODUCER_H

#include "ring/ring.h"
#include "producer/share.h"
#include "wait.h"

#include <chute/chute.h>

/* The open packed record, as far as struct chute does not have it; see pack.c. */
struct chute_packer {
	char *payload;	 /* of the packed record, or NULL */
	char *end;	 /* of its payload as reserved */
	void *single;	 /* a message that has a record of its own, still open, or NULL */
	bool mixed;	 /* lengths before the messages */
	bool next_mixed; /* so will the next one have */
};

struct chute_producer {
	struct chute fast; /* first: the public handle points at it */
	struct chute_ring ring;
	struct chute_wait wait;
	__u64 self; /* our word in the ring's owner field */

	/* While several records are reserved at a time; see producer.c. */
	unsigned long busy; /* how many of them are not finished; 0: the fast path's state */
	unsigned long busy_published_pos;

	bool shared; /* one of many: every call of the fast path comes to the slow one */
	struct chute_share share;

	struct chute_packer pack;

	int drain_prog_fd;
	__u32 kick_every, kick_left; /* messages from one kick to the next; 0: none */
};

static inline struct chute_producer *chute_producer_of(const struct chute *c)
{
	return (struct chute_producer *)c;
}

/*
 * Become the sole producer of @ring, whose ownership passes to the handle.
 * Returns 0; -EBUSY when somebody else is; -EBADMSG when the ring's positions
 * can't be true. @ring is left alone on failure.
 */
int chute_producer_init(struct chute_producer *p, const struct chute_ring *ring,
			const struct chute_opts *opts);

/*
 * Reserve @count records of @size bytes as one region, and make the first header.
 * NULL and errno as chute_reserve(), waiting as chute_reserve_for().
 */
void *chute_producer_reserve(struct chute_producer *p, __u32 size, __u32 count);
void *chute_producer_reserve_for(struct chute_producer *p, __u32 size, __u32 count,
				 __s64 timeout_ns);

/* Has another producer been noticed? */
bool chute_producer_is_lost(const struct chute_producer *p);

/* Does the handle belong to this process, and not to the one that forked it? */
bool chute_producer_is_ours(const struct chute_producer *p);

/* Finish the open packed record, if there is one, and publish it. */
void chute_pack_close(struct chute_producer *p);

/* Publish what is staged and give the ring back; unmaps nothing. */
void chute_producer_fini(struct chute_producer *p);

#endif
