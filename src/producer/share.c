/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c: many producers. Under a lock that names its owner: write a BUSY header
 * that names the producer, then move producer_pos. Nothing else is done under it,
 * and moving producer_pos is the only commit: whoever takes the lock from a dead
 * owner finds nothing to undo. Finishing a record is one store, without the lock.
 *
 * A BUSY record whose producer is dead is discarded under the lock: while we hold
 * it nobody reserves, so the bytes can't have become another record meanwhile.
 */
#include "producer/share.h"
#include "clock.h"
#include "owner.h"
#include "ring/peek.h"

#include <errno.h>
#include <sched.h>

/*
 * chute_header.pad of a BUSY record of a shared ring: whose it is, and for how many
 * records of a batch it stands. CHUTE_PAD_SKIP (bit 30) says that the first of them
 * is to be discarded when it is finished.
 */
#define PAD_SHARED	(1U << 31)
#define PAD_GEN_SHIFT	19 /* bits 19-29: the slot's generation */
#define PAD_GEN_MASK	0x7ffU
#define PAD_COUNT_SHIFT 8 /* bits 8-18: records - 1 */
#define PAD_COUNT_MASK	0x7ffU
#define PAD_SLOT_MASK	0xffU /* bits 0-7 */

_Static_assert(CHUTE_SLOTS <= PAD_SLOT_MASK + 1, "a slot must fit in the pad");
_Static_assert(CHUTE_BATCH_MAX <= PAD_COUNT_MASK + 1, "a batch's count must fit in the pad");

#define STUCK_NS   (5 * CHUTE_NS_PER_MS) /* a head that is BUSY for longer is looked into */
#define LOOK_EVERY 16U			 /* reserves, at most, from look to look */
#define JUDGE_NS   (1 * CHUTE_NS_PER_MS) /* between two looks at who holds the lock */

static struct chute_header *header_at(const struct chute_ring *ring, unsigned long pos)
{
	return (struct chute_header *)(ring->data + (pos & (ring->size - 1)));
}

/* ---- the lock ---- */

static bool lock_try(__u64 *lock, __u64 self)
{
	__u64 seen = 0;

	/* S0: pairs with S1 and O6. What the last holder wrote is visible to the next. */
	return chute_load_relaxed(lock) == 0 && chute_compare_exchange(lock, &seen, self);
}

static void unlock(struct chute_producer_page *page)
{
	/* S1: pairs with S0. */
	chute_store_release(&page->lock, (__u64)0);
}

/* The lock of a dead owner becomes ours: the dead write nothing more. */
static bool lock_take_over(struct chute_producer_page *page, __u64 self)
{
	__u64 seen = chute_load_relaxed(&page->lock);

	if (!seen || chute_owner_state(seen) != CHUTE_OWNER_DEAD)
		return false;
	/* S0: the dead one has released nothing, and needs not to: the kernel ended
	 * it before it told us so. */
	if (!chute_compare_exchange(&page->lock, &seen, self))
		return false;
	chute_store_relaxed(&page->takeovers, page->takeovers + 1);
	return true;
}

/*
 * Contended: back off, longer and longer, so that whoever has the lock's line in
 * its cache makes a long run of records meanwhile; then give the CPU away, for the
 * holder may be waiting for it; then sleep.
 */
static void lock_slow(struct chute_producer_page *page, __u64 self)
{
	__s64 judged = chute_now_ns(), now;
	struct timespec nap;
	__u32 spins = 16, tries = 0, i;

	while (!lock_try(&page->lock, self)) {
		for (i = 0; i < spins; i++)
			chute_pause();
		if (spins < 256)
			spins *= 2;
		if (++tries > 4)
			sched_yield();
		if (tries <= 16)
			continue;
		now = chute_now_ns();
		if (now - judged > JUDGE_NS) {
			if (lock_take_over(page, self))
				return;
			judged = chute_now_ns();
		}
		if (tries > 64) {
			nap = chute_timespec(50000);
			nanosleep(&nap, NULL);
		}
	}
}

static inline void lock(struct chute_producer_page *page, __u64 self)
{
	if (__builtin_expect(!lock_try(&page->lock, self), 0))
		lock_slow(page, self);
}

/* ---- the table of owners ---- */

bool chute_share_is_live(const struct chute_ring *ring)
{
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++)
		/* O4: pairs with O2. We are the owner before we look for others. */
		if (chute_owner_state(chute_load_seq_cst(&ring->producer->slots[i].owner)) !=
		    CHUTE_OWNER_DEAD)
			return true;
	return false;
}

/* Is anyone in the table, or at the lock, who can't tell whether we live, nor we of
 * them? Full barriers, so that of two that come at once at least one sees it. */
