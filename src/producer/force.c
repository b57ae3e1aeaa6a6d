/* SPDX-License-Identifier: BSD-2-Clause */
/* force.c: see force.h. Each word is given back as its owner would have given it back. */
#include "producer/force.h"
#include "owner.h"
#include "producer/members.h"
#include "ring/pad.h"

#include <chute/atomic.h>

static void take(__u64 *word, __u64 self)
{
	const __u64 owner = chute_load_relaxed(word);

	if (owner && owner != self)
		chute_owner_release(word, owner);
}

void chute_force(const struct chute_ring *ring, __u64 self)
{
	struct chute_producer_page *page = ring->producer;
	__u64 owner;
	__u32 i;

	take(&page->owner, self);
	for (i = 0; i < CHUTE_SLOTS; i++) {
		owner = chute_load_relaxed(&page->slots[i].owner);
		if (owner && owner != self)
			chute_members_leave(ring, owner, chute_pad_tag(i, 0));
	}
	take(&page->lock, self);
	/* The kernel keeps the first page of a map to itself. */
	if (ring->backend == CHUTE_BACKEND_MEMORY)
		take(&ring->consumer->drainer, self);
}
