/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * producer.h: the whole of a handle; struct chute is its first member.
 */
#ifndef CHUTE_SRC_PRODUCER_H
#define CHUTE_SRC_PRODUCER_H

#include "ring.h"
#include "wait.h"

#include <chute/chute.h>

struct chute_producer {
	struct chute fast; /* first: the public handle points at it */
	struct chute_ring ring;
	struct chute_wait wait;
	__u64 self; /* our word in the ring's owner field */

	/* While several records are reserved at a time; see producer.c. */
	unsigned long busy; /* how many of them are not finished; 0: the fast path's state */
	unsigned long busy_published_pos;
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

/* Publish what is staged and give the ring back; unmaps nothing. */
void chute_producer_fini(struct chute_producer *p);

#endif