static bool is_foreign_there(const struct chute_ring *ring, __u64 self)
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

int chute_share_join(struct chute_share *share, const struct chute_ring *ring)
{
	struct chute_producer_page *page = ring->producer;
	__u64 self = chute_owner_self();
	int i, err = 0;
	__u32 gen;

	if (is_foreign_there(ring, self))
		return -EXDEV;
	i = find_slot(page, self);
	if (i < 0)
		return -EUSERS;
	/* O2: what the slot's last owner left unfinished is nobody's from now on. */
	gen = chute_fetch_add(&page->slots[i].generation, 1U) + 1;
	chute_store_relaxed(&page->slots[i].blocked, 0U);
	/* O5: pairs with O0. We are in the table before we look. */
	if (chute_owner_state(chute_load_seq_cst(&page->owner)) != CHUTE_OWNER_DEAD)
		err = -EBUSY;
	else if (is_foreign_there(ring, self))
		err = -EXDEV;
	if (err) {
		slot_leave(&page->slots[i], self);
		return err;
	}
	share->tag = PAD_SHARED | (gen & PAD_GEN_MASK) << PAD_GEN_SHIFT | (__u32)i;
	share->limit_pos = chute_load_relaxed(&page->producer_pos);
	share->period = 1;
	share->countdown = 0;
	/* J1: pairs with J2. The slot is ours before anyone goes by it. */
	chute_store_release(&share->self, self);
	return 0;
}

int chute_share_rejoin(struct chute_share *share, const struct chute_ring *ring)
{
	__u64 self = chute_owner_self(), seen;
	int err = 0;

	do {
		if (chute_share_is_ours(share))
			return 0;
		seen = chute_load_relaxed(&share->joining);
		if (seen == self)
			sched_yield();
		/* J0: pairs with J1. A thread of the process that forked us may have been
		 * here in that moment, and is not in this process. */
	} while (seen == self || !chute_compare_exchange(&share->joining, &seen, self));
	if (!chute_share_is_ours(share))
		err = chute_share_join(share, ring);
	/* J1: pairs with J0. */
	chute_store_release(&share->joining, (__u64)0);
	return err;
}

void chute_share_leave(struct chute_share *share, const struct chute_ring *ring)
{
	slot_leave(&ring->producer->slots[share->tag & PAD_SLOT_MASK], share->self);
}

/* ---- records ---- */

/* Look at the consumer. 0 if @bytes are free from @pos on; else the errno value. */
static int refresh(struct chute_share *share, const struct chute_ring *ring, unsigned long pos,
		   __u64 bytes)
{
	/* C0: pairs with D2 (or the kernel's release of consumer_pos). */
	unsigned long used = pos - chute_load_acquire(&ring->consumer->consumer_pos);

	if (used > ring->size)
		return EBADMSG;
	chute_store_relaxed(&share->limit_pos, pos - used + ring->size);
	return bytes <= ring->size - used ? 0 : ENOSPC;
}

static void look(struct chute_share *share, const struct chute_ring *ring)
{
	__u32 period = chute_load_relaxed(&share->period);
	__s64 now = chute_coarse_ns();
	unsigned long pos;

	if (now - chute_load_relaxed(&share->looked_ns) < STUCK_NS) {
		period = period * 2 < LOOK_EVERY ? period * 2 : LOOK_EVERY;
	} else {
		pos = chute_load_relaxed(&ring->consumer->consumer_pos);
		chute_store_relaxed(&share->looked_ns, now);
		/* Who reserves seldom looks each time: the next time may be far. */
		if (period == 1 || pos == chute_load_relaxed(&share->seen_pos))
			chute_share_heal(ring, CHUTE_HEAL_SOME);
		chute_store_relaxed(&share->seen_pos, pos);
		period = 1;
	}
	chute_store_relaxed(&share->period, period);
	chute_store_relaxed(&share->countdown, period - 1);
}

void chute_share_look(struct chute_share *share, const struct chute_ring *ring)
{
	chute_store_relaxed(&share->period, 1U);
	look(share, ring);
}

