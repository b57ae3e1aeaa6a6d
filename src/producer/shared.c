/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.c: one of many producers. Under a lock that names its owner: write a BUSY
 * header that names the producer, then move producer_pos. Nothing else is done under
 * it, and moving producer_pos is the only commit: whoever takes the lock from a dead
 * owner finds nothing to undo. Finishing a record is one store, without the lock.
 */
#include "clock.h"
#include "fail.h"
#include "owner.h"
#include "producer/heal.h"
#include "producer/lock.h"
#include "producer/members.h"
#include "producer/producer.h"
#include "producer/recover.h"
#include "ring/pad.h"
#include "ring/record.h"

#include <sched.h>

#define STUCK_NS   (5 * CHUTE_NS_PER_MS) /* a head that is BUSY for longer is looked into */
#define LOOK_EVERY 32U			 /* reserves, at most, from look to look */

/* How long we wait before we look whether a dead one is in the consumer's way. */
#define SLEEP_NS (10 * CHUTE_NS_PER_MS)

/* Get a slot for this process. */
static int take_slot(struct chute_producer *p)
{
	struct chute_shared_state *s = &p->shared;
	__u64 self = chute_owner_self();
	int err;

	err = chute_members_join(&p->ring, self, &s->tag);
	if (err)
		return err;
	s->payloads = p->ring.data + CHUTE_HEADER_SIZE;
	s->header = chute_header_word(CHUTE_BUSY, s->tag);
	s->limit_pos = s->room_pos = chute_load_relaxed(&p->ring.producer->producer_pos);
	s->period = 1;
	s->page = p->ring.producer;
	/* J1: pairs with J2. The slot is ours before anyone goes by it. */
	chute_store_release(&p->self, self);
	chute_producer_shorten(p);
	return 0;
}

/* Under the lock, and with a slot: nobody reserves, and no sole producer comes. Where
 * others live, what they have open is spared, and with it all that is not a record. */
static void mend(const struct chute_ring *ring, __u32 tag)
{
	struct chute_producer_page *page = ring->producer;
	unsigned long count;

	if (chute_members_state(ring, chute_pad_slot(tag)) == CHUTE_OWNER_DEAD)
		count = chute_recover(ring);
	else
		count = chute_heal_unowned(ring);
	chute_store_relaxed(&page->recovered, page->recovered + count);
}

static int join(struct chute_producer *p, bool recover)
{
	struct chute_producer_page *page = p->ring.producer;
	int err;

	if (!recover)
		return take_slot(p);
	if (chute_members_are_foreign(&p->ring, p->self))
		return -EXDEV;
	/* Of many that come to mend, each finds those before it in their slots. */
	err = chute_lock(page, p->self);
	if (err)
		return err;
	err = take_slot(p);
	if (!err)
		mend(&p->ring, p->shared.tag);
	chute_unlock(page);
	return err;
}

/* Join anew, in a child of fork(), which has its parent's handle and must not be taken
 * for it. Any number of threads: one does it. */
static int rejoin(struct chute_producer *p)
{
	__u64 *joining = &p->shared.joining;
	__u64 self = chute_owner_self(), seen;
	int err = 0;

	do {
		if (chute_producer_is_ours(p))
			return 0;
		seen = chute_load_relaxed(joining);
		if (seen == self)
			sched_yield();
		/* J0: pairs with J1. A thread of the process that forked us may have been
		 * here in that moment, and is not in this process. */
	} while (seen == self || !chute_compare_exchange(joining, &seen, self));
	if (!chute_producer_is_ours(p)) {
		err = take_slot(p);
		/* The handle's epoll is our parent's too, and an edge wakes one of us. */
		chute_store_relaxed(&p->shared.waits, 1U);
	}
	/* J1: pairs with J0. */
	chute_store_release(joining, (__u64)0);
	return err;
}

static void leave(struct chute_producer *p)
{
	chute_members_leave(&p->ring, p->self, p->shared.tag);
}

/* ---- records ---- */

/* Heal what hinders the consumer, unless this handle has looked a moment ago. */
static void look_for_dead(struct chute_producer *p)
{
	struct chute_shared_state *s = &p->shared;
	__u32 period = chute_load_relaxed(&s->period);
	__s64 now = chute_coarse_ns();
	unsigned long pos;

	if (now - chute_load_relaxed(&s->looked_ns) < STUCK_NS) {
		period = period * 2 < LOOK_EVERY ? period * 2 : LOOK_EVERY;
	} else {
		pos = chute_load_relaxed(&p->ring.consumer->consumer_pos);
		chute_store_relaxed(&s->looked_ns, now);
		/* Who reserves seldom looks each time: the next time may be far. */
		if (period == 1 || pos == chute_load_relaxed(&s->seen_pos))
			chute_heal(&p->ring, CHUTE_HEAL_SOME);
		chute_store_relaxed(&s->seen_pos, pos);
		period = 1;
	}
	chute_store_relaxed(&s->period, period);
}

