/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * producer.c: what the handles of all kinds have in common: sizes, timeouts, the slow
 * ends of the inline calls, beginning and end.
 */
#include "producer/producer.h"
#include "producer/force.h"
#include "clock.h"
#include "fail.h"
#include "ring/bpf.h"
#include "ring/record.h"

#include <pthread.h>
#include <string.h>

_Static_assert(offsetof(struct chute_producer_page, records) == CHUTE_RECORDS_AT,
	       "the fast path counts there");

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
	unsigned long head_pos =
		p->kind->alone ? c->head_pos : chute_load_relaxed(&p->ring.producer->producer_pos);
	unsigned long used = head_pos - chute_load_relaxed(&p->ring.consumer->consumer_pos);

	return used <= c->mask + 1 ? used : c->mask + 1;
}

/* ---- reserve ---- */

void *chute_producer_reserve(struct chute_producer *p, __u32 size, __u32 count)
{
	__u64 bytes = count * chute_record_bytes(size);

	chute_pack_close(p);
	if (size > chute_payload_max(&p->fast) || bytes > p->ring.size)
		return chute_fail(chute_producer_is_lost(p) ? EBUSY : E2BIG);
	return p->kind->reserve(p, size, count, bytes);
}

struct block {
	struct chute_producer *p;
	struct chute_wait *wait, own;
	__s64 start;
};

/* Also where the thread is cancelled in its sleep. */
static void unblock(void *arg)
{
	struct block *block = arg;

	block->p->kind->unblock(block->p, block->wait, (__u64)(chute_now_ns() - block->start));
}

/*
 * As kind->wait(). Where the handle has the program that drains, nobody else may run it:
 * it is run before each sleep, and no sleep is long.
 */
static int wait_or_kick(struct chute_producer *p, struct chute_wait *w, __u64 bytes, __s64 deadline)
{
	const unsigned long *consumer_pos = &p->ring.consumer->consumer_pos;
	const unsigned long pos = chute_load_relaxed(consumer_pos);
	__u32 retval;
	int err;

	if (p->drain_prog_fd < 0)
		return p->kind->wait(p, w, bytes, deadline);
	/* What it returns is not ours to judge; the caller looks whether there is space. */
	chute_bpf_test_run(p->drain_prog_fd, &retval);
	if (chute_load_relaxed(consumer_pos) != pos)
		return 0;
	err = p->kind->wait(p, w, bytes, chute_earlier_ns(deadline, 10 * CHUTE_NS_PER_MS));
	return err == -ETIMEDOUT && chute_left_ns(deadline, 1) ? 0 : err;
}

static int wait_and_reserve(struct chute_producer *p, __u32 size, __u32 count, __s64 deadline,
			    void **payload)
{
	__u64 bytes = count * chute_record_bytes(size);
	struct block block = { .p = p, .start = chute_now_ns() };
	int err;

	block.wait = p->kind->block(p, &block.own);
	pthread_cleanup_push(unblock, &block);
	do {
		err = wait_or_kick(p, block.wait, bytes, deadline);
		*payload = err ? NULL : chute_producer_reserve(p, size, count);
	} while (!err && !*payload && errno == ENOSPC);
	pthread_cleanup_pop(1);
	return err;
}

void *chute_producer_reserve_for(struct chute_producer *p, __u32 size, __u32 count,
				 __s64 timeout_ns)
{
	int saved = errno, err;
	void *payload;

	if (timeout_ns < 0 && timeout_ns != CHUTE_FOREVER)
		return chute_fail(EINVAL);
	payload = chute_producer_reserve(p, size, count);
	if (payload || errno != ENOSPC || !timeout_ns)
		return payload;
	err = wait_and_reserve(p, size, count, chute_deadline_ns(timeout_ns), &payload);
	if (err)
		return chute_fail(err == -ETIMEDOUT ? ENOSPC : -err);
	if (payload)
		errno = saved;
	return payload;
}

