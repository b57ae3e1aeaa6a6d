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
#include "share.h"
#include "clock.h"
#include "owner.h"

#include <errno.h>
#include <sched.h>

/*
 * chute_header.pad of a BUSY record of a shared ring: whose it is, and, for a
 * batch, how to make its first header when it is finished. CHUTE_PAD_SKIP
 * (bit 30) says that the first is then to be discarded.
 */
#define PAD_SHARED	(1U << 31)
#define PAD_SLOT_MASK	0xffU /* bits 0-7 */
#define PAD_COUNT_SHIFT 8     /* bits 8-18: records - 1 */
#define PAD_COUNT_MASK	0x7ffU
#define PAD_SLACK_SHIFT 19 /* bits 19-21: padding bytes of each payload */
#define PAD_SLACK_MASK	7U
#define PAD_GEN_SHIFT	22 /* bits 22-29: the slot's generation */
#define PAD_GEN_MASK	0xffU
#define PAD_OWNER_MASK	(PAD_SHARED | PAD_GEN_MASK << PAD_GEN_SHIFT | PAD_SLOT_MASK)

_Static_assert(CHUTE_SLOTS <= PAD_SLOT_MASK + 1, "a slot must fit in the pad");
_Static_assert(CHUTE_BATCH_MAX <= PAD_COUNT_MASK + 1, "a batch's count must fit in the pad");

#define STUCK_NS   (5 * CHUTE_NS_PER_MS) /* a head that is BUSY for longer is looked into */
#define LOOK_EVERY 64			 /* reserves */
#define JUDGE_NS   (1 * CHUTE_NS_PER_MS) /* between two looks at who holds the lock */

static struct chute_header *header_at(const struct chute_ring *ring, unsigned long pos)
{
	return (struct chute_header *)(ring->data + (pos & (ring->size - 1)));
}

/* ---- the lock ---- */

static bool lock_try(__u64 *lock, __u64 self)
{
	__u64 seen = 0;

	/* S0: pairs with S1. What the last holder wrote is visible to the next. */
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

/* Is the producer that a BUSY record's pad names alive, and still in its slot? */
static bool is_owner_live(const struct chute_ring *ring, __u32 pad)
{
	const struct chute_slot *slot;
	__u32 gen = pad >> PAD_GEN_SHIFT & PAD_GEN_MASK;

	if ((pad & PAD_SLOT_MASK) >= CHUTE_SLOTS)
		return true;
	slot = &ring->producer->slots[pad & PAD_SLOT_MASK];
	return (chute_load_relaxed(&slot->generation) & PAD_GEN_MASK) == gen &&
	       chute_owner_state(chute_load_relaxed(&slot->owner)) != CHUTE_OWNER_DEAD;
}

static int slot_claim(struct chute_slot *slot, __u64 self)
{
	__u64 seen = chute_load_relaxed(&slot->owner);

	if (chute_owner_state(seen) != CHUTE_OWNER_DEAD)
		return -EBUSY;
	/* O2: pairs with O3 and O4. We are in the table before we look for a sole
	 * producer, who looks at the table after it has claimed the ring. */
	return chute_compare_exchange(&slot->owner, &seen, self) ? 0 : -EBUSY;
}

int chute_share_join(struct chute_share *share, const struct chute_ring *ring)
{
	struct chute_producer_page *page = ring->producer;
	__u64 self = chute_owner_self();
	__u32 gen;
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++)
		if (chute_owner_state(chute_load_relaxed(&page->slots[i].owner)) ==
		    CHUTE_OWNER_FOREIGN)
			return -EXDEV;
	for (i = 0; i < CHUTE_SLOTS; i++)
		if (!slot_claim(&page->slots[i], self))
			break;
	if (i == CHUTE_SLOTS)
		return -EUSERS;
	/* O2: what the slot's last owner left unfinished is nobody's from now on. */
	gen = chute_fetch_add(&page->slots[i].generation, 1U) + 1;
	*share = (struct chute_share){
		.self = self,
		.tag = PAD_SHARED | (gen & PAD_GEN_MASK) << PAD_GEN_SHIFT | (__u32)i,
		.limit_pos = chute_load_relaxed(&page->producer_pos),
		.countdown = LOOK_EVERY,
	};
	/* O5: pairs with O0. We are in the table before we look. */
	if (chute_owner_state(chute_load_seq_cst(&page->owner)) == CHUTE_OWNER_DEAD)
		return 0;
	chute_share_leave(share, ring);
	return -EBUSY;
}

