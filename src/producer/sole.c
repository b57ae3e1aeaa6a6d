/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sole.c: the only producer of a ring, where its fast path does not do: full, several
 * records open, not alone.
 *
 * producer_pos stands where this handle left it (published_pos), or another
 * producer is on the ring. The fast path's submit leaves staged_pos behind; look()
 * lets it catch up, long before a comparison by difference can go wrong.
 */
#include "producer/sole.h"
#include "fail.h"
#include "owner.h"
#include "producer/heal.h"
#include "producer/members.h"
#include "producer/producer.h"
#include "producer/recover.h"
#include "ring/pad.h"
#include "ring/record.h"

/* What a handle is doing. */
enum state {
	IDLE,	/* head_pos == published_pos: all that was reserved is published */
	STAGED, /* head_pos == staged_pos > published_pos: all is finished, not all published */
	OPEN,	/* head_pos is above both: one record is being filled, from the larger on */
	BUSY,	/* several are, each with its BUSY bit set: publishing past one is harmless.
		 * The fast path's published_pos is CHUTE_NO_POS: every call comes here */
	LOST,	/* producer_pos stood elsewhere. As BUSY, and for good */
};

static unsigned long *published(struct chute_producer *p)
{
	return p->sole.busy ? &p->sole.published_pos : &p->fast.published_pos;
}

static enum state look(struct chute_producer *p)
{
	struct chute *c = &p->fast;
	unsigned long published_pos = *published(p);

	if ((long)(c->staged_pos - published_pos) < 0)
		c->staged_pos = published_pos;
	if (p->sole.lost || chute_load_relaxed(c->producer_pos) != published_pos) {
		p->sole.lost = true;
		c->published_pos = CHUTE_NO_POS;
		return LOST;
	}
	if (p->sole.busy)
		return BUSY;
	if (c->staged_pos != c->head_pos)
		return OPEN;
	return c->staged_pos == published_pos ? IDLE : STAGED;
}

static void publish_to(struct chute_producer *p, unsigned long pos)
{
	*published(p) = pos;
	/* P0: pairs with the drain's D0. */
	chute_store_release(p->fast.producer_pos, pos);
}

static void publish_staged(struct chute_producer *p)
{
	if (p->fast.staged_pos != *published(p))
		publish_to(p, p->fast.staged_pos);
}

/* The headers of a batch after the first one, whose are all its size. */
static void discard_rest(struct chute_producer *p, struct chute_header *first, __u32 len,
			 __u32 count)
{
	unsigned long pos = (unsigned long)((char *)first - p->ring.data);
	struct chute_header *header;
	__u32 i;

	for (i = 1; i < count; i++) {
		header = chute_ring_header(&p->ring, pos + i * chute_record_bytes(len));
		chute_store_relaxed(&header->len, len | CHUTE_DISCARD);
	}
}

/* How many records are open, of @len bytes each: one, or a batch. */
static __u32 open_count(const struct chute_producer *p, __u32 len)
{
	__u64 count = (p->fast.head_pos - p->fast.staged_pos) / chute_record_bytes(len);

	return count && count <= CHUTE_BATCH_MAX ? (__u32)count : 1;
}

/* A second record is reserved beside the open one. */
static void busy_enter(struct chute_producer *p)
{
	struct chute *c = &p->fast;
	struct chute_header *header = chute_ring_header(&p->ring, c->staged_pos);
	__u32 len = chute_load_relaxed(&header->len), pad;

	/* chute_batch_skip() may have been here; beside BUSY it is the pad that says so, and
	 * how many records it stands for. */
	pad = (open_count(p, len & CHUTE_LENGTH_MASK) - 1) << CHUTE_PAD_COUNT_SHIFT;
	chute_store_relaxed(&header->pad, len & CHUTE_DISCARD ? pad | CHUTE_PAD_SKIP : pad);
	chute_store_relaxed(&header->len, (len & CHUTE_LENGTH_MASK) | CHUTE_BUSY);
	p->sole.published_pos = c->published_pos;
	p->sole.busy = 1;
	c->published_pos = CHUTE_NO_POS;
}

/* Finish one of several records. Publishing past the others is harmless, so all
 * that there is counts as staged. */
static void busy_finish(struct chute_producer *p, void *payload, __u32 flags, bool publish)
{
	struct chute_header *header = chute_header_of(payload);
	__u32 len = chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK;
	__u32 pad = chute_load_relaxed(&header->pad);
	struct chute *c = &p->fast;

	if (flags & CHUTE_DISCARD) {
		chute_count_alone(&p->ring.producer->discards, chute_pad_count(pad));
		discard_rest(p, header, len, chute_pad_count(pad));
	}
	if (pad & CHUTE_PAD_SKIP)
		flags |= CHUTE_DISCARD;
	/* P1: pairs with the drain's D1. It may be published already: the payload
	 * is visible before the header that lets it be read. */
	chute_store_release(&header->len, len | flags);
	c->staged_pos = c->head_pos;
	if (publish)
		publish_to(p, c->staged_pos);
	if (!--p->sole.busy)
		c->published_pos = p->sole.published_pos;
}

