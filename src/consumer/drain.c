/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain.c: bpf_user_ringbuf_drain() for memory rings; record.h has the rules for
 * one record. consumer_pos is ours alone while `drainer` names us.
 */
#include "consumer/drain.h"
#include "clock.h"
#include "owner.h"
#include "ring/record.h"
#include "producer/heal.h"
#include "wait.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_NS (5 * CHUTE_NS_PER_MS) /* see look_for_stuck() */

/*
 * So many bytes of records, 64 lines, are little to find: who comes for so few takes the
 * producer's line from it so often that both are slower than if it came later.
 */
#define LITTLE 4096UL

/* The producer's position, and what was the next record when we looked at it. */
struct seen {
	unsigned long prod_pos, pos;
};

/*
 * Look at the record at @pos, with the producer's position as it was seen last, and
 * look at that again only where nothing, or nothing good, is below it: the line that
 * it is on is the producer's, and taking it away for every record costs both.
 */
static inline int peek_on(const struct chute_ring *ring, unsigned long pos, struct seen *seen,
			  struct chute_record *record)
{
	int found = chute_ring_peek_below(ring, pos, seen->prod_pos, record);

	if (__builtin_expect(found == 1, 1))
		return found;
	/* We are at its heels: let it get away. */
	if (pos == seen->prod_pos && pos - seen->pos - 1 < LITTLE)
		return 0;
	seen->prod_pos = chute_ring_producer_pos(ring);
	seen->pos = pos;
	return chute_ring_peek_below(ring, pos, seen->prod_pos, record);
}

/*
 * What a run of equal records has told: a header that says the same once more needs no
 * check but for what is published. And the branch on it tells the CPU where the next
 * header is before this one is read: from header to header by way of the length is
 * 11 cycles a record, twice as much as all the rest.
 */
struct run {
	__u32 len;
	unsigned long bytes; /* above all that can be pending: there is none */
};

static inline bool run_goes_on(const struct run *run, const struct chute_header *header,
			       unsigned long pending)
{
	/* D1: as in chute_ring_peek_below(). */
	return pending >= run->bytes && chute_load_acquire(&header->len) == run->len;
}

/* The drain proper. */
static long drain_records(const struct chute_ring *ring, chute_drain_fn *callback, void *ctx,
			  const bool *keep)
{
	unsigned long *shared_pos = &ring->consumer->consumer_pos;
	unsigned long cons_pos = chute_load_relaxed(shared_pos);
	unsigned long count = 0;
	struct seen seen = { cons_pos, cons_pos };
	const size_t size = ring->size;
	const char *const data = ring->data;
	struct run run = { .bytes = ~0UL };
	const struct chute_header *header;
	struct chute_record record;
	int i, found, stop = 0;

	for (i = 0; i < CHUTE_DRAIN_MAX && !stop; i++) {
		header = (const struct chute_header *)(data + (cons_pos & (size - 1)));
		if (run_goes_on(&run, header, seen.prod_pos - cons_pos)) {
			stop = callback(header + 1, run.len, ctx);
			count++;
			cons_pos += run.bytes;
		} else {
			found = peek_on(ring, cons_pos, &seen, &record);
			if (found < 0)
				return found;
			/* DISCARD is looked at first: with BUSY too, it is still skipped. */
			if (!found || record.flags == CHUTE_BUSY)
				break;
			if (!record.flags) {
				stop = callback(record.payload, record.size, ctx);
				count++;
				run.len = record.size;
				run.bytes = record.next_pos - cons_pos;
			}
			cons_pos = record.next_pos;
		}
		if (stop && *keep)
			break;
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
		chute_heal_try(ring);
	}
}

/* A drain that runs. */
struct turn {
	struct chute_consumer *consumer;
	unsigned long start_pos;
	__u64 flags;
};

/* One drain at a time. 0, or -EBUSY. */
static int begin(struct turn *turn, struct chute_consumer *consumer, __u64 flags)
{
	const struct chute_ring *ring = &consumer->ring;

	/* B0: pairs with B1. The last drainer's position is visible after it. */
	if (chute_owner_claim(&ring->consumer->drainer, chute_owner_self()))
		return -EBUSY;
	consumer->draining = true;
	turn->consumer = consumer;
	turn->start_pos = chute_load_relaxed(&ring->consumer->consumer_pos);
	turn->flags = flags;
	return 0;
}