void chute_share_leave(struct chute_share *share, const struct chute_ring *ring)
{
	struct chute_slot *slot = &ring->producer->slots[share->tag & PAD_SLOT_MASK];

	/* O3: pairs with O2. First what we leave unfinished is nobody's, then the
	 * slot is free. */
	chute_fetch_add(&slot->generation, 1U);
	chute_owner_release(&slot->owner, share->self);
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

static __u32 batch_pad(__u32 size, __u32 count)
{
	__u32 slack = (__u32)chute_record_bytes(size) - CHUTE_HEADER_SIZE - size;

	return count == 1 ? 0 : (count - 1) << PAD_COUNT_SHIFT | slack << PAD_SLACK_SHIFT;
}

/* Now and then, see whether the consumer is stuck at what a dead producer left. */
static void look_for_stuck(struct chute_share *share, const struct chute_ring *ring)
{
	unsigned long pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	__s64 now;

	chute_store_relaxed(&share->countdown, LOOK_EVERY);
	now = chute_now_ns();
	if (pos != chute_load_relaxed(&share->seen_pos)) {
		chute_store_relaxed(&share->seen_pos, pos);
		chute_store_relaxed(&share->seen_ns, now);
	} else if (now - chute_load_relaxed(&share->seen_ns) > STUCK_NS) {
		chute_store_relaxed(&share->seen_ns, now);
		chute_share_heal(ring);
	}
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
		look_for_stuck(share, ring);
	else
		chute_store_relaxed(&share->countdown, countdown - 1);
	lock(page, share->self);
	pos = chute_load_relaxed(&page->producer_pos);
	/* Another thread's older view may have come last: compare signed. */
	if ((long)(chute_load_relaxed(&share->limit_pos) - pos) < (long)bytes)
		err = refresh(share, ring, pos, bytes);
	if (err) {
		unlock(page);
		errno = err;
		return NULL;
	}
	header = header_at(ring, pos);
	/* The whole of a batch is one BUSY record until it is finished: its other
	 * headers are not there yet. */
	chute_store_relaxed(&header->pad, share->tag | batch_pad(size, count));
	chute_store_relaxed(&header->len,
			    (__u32)(count == 1 ? size : bytes - CHUTE_HEADER_SIZE) | CHUTE_BUSY);
	/* P3: pairs with the drain's D0. The header is there before its record. */
	chute_store_release(&page->producer_pos, pos + (unsigned long)bytes);
	unlock(page);
	return header + 1;
}

void chute_share_finish(void *payload, __u32 flags)
{
	struct chute_header *header = (struct chute_header *)payload - 1;
	__u32 len = chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK;
	__u32 pad = chute_load_relaxed(&header->pad);
	__u32 count = (pad >> PAD_COUNT_SHIFT & PAD_COUNT_MASK) + 1;

	if (count > 1)
		len = (len + CHUTE_HEADER_SIZE) / count - CHUTE_HEADER_SIZE -
		      (pad >> PAD_SLACK_SHIFT & PAD_SLACK_MASK);
	if (pad & CHUTE_PAD_SKIP)
		flags |= CHUTE_DISCARD;
	/* P4: pairs with the drain's D1. The commit point: before it the record is
	 * lost with its producer, after it nothing can lose it. */
	chute_store_release(&header->len, len | flags);
}

void chute_share_heal(const struct chute_ring *ring)
{
	struct chute_producer_page *page = ring->producer;
	unsigned long pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	struct chute_header *header = header_at(ring, pos);
	__u32 len, pad;

	/* D0: pairs with P3. A header that is there can be read. */
	if (pos % 8 || pos == chute_load_acquire(&page->producer_pos))
		return;
	len = chute_load_relaxed(&header->len);
	pad = chute_load_relaxed(&header->pad);
	if (!(len & CHUTE_BUSY) || len & CHUTE_DISCARD || !(pad & PAD_SHARED) ||
	    is_owner_live(ring, pad))
		return;
	lock(page, chute_owner_self());
	/* S2: pairs with D1. The same record still, and so the same dead owner, for
	 * nobody reserves now. */
	if (chute_load_relaxed(&ring->consumer->consumer_pos) == pos &&
	    chute_load_relaxed(&header->pad) == pad &&
	    chute_compare_exchange(&header->len, &len, len | CHUTE_DISCARD))
		chute_store_relaxed(&page->recovered, page->recovered + 1);
	unlock(page);
}
