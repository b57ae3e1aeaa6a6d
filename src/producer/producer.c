/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * producer.c: the sole producer's slow paths: full, waiting, several records
 * open, not alone.
 *
 * producer_pos stands where this handle left it (published_pos), or another
 * producer is on the ring. A handle is in one of these states:
 *
 *   idle    head_pos == published_pos: all that was reserved is published
 *   staged  head_pos == staged_pos > published_pos: all is finished, not all published
 *   open    head_pos > published_pos and staged_pos: one record is being filled,
 *           from the larger of the two on
 *   busy    busy != 0: several records are being filled. Each has its BUSY bit
 *           set, so that publishing past one is harmless. The fast path's
 *           published_pos is NO_POS: every call comes here
 *   lost    producer_pos stood elsewhere. As busy, and for good
 *
 * The fast path's submit leaves staged_pos behind; look() lets it catch up, long
 * before a comparison by difference can go wrong.
 */
#include "producer/producer.h"
#include "clock.h"
#include "owner.h"
#include "producer/recover.h"

#include <errno.h>
#include <string.h>

_Static_assert(offsetof(struct chute_producer_page, records) == CHUTE_RECORDS_AT,
	       "the fast path counts there");

#define NO_POS 1UL    /* positions are multiples of 8 */
#define LOST   (~0UL) /* as a count of busy records */

/* Free space is shown to the fast path in steps of at most this, so that a size
 * above CHUTE_PAYLOAD_MAX never fits there and comes here to be refused. */
#define LIMIT_STEP (1UL << 24)

/* How long one of many producers waits before it looks whether a dead one is in
 * the consumer's way. */
#define SHARED_SLEEP_NS (10 * CHUTE_NS_PER_MS)

static void *fail(int err)
{
	errno = err;
	return NULL;
}

size_t chute_size(const struct chute *c)
{
	return c->mask + 1;
}

__u32 chute_payload_max(const struct chute *c)
{
	size_t room = c->mask + 1 - CHUTE_HEADER_SIZE;

	return room < CHUTE_PAYLOAD_MAX ? (__u32)room : CHUTE_PAYLOAD_MAX;
}

size_t chute_used(const struct chute *c)
{
	const struct chute_producer *p = chute_producer_of(c);
	unsigned long used,
		head_pos = p->shared ? chute_load_relaxed(c->producer_pos) : c->head_pos;

	used = head_pos - chute_load_relaxed(&p->ring.consumer->consumer_pos);
	return used <= c->mask + 1 ? used : c->mask + 1;
}

/* Look at the consumer. 0 if @bytes are free from head_pos on; else the errno value. */
static int refresh(struct chute_producer *p, __u64 bytes)
{
	struct chute *c = &p->fast;
	/* C0: pairs with D2 (or the kernel's release of consumer_pos): the
	 * consumer is done with what is below it before we write there. */
	unsigned long used = c->head_pos - chute_load_acquire(&p->ring.consumer->consumer_pos);
	unsigned long room = p->ring.size - used;

	/* Before us or a lap behind: no consumer gets there, but another process
	 * that writes to a memory ring's first page does. */
	if (used > p->ring.size)
		return EBADMSG;
	c->limit_pos = c->head_pos + (room < LIMIT_STEP ? room : LIMIT_STEP);
	return bytes <= room ? 0 : ENOSPC;
}

static void lose(struct chute_producer *p)
{
	p->busy = LOST;
	p->fast.published_pos = NO_POS;
}

static struct chute_header *header_at(const struct chute *c, unsigned long pos)
{
	return (struct chute_header *)(c->data + (pos & c->mask));
}

/* What is published, what is finished, and whether one record is open beyond that. */
struct view {
	unsigned long published_pos, staged_pos;
	bool open;
};

/* False if another producer has moved producer_pos, or had before. */
static bool look(struct chute_producer *p, struct view *v)
{
	struct chute *c = &p->fast;

	v->published_pos = p->busy ? p->busy_published_pos : c->published_pos;
	if ((long)(c->staged_pos - v->published_pos) < 0)
		c->staged_pos = v->published_pos;
	v->staged_pos = c->staged_pos;
	v->open = !p->busy && v->staged_pos != c->head_pos;
	return p->busy != LOST && chute_load_relaxed(c->producer_pos) == v->published_pos;
}