/* Has any record been consumed, discarded ones included? */
static bool has_consumed(const struct turn *turn)
{
	return chute_load_relaxed(&turn->consumer->ring.consumer->consumer_pos) != turn->start_pos;
}

/* What is left of a record that is gone is not left of another at its place. */
static void forget_partial(const struct chute_ring *ring)
{
	const __u64 partial = chute_load_relaxed(&ring->consumer->partial);

	if (partial && partial != chute_partial_at(ring, chute_partial_offset(partial)))
		chute_store_relaxed(&ring->consumer->partial, (__u64)0);
}

/* Also where a callback throws, or its thread ends or is cancelled in it: the record is
 * not consumed then, and nobody is kept out. */
static void end(void *arg)
{
	const struct turn *turn = arg;
	const struct chute_ring *ring = &turn->consumer->ring;
	const bool consumed = has_consumed(turn);

	turn->consumer->draining = false;
	if (consumed)
		forget_partial(ring);
	/* B1: pairs with B0. */
	chute_store_release(&ring->consumer->drainer, (__u64)0);
	if ((turn->flags & CHUTE_FORCE_WAKEUP) || (consumed && !(turn->flags & CHUTE_NO_WAKEUP)))
		chute_wake_producers(ring);
}

static bool are_known(__u64 flags)
{
	return !(flags & ~(CHUTE_NO_WAKEUP | CHUTE_FORCE_WAKEUP));
}

long chute_drain_keeping(struct chute_consumer *consumer, chute_drain_fn *callback, void *ctx,
			 __u64 flags, const bool *keep)
{
	const struct chute_ring *ring = &consumer->ring;
	struct turn turn;
	bool consumed;
	long ret;

	if (!are_known(flags))
		return -EINVAL;
	if (begin(&turn, consumer, flags))
		return -EBUSY;
	pthread_cleanup_push(end, &turn);
	ret = drain_records(ring, callback, ctx, keep);
	consumed = has_consumed(&turn);
	pthread_cleanup_pop(1);
	if (!ret && !consumed)
		look_for_stuck(consumer);
	return ret;
}

long chute_drain(struct chute_consumer *consumer, chute_drain_fn *callback, void *ctx, __u64 flags)
{
	static const bool never;

	return chute_drain_keeping(consumer, callback, ctx, flags, &never);
}

int chute_consume(struct chute_consumer *consumer, unsigned long from, unsigned long to,
		  __u64 flags)
{
	const struct chute_ring *ring = &consumer->ring;
	unsigned long *shared_pos = &ring->consumer->consumer_pos;
	struct turn turn;
	int err = 0;

	if (!are_known(flags) || to % 8)
		return -EINVAL;
	if (begin(&turn, consumer, flags))
		return -EBUSY;
	if (chute_load_relaxed(shared_pos) != from)
		err = -ESTALE;
	else if (chute_ring_producer_pos(ring) - from < to - from)
		err = -EINVAL;
	else
		/* D2: pairs with C0. */
		chute_store_release(shared_pos, to);
	end(&turn);
	return err;
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
	/* A callback has left by longjmp(): nobody else gives the ring back. In a child of
	 * fork() it is the parent's. */
	if (consumer->draining)
		chute_owner_release(&consumer->ring.consumer->drainer, chute_owner_self());
	chute_ring_unmap(&consumer->ring);
	free(consumer);
}

size_t chute_consumer_size(const struct chute_consumer *consumer)
{
	return consumer->ring.size;
}

const struct chute_view *chute_consumer_view(const struct chute_consumer *consumer)
{
	return &consumer->view;
}

unsigned long chute_consumer_pos(const struct chute_consumer *consumer)
{
	/* Relaxed: a position to peek at, which checks what it finds there. */
	return chute_load_relaxed(&consumer->ring.consumer->consumer_pos);
}
