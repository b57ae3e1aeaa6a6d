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

/*
 * The word `partial`: of the packed record at consumer_pos, the messages before an offset in
 * its payload, up to 16384, were delivered.
 */
#define CHUTE_PARTIAL_BITS 12

static inline __u64 chute_partial_at(const struct chute_ring *ring, __u64 offset)
{
	__u64 pos = chute_load_relaxed(&ring->consumer->consumer_pos);

	return (pos / 8) << CHUTE_PARTIAL_BITS | offset / 8;
}

static inline __u64 chute_partial_offset(__u64 partial)
{
	return (partial & ((1U << CHUTE_PARTIAL_BITS) - 1)) * 8;
}

/* As chute_drain(), but a record is not consumed if *@keep is set when @callback stops. */
long chute_drain_keeping(struct chute_consumer *consumer, chute_drain_fn *callback, void *ctx,
			 __u64 flags, const bool *keep);

/* chute_drain() over a ring that need not be a consumer's own: for tests. */
void chute_consumer_init(struct chute_consumer *consumer, const struct chute_ring *ring);

#endif