static void publish_to(struct chute_producer *p, unsigned long pos)
{
	if (p->busy)
		p->busy_published_pos = pos;
	else
		p->fast.published_pos = pos;
	/* P0: pairs with the drain's D0. */
	chute_store_release(p->fast.producer_pos, pos);
}

static void busy_enter(struct chute_producer *p, const struct view *v)
{
	struct chute_header *header = header_at(&p->fast, v->staged_pos);
	__u32 len = chute_load_relaxed(&header->len);

	/* chute_batch_skip() may have been here; beside BUSY it is the pad that says so. */
	chute_store_relaxed(&header->pad, len & CHUTE_DISCARD ? CHUTE_PAD_SKIP : 0U);
	chute_store_relaxed(&header->len, (len & CHUTE_LENGTH_MASK) | CHUTE_BUSY);
	p->busy = 1;
	p->busy_published_pos = v->published_pos;
	p->fast.published_pos = NO_POS;
}

/* Finish one of several records. Publishing past the others is harmless, so all
 * that there is counts as staged. */
static void busy_finish(struct chute_producer *p, void *payload, __u32 flags, bool publish)
{
	struct chute_header *header = (struct chute_header *)payload - 1;
	__u32 len = chute_load_relaxed(&header->len) & CHUTE_LENGTH_MASK;
	struct chute *c = &p->fast;

	if (chute_load_relaxed(&header->pad) & CHUTE_PAD_SKIP)
		flags |= CHUTE_DISCARD;
	/* P1: pairs with the drain's D1. It may be published already: the payload
	 * is visible before the header that lets it be read. */
	chute_store_release(&header->len, len | flags);
	c->staged_pos = c->head_pos;
	if (publish)
		publish_to(p, c->staged_pos);
	if (!--p->busy)
		c->published_pos = p->busy_published_pos;
}

static int reserve_check(struct chute_producer *p, __u64 bytes, struct view *v)
{
	int err;

	if (!look(p, v)) {
		lose(p);
		return EBUSY;
	}
	err = refresh(p, bytes);
	if (err == ENOSPC)
		chute_count_alone(&p->ring.producer->full, 1);
	/* The caller may wait for the consumer, which must see what there is. */
	if (err && v->staged_pos != v->published_pos)
		publish_to(p, v->staged_pos);
	return err;
}

static void *sole_reserve(struct chute_producer *p, __u32 size, __u32 count, __u64 bytes)
{
	struct chute *c = &p->fast;
	struct chute_header *header;
	struct view v;
	int err;

	err = reserve_check(p, bytes, &v);
	if (err)
		return fail(err);
	if (v.open)
		busy_enter(p, &v);
	header = header_at(c, c->head_pos);
	if (p->busy) {
		p->busy++;
		chute_store_relaxed(&header->pad, 0U);
	}
	chute_store_relaxed(&header->len, p->busy ? size | CHUTE_BUSY : size);
	c->head_pos += (unsigned long)bytes;
	chute_count_alone(&p->ring.producer->records, count);
	/* The longest record goes past what a step shows. */
	if ((long)(c->limit_pos - c->head_pos) < 0)
		c->limit_pos = c->head_pos;
	return header + 1;
}

static void *shared_reserve(struct chute_producer *p, __u32 size, __u32 count, __u64 bytes)
{
	int err;

	/* A child of fork() has its parent's handle, and must not be taken for it. */
	if (__builtin_expect(!chute_share_is_ours(&p->share), 0)) {
		err = chute_share_rejoin(&p->share, &p->ring);
		if (err)
			return fail(-err);
	}
	return chute_share_reserve(&p->share, &p->ring, size, count, bytes);
}

void *chute_producer_reserve(struct chute_producer *p, __u32 size, __u32 count)
{
	__u64 bytes = count * chute_record_bytes(size);

	chute_pack_close(p);
	if (size > chute_payload_max(&p->fast) || bytes > p->ring.size)
		return fail(chute_producer_is_lost(p) ? EBUSY : E2BIG);
	if (!p->shared)
		return sole_reserve(p, size, count, bytes);
	/* A shared batch is one record until it is finished. */
	if (bytes - CHUTE_HEADER_SIZE > CHUTE_PAYLOAD_MAX)
		return fail(E2BIG);
	return shared_reserve(p, size, count, bytes);
}

