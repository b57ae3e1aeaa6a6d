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
	__u64 recovered;
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

/*
 * Under the lock nobody reserves. So what is found between the positions is headers,
 * even where the consumer has gone on meanwhile, and a record that is unfinished now
 * is its owner's, or its owner is dead.
 */
static void discard_of_the_gone(const struct chute_ring *ring, struct verdicts *v,
				unsigned long most)
{
	struct chute_record record;
	struct chute_header *header;
	struct chute_walk walk;
	__u32 len;

	chute_walk_start(&walk, chute_load_relaxed(&ring->consumer->consumer_pos));
	for (; most && chute_walk_next(&walk, ring, &record); most--) {
		header = chute_ring_header(ring, record.pos);
		len = record.size | CHUTE_BUSY;
		if (record.flags != CHUTE_BUSY ||
		    !is_gone(ring, v, chute_load_relaxed(&header->pad)))
			continue;
		/* S2: pairs with D1. */
		if (chute_compare_exchange(&header->len, &len, len | CHUTE_DISCARD))
			v->recovered++;
	}
}

unsigned long chute_heal_unowned(const struct chute_ring *ring)
{
	struct chute_record record;
	struct chute_header *header;
	struct chute_walk walk;
	unsigned long count = 0;
	__u32 len;

	chute_walk_start(&walk, chute_load_relaxed(&ring->consumer->consumer_pos));
	while (chute_walk_next(&walk, ring, &record)) {
		header = chute_ring_header(ring, record.pos);
		len = record.size | CHUTE_BUSY;
		if (record.flags != CHUTE_BUSY ||
		    chute_pad_slot(chute_load_relaxed(&header->pad)) >= 0)
			continue;
		/* S2: pairs with D1. */
		count += chute_compare_exchange(&header->len, &len, len | CHUTE_DISCARD);
	}
	return count;
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

	/* Nothing is there, or the lock is not for us, who may be no producer. */
	if (chute_load_relaxed(&page->producer_pos) ==
		    chute_load_relaxed(&ring->consumer->consumer_pos) ||
	    chute_members_are_foreign(ring, self))
		return false;
	if (wait ? chute_lock(page, self)
		 : !chute_lock_try(page, self) && !chute_lock_take_over(page, self))
		return false;
	if (!chute_members_are_foreign(ring, self))
		discard_of_the_gone(ring, v, most);
	chute_store_relaxed(&page->recovered, page->recovered + v->recovered);
	v->recovered = 0;
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
