/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain.c: bpf_user_ringbuf_drain() for memory rings; peek.h has the rules for
 * one record. consumer_pos is ours alone while `drainer` names us.
 */
#include "drain.h"
#include "clock.h"
#include "owner.h"
#include "peek.h"
#include "share.h"
#include "wait.h"

#include <stdlib.h>
#include <string.h>

#define STUCK_NS (5 * CHUTE_NS_PER_MS) /* see look_for_stuck() */

/*
 * Look at the record at @pos, with the producer's position as it was seen last, and
 * look at that again only where nothing, or nothing good, is below it: the line that
 * it is on is the producer's, and taking it away for every record costs both.
 */
static inline int peek_on(const struct chute_ring *ring, unsigned long pos, unsigned long *prod_pos,
			  struct chute_record *record)
{
	int found = chute_ring_peek_below(ring, pos, *prod_pos, record);

	if (__builtin_expect(found == 1, 1))
		return found;
	*prod_pos = chute_ring_producer_pos(ring);
	return chute_ring_peek_below(ring, pos, *prod_pos, record);
}

/* The drain proper. Sets *consumed if any record was, discarded ones included. */
static long drain_records(const struct chute_ring *ring, chute_drain_fn *callback, void *ctx,
			  bool *consumed)
{
	unsigned long *shared_pos = &ring->consumer->consumer_pos;
	unsigned long cons_pos = chute_load_relaxed(shared_pos);
	unsigned long count = 0;
	unsigned long prod_pos = cons_pos;
	struct chute_record record;
	int i, found, stop = 0;

	for (i = 0; i < CHUTE_DRAIN_MAX && !stop; i++) {
		found = peek_on(ring, cons_pos, &prod_pos, &record);
		if (found < 0)
			return found;
		/* DISCARD is looked at first: with BUSY too, it is still skipped. */
		if (!found || record.flags == CHUTE_BUSY)
			break;
		if (!record.flags) {
			stop = callback(record.payload, record.size, ctx);
			count++;
		}
		*consumed = true;
		cons_pos = record.next_pos;
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
		chute_share_heal_try(ring);
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
	struct chute_record record;
	int found;

	found = chute_ring_peek(ring, chute_load_relaxed(&ring->consumer->consumer_pos), &record);
	if (found < 0 || (found && record.flags != CHUTE_BUSY))
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