/* Wait until there may be space for @bytes. */
static int wait_for_space(struct chute_producer *p, __u64 bytes, __s64 deadline)
{
	struct chute_wait wait;
	__s64 soon;
	int err;

	if (!p->shared)
		return chute_wait_space(&p->wait, p->fast.head_pos, bytes, deadline);
	/* Each thread has an epoll of its own: an edge wakes one waiter. */
	err = chute_wait_copy(&wait, &p->wait);
	if (err)
		return err;
	soon = chute_now_ns() + SHARED_SLEEP_NS;
	err = chute_wait_space(&wait, chute_load_relaxed(p->fast.producer_pos), bytes,
			       deadline >= 0 && deadline < soon ? deadline : soon);
	chute_wait_copy_fini(&wait);
	if (!err)
		return 0;
	chute_share_heal(&p->ring, CHUTE_HEAL_SOME);
	return deadline >= 0 && chute_now_ns() >= deadline ? -ETIMEDOUT : 0;
}

/* For who looks at the ring: we wait from now on. Returns when that began. */
static __s64 block(struct chute_producer *p)
{
	if (p->shared)
		chute_share_blocked(&p->share, &p->ring, 1);
	else
		chute_store_relaxed(&p->ring.producer->blocked, 1U);
	return chute_now_ns();
}

static void unblock(struct chute_producer *p, __s64 start)
{
	struct chute_producer_page *page = p->ring.producer;
	__u64 ns = (__u64)(chute_now_ns() - start);

	if (p->shared) {
		chute_share_blocked(&p->share, &p->ring, -1);
		chute_count(&page->blocked_ns, ns);
	} else {
		chute_store_relaxed(&page->blocked, 0U);
		chute_count_alone(&page->blocked_ns, ns);
	}
}

void *chute_producer_reserve_for(struct chute_producer *p, __u32 size, __u32 count,
				 __s64 timeout_ns)
{
	__u64 bytes = count * chute_record_bytes(size);
	int saved = errno, err;
	__s64 deadline, start;
	void *payload;

	if (timeout_ns < 0 && timeout_ns != CHUTE_FOREVER)
		return fail(EINVAL);
	payload = chute_producer_reserve(p, size, count);
	if (payload || errno != ENOSPC || !timeout_ns)
		return payload;
	deadline = chute_deadline_ns(timeout_ns);
	start = block(p);
	do {
		err = wait_for_space(p, bytes, deadline);
		payload = err ? NULL : chute_producer_reserve(p, size, count);
	} while (!err && !payload && errno == ENOSPC);
	unblock(p, start);
	if (err)
		return fail(err == -ETIMEDOUT ? ENOSPC : -err);
	if (payload)
		errno = saved;
	return payload;
}

void *chute_reserve_slow(struct chute *c, __u32 size)
{
	return chute_producer_reserve(chute_producer_of(c), size, 1);
}

void *chute_reserve_for(struct chute *c, __u32 size, __s64 timeout_ns)
{
	return chute_producer_reserve_for(chute_producer_of(c), size, 1, timeout_ns);
}

bool chute_producer_is_lost(const struct chute_producer *p)
{
	return p->busy == LOST;
}

void chute_submit_slow(struct chute *c, void *payload, __u32 flags)
{
	struct chute_producer *p = chute_producer_of(c);
	struct chute_header *header = (struct chute_header *)payload - 1;
	struct view v;

	if (p->shared) {
		if (flags & CHUTE_DISCARD)
			chute_count(&p->ring.producer->discards, 1);
		chute_share_finish(payload, flags);
		return;
	}
	if (flags & CHUTE_DISCARD)
		chute_count_alone(&p->ring.producer->discards, 1);
	/* If we are not alone, the record may lie where the other producer's are
	 * by now: not a byte of it is touched. */
	if (!look(p, &v)) {
		lose(p);
	} else if (p->busy) {
		busy_finish(p, payload, flags, true);
	} else {
		chute_store_relaxed(&header->len, chute_load_relaxed(&header->len) | flags);
		publish_to(p, c->head_pos);
	}
}