void *chute_share_reserve(struct chute_share *share, const struct chute_ring *ring, __u32 size,
			  __u32 count, __u64 bytes)
{
	struct chute_producer_page *page = ring->producer;
	struct chute_header *header;
	__u32 countdown = chute_load_relaxed(&share->countdown);
	unsigned long pos;
	int err = 0;

	if (__builtin_expect(!countdown, 0))
		look(share, ring);
	else
		chute_store_relaxed(&share->countdown, countdown - 1);
	lock(page, share->self);
	pos = chute_load_relaxed(&page->producer_pos);
	/* Another thread's older view may have come last: compare signed. */
	if ((long)(chute_load_relaxed(&share->limit_pos) - pos) < (long)bytes)
		err = refresh(share, ring, pos, bytes);
	if (err) {
		if (err == ENOSPC)
			chute_store_relaxed(&page->full, page->full + 1);
		unlock(page);
		errno = err;
		return NULL;
	}
	/* In the lock's line. */
	chute_store_relaxed(&page->records, page->records + count);
	header = header_at(ring, pos);
	/* The whole of a batch is one BUSY record until it is finished: its other
	 * headers are not there yet. */
	chute_store_relaxed(&header->pad, share->tag | (count - 1) << PAD_COUNT_SHIFT);
	chute_store_relaxed(&header->len,
			    (__u32)(count == 1 ? size : bytes - CHUTE_HEADER_SIZE) | CHUTE_BUSY);
	/* P3: pairs with the drain's D0. The header is there before its record. */
	chute_store_release(&page->producer_pos, pos + (unsigned long)bytes);
	unlock(page);
	return header + 1;
}

/* The slot that the pad of an unfinished record names, or -1; and is what it names
 * still that slot's producer? */
static int pad_slot(__u32 pad)
{
	__u32 i = pad & PAD_SLOT_MASK;

	return (pad & PAD_SHARED) && i < CHUTE_SLOTS ? (int)i : -1;
}

static bool is_current(const struct chute_slot *slot, __u32 pad)
{
	return (chute_load_relaxed(&slot->generation) & PAD_GEN_MASK) ==
	       (pad >> PAD_GEN_SHIFT & PAD_GEN_MASK);
}

int chute_share_slot(const struct chute_ring *ring, __u32 pad)
{
	int i = pad_slot(pad);

	return i >= 0 && is_current(&ring->producer->slots[i], pad) ? i : -1;
}

void chute_share_blocked(const struct chute_share *share, const struct chute_ring *ring, int change)
{
	chute_count(&ring->producer->slots[share->tag & PAD_SLOT_MASK].blocked, (__u32)change);
}

void chute_share_finish(void *payload, __u32 flags)
{
	struct chute_header *header = (struct chute_header *)payload - 1, *second;
	__u32 len = chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK;
	__u32 pad = chute_load_relaxed(&header->pad);
	__u32 count = (pad >> PAD_COUNT_SHIFT & PAD_COUNT_MASK) + 1;

	/* All of a batch are of the second one's size. */
	if (count > 1) {
		second =
			(struct chute_header *)((char *)header + (len + CHUTE_HEADER_SIZE) / count);
		len = chute_load_relaxed(&second->len) & CHUTE_LENGTH_MASK;
	}
	if (pad & CHUTE_PAD_SKIP)
		flags |= CHUTE_DISCARD;
	/* P4: pairs with the drain's D1. The commit point: before it the record is
	 * lost with its producer, after it nothing can lose it. */
	chute_store_release(&header->len, len | flags);
}

/* ---- what the dead have left ---- */

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
	int i = pad_slot(pad);
	__u64 owner;

	if (i < 0)
		return false;
	slot = &ring->producer->slots[i];
	owner = chute_load_relaxed(&slot->owner);
	if (!owner || !is_current(slot, pad))
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
	unsigned long start_pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	unsigned long pos = start_pos;
	struct chute_record record;
	struct chute_header *header;
	__u32 len;

	/* Not further than a lap, whatever the positions say. */
	for (; most && pos - start_pos < ring->size; most--, pos = record.next_pos) {
		if (chute_ring_peek(ring, pos, &record) != 1)
			break;
		header = header_at(ring, pos);
		len = record.size | CHUTE_BUSY;
		if (record.flags != CHUTE_BUSY ||
		    !is_gone(ring, v, chute_load_relaxed(&header->pad)))
			continue;
		/* S2: pairs with D1. */
		if (chute_compare_exchange(&header->len, &len, len | CHUTE_DISCARD))
			v->recovered++;
	}
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
	    is_foreign_there(ring, self))
		return false;
	if (wait)
		lock(page, self);
	else if (!lock_try(&page->lock, self) && !lock_take_over(page, self))
		return false;
	if (!is_foreign_there(ring, self))
		discard_of_the_gone(ring, v, most);
	chute_store_relaxed(&page->recovered, page->recovered + v->recovered);
	v->recovered = 0;
	unlock(page);
	return judge(v);
}

void chute_share_heal(const struct chute_ring *ring, unsigned long most)
{
	struct verdicts v = { 0 };

	while (heal(ring, &v, most, true))
		;
}

void chute_share_heal_try(const struct chute_ring *ring)
{
	struct verdicts v = { 0 };

	/* The first turn tells who is to be judged. */
	if (heal(ring, &v, CHUTE_HEAL_SOME, false))
		heal(ring, &v, CHUTE_HEAL_SOME, false);
}
