/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * members.c: the table of owners. A slot's generation moves when it is taken and when it
 * is left: the pad of a record names both, and so never the one who has the slot next.
 */
#include "producer/members.h"
#include "owner.h"
#include "ring/pad.h"

#include <errno.h>

enum chute_owner_state chute_members_state(const struct chute_ring *ring, int but)
{
	enum chute_owner_state state, all = CHUTE_OWNER_DEAD;
	__u64 owner, last = 0;
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++) {
		/* O4: pairs with O2. We are the owner before we look for others. */
		owner = chute_load_seq_cst(&ring->producer->slots[i].owner);
		if (owner == last || i == but)
			continue;
		last = owner;
		state = chute_owner_state(owner);
		if (state == CHUTE_OWNER_ALIVE)
			return state;
		if (state == CHUTE_OWNER_FOREIGN)
			all = state;
	}
	return all;
}

bool chute_members_are_foreign(const struct chute_ring *ring, __u64 self)
{
	struct chute_producer_page *page = ring->producer;
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++)
		/* O6: pairs with O2. */
		if (chute_owner_is_foreign(chute_load_seq_cst(&page->slots[i].owner), self))
			return true;
	/* O6: pairs with S0. */
	return chute_owner_is_foreign(chute_load_seq_cst(&page->lock), self);
}

static int slot_claim(struct chute_slot *slot, __u64 self)
{
	__u64 seen = chute_load_relaxed(&slot->owner);

	if (chute_owner_state(seen) != CHUTE_OWNER_DEAD)
		return -EBUSY;
	/* O2: pairs with O3, O4 and O6. We are in the table before we look for a sole
	 * producer, who looks at the table after it has claimed the ring. */
	return chute_compare_exchange(&slot->owner, &seen, self) ? 0 : -EBUSY;
}

/* A slot for us, or -1. Each process starts somewhere else, so that generations,
 * of which a pad has room for some, are used up slowly. */
static int find_slot(struct chute_producer_page *page, __u64 self)
{
	int i, slot;

	for (i = 0; i < CHUTE_SLOTS; i++) {
		slot = (chute_owner_pid(self) + i) % CHUTE_SLOTS;
		if (!slot_claim(&page->slots[slot], self))
			return slot;
	}
	return -1;
}

static void slot_leave(struct chute_slot *slot, __u64 self)
{
	/* O3: pairs with O2. First what we leave unfinished is nobody's, then the
	 * slot is free. */
	chute_fetch_add(&slot->generation, 1U);
	chute_owner_release(&slot->owner, self);
}

int chute_members_join(const struct chute_ring *ring, __u64 self, __u32 *tag)
{
	struct chute_producer_page *page = ring->producer;
	int i, err = 0;
	__u32 gen;

	if (chute_members_are_foreign(ring, self))
		return -EXDEV;
	i = find_slot(page, self);
	if (i < 0)
		return -EUSERS;
	/* O2: what the slot's last owner left unfinished is nobody's from now on. */
	gen = chute_fetch_add(&page->slots[i].generation, 1U) + 1;
	chute_store_relaxed(&page->slots[i].blocked, 0U);
	/* O5: pairs with O0. We are in the table before we look. */
	err = chute_owner_refusal(chute_owner_state(chute_load_seq_cst(&page->owner)));
	if (!err && chute_members_are_foreign(ring, self))
		err = -EXDEV;
	if (err)
		slot_leave(&page->slots[i], self);
	else
		*tag = chute_pad_tag((__u32)i, gen);
	return err;
}

void chute_members_leave(const struct chute_ring *ring, __u64 self, __u32 tag)
{
	slot_leave(&ring->producer->slots[chute_pad_slot(tag)], self);
}

void chute_members_blocked(const struct chute_ring *ring, __u32 tag, int change)
{
	chute_count(&ring->producer->slots[chute_pad_slot(tag)].blocked, (__u32)change);
}
