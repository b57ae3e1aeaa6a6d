/* SPDX-License-Identifier: BSD-2-Clause */
/* force.c: see force.h. Each word is given back as its owner would have given it back. */
#include "producer/force.h"

#include <chute/atomic.h>

static void take(__u64 *word, __u64 self)
{
	__u64 seen = chute_load_relaxed(word);

	if (seen && seen != self)
		/* O1: pairs with O0. */
		chute_compare_exchange(word, &seen, (__u64)0);
}

void chute_force(const struct chute_ring *ring, __u64 self)
{
	struct chute_producer_page *page = ring->producer;
	__u64 owner;
	int i;

	take(&page->owner, self);
	for (i = 0; i < CHUTE_SLOTS; i++) {
		owner = chute_load_relaxed(&page->slots[i].owner);
		if (!owner || owner == self)
			continue;
		/* O3: pairs with O2. What it has left unfinished is nobody's. */
		chute_fetch_add(&page->slots[i].generation, 1U);
		take(&page->slots[i].owner, self);
	}
	take(&page->lock, self);
	/* The kernel keeps the first page of a map to itself. */
	if (ring->backend == CHUTE_BACKEND_MEMORY)
		take(&ring->consumer->drainer, self);
}