/* Is there space for @bytes? 0, or the errno value. Shows it to the fast path. */
static int look_for_space(struct chute_producer *p, __u64 bytes)
{
	struct chute *c = &p->fast;
	__s64 room = chute_ring_room(&p->ring, c->head_pos);

	if (room < 0)
		return (int)-room;
	c->limit_pos =
		c->head_pos + (unsigned long)(room < CHUTE_LIMIT_STEP ? room : CHUTE_LIMIT_STEP);
	if (bytes <= (__u64)room)
		return 0;
	chute_count_alone(&p->ring.producer->full, 1);
	return ENOSPC;
}

static void *reserve(struct chute_producer *p, __u32 size, __u32 count, __u64 bytes)
{
	struct chute *c = &p->fast;
	struct chute_header *header;
	enum state state = look(p);
	int err;

	if (state == LOST)
		return chute_fail(EBUSY);
	err = look_for_space(p, bytes);
	if (err) {
		/* The caller may wait for the consumer, which must see what there is. */
		publish_staged(p);
		return chute_fail(err);
	}
	if (state == OPEN)
		busy_enter(p);
	header = chute_ring_header(&p->ring, c->head_pos);
	if (p->sole.busy) {
		p->sole.busy++;
		chute_store_relaxed(&header->pad, (count - 1) << CHUTE_PAD_COUNT_SHIFT);
	}
	chute_store_relaxed(&header->len, p->sole.busy ? size | CHUTE_BUSY : size);
	c->head_pos += (unsigned long)bytes;
	chute_count_alone(&p->ring.producer->records, count);
	/* The longest record goes past what a step shows. */
	if ((long)(c->limit_pos - c->head_pos) < 0)
		c->limit_pos = c->head_pos;
	return header + 1;
}

static void finish(struct chute_producer *p, void *payload, __u32 flags, bool publish)
{
	struct chute_header *header = chute_header_of(payload);
	struct chute *c = &p->fast;
	__u32 len = chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK, count;

	switch (look(p)) {
	case LOST:
		/* The record may lie where the other producer's are by now: not a byte
		 * of it is touched. */
		break;
	case BUSY:
		busy_finish(p, payload, flags, publish);
		break;
	default:
		if (flags & CHUTE_DISCARD) {
			count = open_count(p, len);
			chute_count_alone(&p->ring.producer->discards, count);
			discard_rest(p, header, len, count);
		}
		chute_store_relaxed(&header->len, chute_load_relaxed(&header->len) | flags);
		c->staged_pos = c->head_pos;
		if (publish)
			publish_to(p, c->head_pos);
	}
}

static void publish(struct chute_producer *p)
{
	if (look(p) != LOST)
		publish_staged(p);
}

static int wait(struct chute_producer *p, struct chute_wait *w, __u64 bytes, __s64 deadline)
{
	return chute_wait_space(w, p->fast.head_pos, bytes, deadline);
}

static struct chute_wait *block(struct chute_producer *p, struct chute_wait *own)
{
	(void)own; /* one thread at a time */
	chute_store_relaxed(&p->ring.producer->blocked, 1U);
	return &p->wait;
}

static void unblock(struct chute_producer *p, struct chute_wait *w, __u64 ns)
{
	(void)w;
	chute_store_relaxed(&p->ring.producer->blocked, 0U);
	chute_count_alone(&p->ring.producer->blocked_ns, ns);
}

static bool is_intact(struct chute_producer *p)
{
	return !p->sole.lost && chute_load_relaxed(p->fast.producer_pos) == *published(p);
}

static void shorten(struct chute_producer *p, void *payload, __u32 had, __u32 size)
{
	if (p->sole.busy) {
		chute_producer_split(payload, had, size);
		return;
	}
	p->fast.head_pos -= (unsigned long)(chute_record_bytes(had) - chute_record_bytes(size));
	chute_store_relaxed(&chute_header_of(payload)->len, size);
}

int chute_sole_claim(const struct chute_ring *ring, __u64 self, bool recover)
{
	struct chute_producer_page *page = ring->producer;
	int err;

	err = chute_owner_claim(&page->owner, self);
	if (err)
		return err;
	chute_store_relaxed(&page->blocked, 0U);
	err = chute_owner_refusal(chute_members_state(ring, -1));
	if (err) {
		chute_owner_release(&page->owner, self);
		return err;
	}
	if (recover)
		chute_store_relaxed(&page->recovered, page->recovered + chute_recover(ring));
	else
		chute_heal(ring, CHUTE_HEAL_ALL);
	return 0;
}

static int join(struct chute_producer *p, bool recover)
{
	return chute_sole_claim(&p->ring, p->self, recover);
}

static void leave(struct chute_producer *p)
{
	chute_owner_release(&p->ring.producer->owner, p->self);
}

const struct chute_producer_kind chute_sole = {
	.alone = true,
	.join = join,
	.leave = leave,
	.reserve = reserve,
	.finish = finish,
	.publish = publish,
	.wait = wait,
	.block = block,
	.unblock = unblock,
	.is_intact = is_intact,
	.shorten = shorten,
};
