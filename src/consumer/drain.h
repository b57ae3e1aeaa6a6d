/* SPDX-License-Identifier: BSD-2-Clause */
/* drain.h: the consumer's rules over mapped memory. */
#ifndef CHUTE_SRC_DRAIN_H
#define CHUTE_SRC_DRAIN_H

#include "ring/ring.h"

#include <chute/drain.h>

struct chute_consumer {
	union {
		struct chute_ring ring;
		struct chute_view view; /* of it, for who asks */
	};
	bool draining;		 /* `drainer` names us, and it is by this handle */
	unsigned long stuck_pos; /* where a drain found an unfinished record ... */
	__s64 stuck_ns;		 /* ... and since when */
};

/* chute_drain() over a ring that need not be a consumer's own: for tests. */
void chute_consumer_init(struct chute_consumer *consumer, const struct chute_ring *ring);

#endif