void *chute_reserve_for(struct chute *c, __u32 size, __s64 timeout_ns)
{
	return chute_producer_reserve_for(chute_producer_of(c), size, 1, timeout_ns);
}

/* ---- finish ---- */

void chute_discard_slow(struct chute *c, void *payload)
{
	struct chute_producer *p = chute_producer_of(c);

	p->kind->finish(p, payload, CHUTE_DISCARD, true);
}

void chute_stage_slow(struct chute *c, void *payload)
{
	struct chute_producer *p = chute_producer_of(c);

	p->kind->finish(p, payload, 0, false);
}

void chute_publish_slow(struct chute *c)
{
	struct chute_producer *p = chute_producer_of(c);

	p->kind->publish(p);
}

void chute_producer_split(void *payload, __u32 had, __u32 size)
{
	struct chute_header *header = chute_header_of(payload), *rest;
	__u64 keeps = chute_record_bytes(size), left = chute_record_bytes(had) - keeps;

	if (left) {
		rest = (struct chute_header *)((char *)header + keeps);
		chute_store_relaxed(&rest->len, (__u32)(left - CHUTE_HEADER_SIZE) | CHUTE_DISCARD);
	}
	/* P2: pairs with the drain's D1: the discarded record is there before the
	 * one that ends at it. */
	chute_store_release(&header->len, size | CHUTE_BUSY);
}

/* ---- beginning and end ---- */

static int init_wait(struct chute_producer *p, const struct chute_opts *opts)
{
	int err;

	err = chute_wait_init(&p->wait, &p->ring, opts->flags & CHUTE_NO_SPIN ? 0 : opts->spin_ns);
	if (err || !opts->side_fd || p->ring.backend != CHUTE_BACKEND_MAP)
		return err;
	err = chute_wait_side(&p->wait, (int)opts->side_fd, opts->side_index);
	if (err)
		chute_wait_fini(&p->wait);
	return err;
}

/* The fast path starts where the ring stands. */
static int init_fast(struct chute_producer *p)
{
	unsigned long pos = chute_load_relaxed(&p->ring.producer->producer_pos);
	unsigned long cons_pos = chute_load_relaxed(&p->ring.consumer->consumer_pos);
	struct chute *c = &p->fast;

	/* Beside other producers both positions move while we look. */
	if ((pos | cons_pos) % 8 || (p->kind->alone && pos - cons_pos > p->ring.size))
		return -EBADMSG;
	c->head_pos = c->limit_pos = c->staged_pos = pos;
	c->published_pos = p->kind->alone ? pos : CHUTE_NO_POS;
	/* One of many is told by a word that no other CPU writes. */
	c->producer_pos = p->kind->alone ? &p->ring.producer->producer_pos : &c->head_pos;
	c->data = p->ring.data;
	c->mask = p->ring.size - 1;
	chute_producer_shorten(p);
	c->pack_next = (char *)1; /* above pack_last: no packed record is open */
	return 0;
}

int chute_producer_init(struct chute_producer *p, const struct chute_ring *ring,
			const struct chute_opts *opts)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->ring = *ring;
	p->self = chute_owner_self();
	p->kind = opts->flags & CHUTE_SHARED ? &chute_shared : &chute_sole;
	p->drain_prog_fd = opts->drain_prog_fd ? (int)opts->drain_prog_fd : -1;
	if (opts->flags & CHUTE_KICK)
		p->kick_every = p->kick_left = opts->kick_every ? opts->kick_every : 1;
	if (opts->flags & CHUTE_FORCE)
		chute_force(&p->ring, p->self);
	err = p->kind->join(p, opts->flags & (CHUTE_RECOVER | CHUTE_FORCE));
	if (err)
		return err;
	err = init_fast(p);
	if (!err)
		err = init_wait(p, opts);
	if (err)
		p->kind->leave(p);
	return err;
}

bool chute_producer_is_lost(const struct chute_producer *p)
{
	return p->sole.lost;
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
	p->kind->leave(p);
}