void chute_stage_slow(struct chute *c, void *payload)
{
	struct chute_producer *p = chute_producer_of(c);
	struct view v;

	if (p->shared)
		chute_share_finish(payload, 0);
	else if (look(p, &v) && p->busy)
		busy_finish(p, payload, 0, false);
	else
		lose(p);
}

void chute_publish_slow(struct chute *c)
{
	struct chute_producer *p = chute_producer_of(c);
	struct view v;

	if (p->shared)
		return;
	if (!look(p, &v))
		lose(p);
	else if (v.staged_pos != v.published_pos)
		publish_to(p, v.staged_pos);
}

static int sole_claim(struct chute_producer *p)
{
	__u64 *owner = &p->ring.producer->owner;
	int err;

	err = chute_owner_claim(owner, p->self);
	if (!err)
		chute_store_relaxed(&p->ring.producer->blocked, 0U);
	if (err || !chute_share_is_live(&p->ring))
		return err;
	chute_owner_release(owner, p->self);
	return -EBUSY;
}

static int join(struct chute_producer *p, bool recover)
{
	struct chute_producer_page *page = p->ring.producer;
	int err = 0;

	/* Who mends the ring is its sole producer meanwhile. */
	if (recover || !p->shared)
		err = sole_claim(p);
	if (!err && recover)
		chute_store_relaxed(&page->recovered, page->recovered + chute_recover(&p->ring));
	if (!err && !recover && !p->shared)
		chute_share_heal(&p->ring, CHUTE_HEAL_ALL);
	if (err || !p->shared)
		return err;
	if (recover)
		chute_owner_release(&page->owner, p->self);
	return chute_share_join(&p->share, &p->ring);
}

static void leave(struct chute_producer *p)
{
	if (p->shared)
		chute_share_leave(&p->share, &p->ring);
	else
		chute_owner_release(&p->ring.producer->owner, p->self);
}

int chute_producer_init(struct chute_producer *p, const struct chute_ring *ring,
			const struct chute_opts *opts)
{
	struct chute *c = &p->fast;
	unsigned long pos, cons_pos;
	int err;

	memset(p, 0, sizeof(*p));
	p->ring = *ring;
	p->self = chute_owner_self();
	p->shared = opts->flags & CHUTE_SHARED;
	p->drain_prog_fd = opts->drain_prog_fd ? (int)opts->drain_prog_fd : -1;
	if (opts->flags & CHUTE_KICK)
		p->kick_every = p->kick_left = opts->kick_every ? opts->kick_every : 1;
	err = join(p, opts->flags & CHUTE_RECOVER);
	if (err)
		return err;
	pos = chute_load_relaxed(&ring->producer->producer_pos);
	c->head_pos = c->limit_pos = c->published_pos = c->staged_pos = pos;
	if (p->shared)
		c->published_pos = NO_POS;
	c->producer_pos = &ring->producer->producer_pos;
	c->data = ring->data;
	c->mask = ring->size - 1;
	c->pack_next = (char *)1; /* above pack_last: no packed record is open */
	cons_pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	/* Beside other producers both positions move while we look. */
	if ((pos | cons_pos) % 8 || (!p->shared && pos - cons_pos > ring->size))
		err = -EBADMSG;
	else
		err = chute_wait_init(&p->wait, &p->ring,
				      opts->flags & CHUTE_NO_SPIN ? 0 : opts->spin_ns);
	if (!err && opts->side_fd && ring->backend == CHUTE_BACKEND_MAP) {
		err = chute_wait_side(&p->wait, (int)opts->side_fd, opts->side_index);
		if (err)
			chute_wait_fini(&p->wait);
	}
	if (err)
		leave(p);
	return err;
}

bool chute_producer_is_ours(const struct chute_producer *p)
{
	return p->shared ? chute_share_is_ours(&p->share) : p->self == chute_owner_self();
}

void chute_producer_fini(struct chute_producer *p)
{
	struct chute *c = &p->fast;

	chute_wait_fini(&p->wait);
	/* A child of fork() shares the memory and is not the producer, unless it
	 * has become one of many. */
	if (!chute_producer_is_ours(p))
		return;
	chute_pack_close(p);
	chute_publish(c);
	leave(p);
}