static void look(struct chute_producer *p)
{
	chute_store_relaxed(&p->shared.period, 1U);
	look_for_dead(p);
}

/* The record at @pos, for whoever has the lock. */
static inline void *make_record(struct chute_producer *p, struct chute_producer_page *page,
				unsigned long pos, __u64 bytes, __u64 word)
{
	char *payload = p->shared.payloads + (pos & p->fast.mask);

	/* Nobody looks at it yet. */
	chute_header_make(chute_header_of(payload), p->shared.header | word);
	/* P3: pairs with the drain's D0. The header is there before its record. */
	chute_store_release(&page->producer_pos, pos + (unsigned long)bytes);
	chute_unlock(page);
	return payload;
}

/* Are not @bytes from @pos on known to be free? Another thread's older view may have come
 * last: compare signed. And a neighbour may have put us where no record can be. */
static inline bool is_at_limit(const struct chute_producer *p, unsigned long pos, __u64 bytes)
{
	return (long)(chute_load_relaxed(&p->shared.limit_pos) - pos) < (long)bytes || pos % 8;
}

/* Is there space for @bytes? 0, or the errno value. */
static int look_for_space(struct chute_producer *p, unsigned long pos, __u64 bytes)
{
	struct chute_shared_state *s = &p->shared;
	__s64 room = (long)(chute_load_relaxed(&s->room_pos) - pos);
	__s64 step;

	if (room < (__s64)bytes || pos % 8) {
		room = chute_ring_room(&p->ring, pos);
		if (room < 0)
			return (int)-room;
		chute_store_relaxed(&s->room_pos, pos + (unsigned long)room);
	}
	if (room < (__s64)bytes)
		return ENOSPC;
	/* So far, and no step longer than that, until we look for the dead, too. */
	step = (__s64)(bytes * chute_load_relaxed(&s->period));
	if (step > CHUTE_LIMIT_STEP)
		step = CHUTE_LIMIT_STEP;
	if (step > room)
		step = room;
	chute_store_relaxed(&s->limit_pos, pos + (unsigned long)step);
	return 0;
}

/* With the lock, which is free after it. */
static void *reserve_locked(struct chute_producer *p, __u32 size, __u32 count, __u64 bytes)
{
	struct chute_producer_page *page = p->ring.producer;
	unsigned long pos = chute_load_relaxed(&page->producer_pos);
	void *payload = NULL;
	bool at_limit;
	int err = 0;

	at_limit = is_at_limit(p, pos, bytes);
	if (at_limit)
		err = look_for_space(p, pos, bytes);
	if (!err) {
		chute_count_alone(&page->records, count);
		/* The whole of a batch is one BUSY record until it is finished: its other
		 * headers are not there yet. */
		if (count > 1)
			size = (__u32)bytes - CHUTE_HEADER_SIZE;
		payload =
			make_record(p, page, pos, bytes,
				    chute_header_word(size, (count - 1) << CHUTE_PAD_COUNT_SHIFT));
	} else {
		if (err == ENOSPC)
			chute_count_alone(&page->full, 1);
		chute_unlock(page);
	}
	if (at_limit)
		look_for_dead(p);
	return payload ? payload : chute_fail(err);
}

static void *reserve(struct chute_producer *p, __u32 size, __u32 count, __u64 bytes)
{
	int err = 0;

	/* A shared batch is one record until it is finished. */
	if (count > 1 && bytes - CHUTE_HEADER_SIZE > CHUTE_PAYLOAD_MAX)
		return chute_fail(E2BIG);
	if (!chute_producer_is_ours(p))
		err = rejoin(p);
	if (!err)
		err = chute_lock(p->ring.producer, p->self);
	return err ? chute_fail(-err) : reserve_locked(p, size, count, bytes);
}

/* What is long about a short reserve(): no space that we know of, or time to look. */
static __attribute__((noinline, cold)) void *reserve_at_limit(struct chute_producer *p, __u32 size)
{
	if (size <= chute_payload_max(&p->fast))
		return reserve_locked(p, size, 1, chute_record_bytes(size));
	chute_unlock(p->ring.producer);
	return chute_fail(E2BIG);
}

/*
 * Of a shared handle, all that there is to it where nothing is in the way: one locked
 * instruction, and no call.
 */
