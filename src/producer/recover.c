/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recover.c: mends a ring. Only bits of headers are set that make a consumer skip
 * a record, so one that runs meanwhile is never led astray; producer_pos moves
 * only where it can't be true.
 */
#include "producer/recover.h"
#include "ring/record.h"

#include <chute/chute.h>

static void discard(const struct chute_ring *ring, unsigned long pos, __u32 size)
{
	/* R0: pairs with D1. */
	chute_store_release(&chute_ring_header(ring, pos)->len, size | CHUTE_DISCARD);
}

/* Lay discarded records over [pos, end), the last first: a consumer that waits at
 * the first one finds them all. Returns how many. */
static unsigned long discard_all(const struct chute_ring *ring, unsigned long pos,
				 unsigned long end)
{
	const unsigned long most = 1UL << 23; /* bytes; a payload has its limit */
	unsigned long at, count = 0, bytes;

	for (at = pos + (end - pos - 8) / most * most; end != pos; at -= most) {
		bytes = end - at;
		discard(ring, at, (__u32)(bytes - CHUTE_HEADER_SIZE));
		end = at;
		count++;
	}
	return count;
}

/* Where the pending records end, if that can be true; else producer_pos is put
 * right: back to a header's place, or, where it tells nothing, to the consumer's. */
static unsigned long end_of_records(const struct chute_ring *ring, unsigned long cons_pos)
{
	unsigned long *word = &ring->producer->producer_pos;
	unsigned long pos = chute_load_relaxed(word), end = pos & ~7UL;

	if (end - cons_pos > ring->size)
		end = cons_pos;
	if (end != pos)
		/* R1: pairs with D0. */
		chute_store_release(word, end);
	return end;
}

unsigned long chute_recover(const struct chute_ring *ring)
{
	unsigned long pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	unsigned long end, count = 0;
	struct chute_record record;
	struct chute_walk walk;

	/* No consumer stands there: somebody has overwritten the first page of a memory
	 * ring, and no drain gets on whatever we do. */
	if (pos % 8)
		return 0;
	end = end_of_records(ring, pos);
	chute_walk_start(&walk, pos);
	while (chute_walk_next(&walk, ring, &record)) {
		if (record.flags == CHUTE_BUSY) {
			discard(ring, record.pos, record.size);
			count++;
		}
	}
	/* Whoever moves producer_pos meanwhile may have led us past the end. */
	return (long)(end - walk.pos) <= 0 ? count : count + discard_all(ring, walk.pos, end);
}
