/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heal.c: what the dead have left. A BUSY record whose producer is dead is discarded
 * under the lock: while we hold it nobody reserves, so the bytes can't have become
 * another record meanwhile.
 */
#include "producer/heal.h"
#include "owner.h"
#include "producer/lock.h"
#include "producer/members.h"
#include "ring/pad.h"
#include "ring/record.h"

/* What is known of the owners of slots. A word that names the dead stays so. */
struct verdicts {
	struct {
		__u64 owner; /* of an unfinished record */
		enum { UNKNOWN, LIVE, DEAD } state;
	} slots[CHUTE_SLOTS];
};

/* Is the producer that the pad of an unfinished record names known to be gone? If
 * that is to be found out first, put it down. */
static bool is_gone(const struct chute_ring *ring, struct verdicts *v, __u32 pad)
{
	const struct chute_slot *slot;
	int i = chute_pad_slot(pad);
	__u64 owner;

	if (i < 0)
		return false;
	slot = &ring->producer->slots[i];
	owner = chute_load_relaxed(&slot->owner);
	if (!owner || !chute_pad_is_current(pad, slot))
		return true;
	if (v->slots[i].owner != owner) {
		v->slots[i].owner = owner;
		v->slots[i].state = UNKNOWN;
	}
	return v->slots[i].state == DEAD;
}

/* Is it of a producer that is not in the table: a sole one, or libbpf's? */
static bool is_unowned(const struct chute_ring *ring, struct verdicts *v, __u32 pad)
{
	(void)ring;
	(void)v;
	return chute_pad_slot(pad) < 0;
}

typedef bool which_fn(const struct chute_ring *ring, struct verdicts *v, __u32 pad);

/*
 * Discard the unfinished records of which @which says so by their pads. Under the lock
 * nobody reserves. So what is found between the positions is headers, even where the
 * consumer has gone on meanwhile, and a record that is unfinished now is its owner's, or its
 * owner is dead. Returns how many there were.
 */
static unsigned long discard_unfinished(const struct chute_ring *ring, unsigned long most,
					which_fn *which, struct verdicts *v)
{
	struct chute_record record;
	struct chute_header *header;
	struct chute_walk walk;
	unsigned long count = 0;
	__u32 len;

	chute_walk_start(&walk, chute_load_relaxed(&ring->consumer->consumer_pos));
	for (; most && chute_walk_next(&walk, ring, &record); most--) {
		header = chute_ring_header(ring, record.pos);
		len = record.size | CHUTE_BUSY;
		if (record.flags != CHUTE_BUSY || !which(ring, v, chute_load_relaxed(&header->pad)))
			continue;
		/* S2: pairs with D1. */
		count += chute_compare_exchange(&header->len, &len, len | CHUTE_DISCARD);
	}
	return count;
}

unsigned long chute_heal_unowned(const struct chute_ring *ring)
{
	return discard_unfinished(ring, ~0UL, is_unowned, NULL);
}

/* Judge the owners that were put down: not under the lock, for it takes time. Returns
 * whether one was found dead. */
static bool judge(struct verdicts *v)
{
	bool dead = false;
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++) {
		if (!v->slots[i].owner || v->slots[i].state != UNKNOWN)
			continue;
		v->slots[i].state = chute_owner_state(v->slots[i].owner) == CHUTE_OWNER_DEAD ? DEAD
											     : LIVE;
		dead |= v->slots[i].state == DEAD;
	}
	return dead;
}

/* Returns whether another turn may find more. */
static bool heal(const struct chute_ring *ring, struct verdicts *v, unsigned long most, bool wait)
{
	struct chute_producer_page *page = ring->producer;
	__u64 self = chute_owner_self();
	unsigned long count = 0;

	/* Nothing is there, or the lock is not for us, who may be no producer. */
	if (chute_load_relaxed(&page->producer_pos) ==
		    chute_load_relaxed(&ring->consumer->consumer_pos) ||
	    chute_members_are_foreign(ring, self))
		return false;
	if (wait ? chute_lock(page, self)
		 : !chute_lock_try(page, self) && !chute_lock_take_over(page, self))
		return false;
	if (!chute_members_are_foreign(ring, self))
		count = discard_unfinished(ring, most, is_gone, v);
	chute_store_relaxed(&page->recovered, page->recovered + count);
	chute_unlock(page);
	return judge(v);
}

void chute_heal(const struct chute_ring *ring, unsigned long most)
{
	struct verdicts v = { 0 };

	while (heal(ring, &v, most, true))
		;
}

void chute_heal_try(const struct chute_ring *ring)
{
	struct verdicts v = { 0 };

	/* The first turn tells who is to be judged. */
	if (heal(ring, &v, CHUTE_HEAL_SOME, false))
		heal(ring, &v, CHUTE_HEAL_SOME, false);
}
