/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain.c: bpf_user_ringbuf_drain() for memory rings.
 *
 * The ring is hostile: positions and headers are loaded once, the copies are
 * checked in the kernel's order (__bpf_user_ringbuf_peek()), and only the
 * copies are used. consumer_pos is ours alone while `drainer` names us.
 */
#include "drain.h"
#include "clock.h"
#include "owner.h"
#include "share.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_NS (5 * CHUTE_NS_PER_MS) /* see look_for_stuck() */

/* What stands at consumer_pos. */
enum peek {
	PEEK_RECORD,
	PEEK_DISCARDED,
	PEEK_NOTHING, /* empty, or the next one is not finished */
	PEEK_EINVAL,
	PEEK_E2BIG,
};

struct peeked {
	unsigned long bytes; /* the whole record's */
	__u32 size;	     /* the payload's */
	const void *payload;
};

/*
 * The kernel compares positions by value, which jams a ring whose positions
 * have wrapped between producer and consumer (a 32-bit one, after 4 GiB). We go
 * by difference where that is possible, and do as the kernel where it is not.
 */
static bool is_empty(unsigned long cons_pos, unsigned long prod_pos, size_t size)
{
	return cons_pos == prod_pos || (prod_pos - cons_pos > size && cons_pos > prod_pos);
}

static enum peek peek(const struct chute_ring *ring, unsigned long cons_pos, struct peeked *rec)
{
	/* D0: pairs with P0 and L0. The records below are visible after it. */
	unsigned long prod_pos = chute_load_acquire(&ring->producer->producer_pos);
	struct chute_header *header;
	__u64 bytes;
	__u32 len;

	/* The kernel's own position is sound; on ours, anyone may have written. */
	if ((prod_pos | cons_pos) % 8)
		return PEEK_EINVAL;
	if (is_empty(cons_pos, prod_pos, ring->size))
		return PEEK_NOTHING;
	header = (struct chute_header *)(ring->data + (cons_pos & (ring->size - 1)));
	/* D1: pairs with P1 and L1. The payload is visible after it. */
	len = chute_load_acquire(&header->len);
	rec->size = len & CHUTE_LENGTH_MASK;
	bytes = chute_record_bytes(rec->size);
	if (bytes > prod_pos - cons_pos)
		return PEEK_EINVAL;
	if (bytes > ring->size || rec->size > CHUTE_PAYLOAD_MAX)
		return PEEK_E2BIG;
	rec->bytes = (unsigned long)bytes;
	if (len & CHUTE_DISCARD)
		return PEEK_DISCARDED;
	if (len & CHUTE_BUSY)
		return PEEK_NOTHING;
	rec->payload = header + 1;
	return PEEK_RECORD;
}

/* The drain proper. Sets *consumed if any record was, discarded ones included. */
static long drain_records(const struct chute_ring *ring, chute_drain_fn *callback, void *ctx,
			  bool *consumed)
{
	unsigned long *shared_pos = &ring->consumer->consumer_pos;
	unsigned long cons_pos = chute_load_relaxed(shared_pos);
	unsigned long count = 0;
	struct peeked rec;
	int i, stop = 0;
	enum peek what;

	for (i = 0; i < CHUTE_DRAIN_MAX && !stop; i++) {
		what = peek(ring, cons_pos, &rec);
		if (what == PEEK_NOTHING)
			break;
		if (what == PEEK_EINVAL)
			return -EINVAL;
		if (what == PEEK_E2BIG)
			return -E2BIG;
		if (what == PEEK_RECORD) {
			stop = callback(rec.payload, rec.size, ctx);
			count++;
		}
		*consumed = true;
		cons_pos += rec.bytes;
		/* D2: pairs with C0. We are done with the bytes before the
		 * producer may overwrite them. */
		chute_store_release(shared_pos, cons_pos);
	}
	return (long)count;
}

/* A record at the head that stays unfinished may be that of a producer that died. */
static void look_for_stuck(struct chute_consumer *consumer)
{
	const struct chute_ring *ring = &consumer->ring;
	unsigned long pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	__s64 now;

	if (pos == chute_load_relaxed(&ring->producer->producer_pos))
		return;
	now = chute_now_ns();
	if (pos != chute_load_relaxed(&consumer->stuck_pos)) {
		chute_store_relaxed(&consumer->stuck_pos, pos);
		chute_store_relaxed(&consumer->stuck_ns, now);
	} else if (now - chute_load_relaxed(&consumer->stuck_ns) > STUCK_NS) {
		chute_store_relaxed(&consumer->stuck_ns, now);
		chute_share_heal(ring);
	}
}

long chute_drain(struct chute_consumer *consumer, chute_drain_fn *callback, void *ctx, __u64 flags)
{
	const struct chute_ring *ring = &consumer->ring;
	bool consumed = false;
	long ret;

	if (flags & ~(CHUTE_NO_WAKEUP | CHUTE_FORCE_WAKEUP))
		return -EINVAL;
	/* B0: pairs with B1. The last drainer's position is visible after it. */
	if (chute_owner_claim(&ring->consumer->drainer, chute_owner_self()))
		return -EBUSY;
	ret = drain_records(ring, callback, ctx, &consumed);
	/* B1: pairs with B0. */
	chute_store_release(&ring->consumer->drainer, (__u64)0);
	if ((flags & CHUTE_FORCE_WAKEUP) || (consumed && !(flags & CHUTE_NO_WAKEUP)))
		chute_wake_producers(ring);
	if (!ret && !consumed)
		look_for_stuck(consumer);
	return ret;
}

static bool has_work(void *arg)
{
	struct chute_consumer *consumer = arg;
	const struct chute_ring *ring = &consumer->ring;
	struct peeked rec;

	if (peek(ring, chute_load_relaxed(&ring->consumer->consumer_pos), &rec) != PEEK_NOTHING)
		return true;
	look_for_stuck(consumer);
	return false;
}

int chute_drain_wait(struct chute_consumer *consumer, __s64 timeout_ns)
{
	if (timeout_ns < 0 && timeout_ns != CHUTE_FOREVER)
		return -EINVAL;
	return chute_wait_data(&consumer->ring, has_work, consumer,
			       timeout_ns ? chute_deadline_ns(timeout_ns) : 0);
}

void chute_consumer_init(struct chute_consumer *consumer, const struct chute_ring *ring)
{
	*consumer = (struct chute_consumer){ .ring = *ring };
}

struct chute_consumer *chute_consumer_open(int fd)
{
	struct chute_consumer *consumer = malloc(sizeof(*consumer));
	struct chute_ring ring;
	int err;

	err = consumer ? chute_ring_map_memory(&ring, fd) : -ENOMEM;
	/* A map's descriptor is no regular file; say what it is. */
	if (err == -EINVAL && chute_ring_map(&ring, fd) == 0) {
		chute_ring_unmap(&ring);
		err = -EPERM;
	}
	if (err) {
		free(consumer);
		errno = -err;
		return NULL;
	}
	chute_consumer_init(consumer, &ring);
	return consumer;
}

void chute_consumer_close(struct chute_consumer *consumer)
{
	if (!consumer)
		return;
	chute_ring_unmap(&consumer->ring);
	free(consumer);
}

size_t chute_consumer_size(const struct chute_consumer *consumer)
{
	return consumer->ring.size;
}