void *chute_reserve_slow(struct chute *c, __u32 size)
{
	struct chute_producer *p = chute_producer_of(c);
	struct chute_producer_page *page = p->shared.page;
	__u64 bytes = chute_record_bytes(size), self;
	unsigned long pos;

	/* J2: pairs with J1. */
	self = chute_load_acquire(&p->shared.self);
	if (__builtin_expect(self != chute_load_relaxed(chute_load_relaxed(&chute_owner_word)),
			     0) ||
	    __builtin_expect(!chute_lock_try(page, self), 0))
		return chute_producer_reserve(p, size, 1);
	pos = chute_load_relaxed(&page->producer_pos);
	if (__builtin_expect(is_at_limit(p, pos, bytes), 0))
		return reserve_at_limit(p, size);
	chute_count_alone(&page->records, 1);
	return make_record(p, page, pos, bytes, chute_header_word(size, 0));
}

/*
 * The size of the first record of a batch, which stands for all of them until it is
 * finished: all are of the second one's size. What the header says is checked: a
 * neighbour may have written it, and it must not lead us out of the ring.
 */
static __u32 first_size(const struct chute_producer *p, struct chute_header *header, __u32 len,
			__u32 count)
{
	const __u64 bytes = (__u64)len + CHUTE_HEADER_SIZE;

	if (count == 1 || bytes > p->ring.size || bytes % (8 * count))
		return len;
	header = (struct chute_header *)((char *)header + bytes / count);
	return chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK;
}

static void finish(struct chute_producer *p, void *payload, __u32 flags, bool publish)
{
	struct chute_header *header = chute_header_of(payload);
	__u32 len = chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK;
	__u32 pad = chute_load_relaxed(&header->pad);
	__u32 count = chute_pad_count(pad);

	(void)publish; /* its reservation has */
	/* A batch that is discarded stays one record. */
	if (flags & CHUTE_DISCARD)
		chute_count(&p->ring.producer->discards, count);
	else
		len = first_size(p, header, len, count);
	if (pad & CHUTE_PAD_SKIP)
		flags |= CHUTE_DISCARD;
	/* P4: pairs with the drain's D1. The commit point: before it the record is
	 * lost with its producer, after it nothing can lose it. */
	chute_store_release(&header->len, len | flags);
}

void chute_submit_slow(struct chute *c, void *payload)
{
	struct chute_producer *p = chute_producer_of(c);
	struct chute_header *header = chute_header_of(payload);
	const __u32 rare = CHUTE_PAD_COUNT_MASK << CHUTE_PAD_COUNT_SHIFT | CHUTE_PAD_SKIP;

	if (__builtin_expect(p->shared.self == ~0ULL || chute_load_relaxed(&header->pad) & rare, 0))
		p->kind->finish(p, payload, 0, true);
	else
		/* P4: as above. */
		chute_store_release(&header->len,
				    chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK);
}

static void publish(struct chute_producer *p)
{
	(void)p; /* all that is reserved is */
}

static bool is_intact(struct chute_producer *p)
{
	(void)p;
	return true;
}

static void shorten(struct chute_producer *p, void *payload, __u32 had, __u32 size)
{
	(void)p;
	chute_producer_split(payload, had, size);
}

/* ---- waiting ---- */

/* The first thread that waits has the handle's wait, and what that has learned. The
 * others have one of their own for as long as they wait: an edge wakes one waiter. */
static struct chute_wait *block(struct chute_producer *p, struct chute_wait *own)
{
	__u32 seen = 0;

	chute_members_blocked(&p->ring, p->shared.tag, 1);
	/* Q0: pairs with Q1. What the last thread has learned is visible to the next. */
	if (chute_compare_exchange(&p->shared.waits, &seen, 1U))
		return &p->wait;
	chute_wait_copy(own, &p->wait);
	return own;
}

static void unblock(struct chute_producer *p, struct chute_wait *w, __u64 ns)
{
	if (w == &p->wait)
		/* Q1: pairs with Q0. */
		chute_store_release(&p->shared.waits, 0U);
	else
		chute_wait_copy_fini(w);
	chute_members_blocked(&p->ring, p->shared.tag, -1);
	chute_count(&p->ring.producer->blocked_ns, ns);
}

static int wait(struct chute_producer *p, struct chute_wait *w, __u64 bytes, __s64 deadline)
{
	int err;

	err = chute_wait_space(w, chute_load_relaxed(&p->ring.producer->producer_pos), bytes,
			       chute_earlier_ns(deadline, SLEEP_NS));
	if (!err)
		return 0;
	chute_heal(&p->ring, CHUTE_HEAL_SOME);
	return chute_left_ns(deadline, 1) ? 0 : -ETIMEDOUT;
}

const struct chute_producer_kind chute_shared = {
	.join = join,
	.leave = leave,
	.reserve = reserve,
	.finish = finish,
	.publish = publish,
	.wait = wait,
	.block = block,
	.unblock = unblock,
	.look = look,
	.is_intact = is_intact,
	.shorten = shorten,
};
