/* SPDX-License-Identifier: BSD-2-Clause */
/* contract_cases.c: those parts of the contract that take more than one drain. */
#include "support.h"

#include "contract.h"

#include <chute/drain.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_OF(array) (sizeof(array) / sizeof((array)[0]))

static long consumed(const struct runner *r, unsigned long start)
{
	return (long)(runner_consumer_pos(r) - start);
}

/* Five good records and a bad one; the bad one is @len with @producer as in a row. */
static void an_error_stays(struct runner *r, __u32 len, unsigned long covered, long error)
{
	unsigned long bad_pos, pos = runner_consumer_pos(r);
	int i;

	for (i = 0; i < 5; i++)
		pos = runner_put(r, pos, 24);
	bad_pos = pos;
	runner_put_header(r, bad_pos, len);
	runner_publish(r, bad_pos + covered);
	assert_int_equal(runner_drain_flags(r, 0), error);
	assert_int_equal(r->written->count, 5);
	assert_int_equal(consumed(r, bad_pos), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(runner_drain_flags(r, 0), error);
		assert_int_equal(r->written->count, 0);
		assert_false(runner_woken(r));
	}
	/* Mended, it is delivered. */
	pos = runner_put(r, bad_pos, 8);
	runner_publish(r, pos);
	assert_int_equal(runner_drain_flags(r, 0), 1);
	assert_int_equal(r->written->entries[0].size, 8);
	assert_int_equal(consumed(r, pos), 0);
}

static void a_record_beyond_the_producer_stays_until_mended(struct runner *r)
{
	an_error_stays(r, 17, 24, -EINVAL);
}

static void a_record_longer_than_the_ring_stays_until_mended(struct runner *r)
{
	if (runner_consumer_pos(r) + 4 * r->ring.size > runner_consumer_pos(r))
		an_error_stays(r, CONTRACT_RING, 2 * CONTRACT_RING, -E2BIG);
}

static void a_crooked_producer_position_stays_until_mended(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r), end = runner_put(r, start, 40);
	int i;

	for (i = 0; i < 3; i++) {
		runner_publish(r, end + 3);
		assert_int_equal(runner_drain_flags(r, 0), -EINVAL);
		assert_int_equal(r->written->count, 0);
		assert_int_equal(consumed(r, start), 0);
	}
	runner_publish(r, end);
	assert_int_equal(runner_drain_flags(r, 0), 1);
}

static void a_busy_record_is_delivered_when_it_is_finished(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r), pos;

	pos = runner_put(r, start, CHUTE_BUSY | 100);
	pos = runner_put(r, pos, 5);
	runner_publish(r, pos);
	assert_int_equal(runner_drain_flags(r, 0), 0);
	assert_int_equal(runner_drain_flags(r, 0), 0);
	runner_put(r, start, 100);
	assert_int_equal(runner_drain_flags(r, 0), 2);
	assert_int_equal(r->written->entries[0].size, 100);
	assert_int_equal(r->written->entries[1].size, 5);
}

static void the_rest_comes_after_a_callback_has_stopped(struct runner *r)
{
	unsigned long pos = runner_consumer_pos(r);
	__u32 i;

	for (i = 0; i < 10; i++)
		pos = runner_put(r, pos, i);
	runner_publish(r, pos);
	for (i = 0; i < 10; i += 2) {
		*r->order = (struct oracle_order){ .stop_after = 2 };
		assert_int_equal(runner_drain(r), 2);
		assert_int_equal(r->written->entries[0].size, i);
		assert_int_equal(r->written->entries[1].size, i + 1);
	}
	assert_int_equal(consumed(r, pos), 0);
}

static void every_unknown_flag_is_EINVAL(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r);
	int bit;

	runner_publish(r, runner_put(r, start, 8));
	for (bit = 2; bit < 64; bit++) {
		assert_int_equal(runner_drain_flags(r, 1ULL << bit), -EINVAL);
		assert_false(runner_woken(r));
		assert_int_equal(consumed(r, start), 0);
	}
}

static void every_bit_of_the_length_counts(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r);
	int bit;

	for (bit = 0; bit < 30; bit++) {
		runner_put_header(r, start, 1U << bit);
		runner_publish(r, start + CHUTE_HEADER_SIZE);
		assert_int_equal(runner_drain_flags(r, 0), -EINVAL);
		runner_put_header(r, start, CHUTE_DISCARD | 1U << bit);
		assert_int_equal(runner_drain_flags(r, 0), -EINVAL);
	}
}

/* No drain clears anything, so a position that runs over old records brings them
 * back: a header has to be there before producer_pos passes it. */
static void a_header_of_an_earlier_lap_is_still_there(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r), pos = start;
	unsigned int lap;

	while (pos - start < r->ring.size)
		pos = runner_put(r, pos, CONTRACT_RING / 4 - 8);
	for (lap = 1; lap <= 3; lap++) {
		runner_publish(r, start + lap * r->ring.size);
		assert_int_equal(runner_drain_flags(r, 0), 4);
		assert_memory_equal(r->written->bytes, runner_at(r, start) + CHUTE_HEADER_SIZE,
				    CONTRACT_RING / 4 - 8);
		assert_int_equal(consumed(r, start + lap * r->ring.size), 0);
	}
}

static void the_pad_is_not_read_and_survives(struct runner *r)
{
	static const __u32 pads[] = { 0, 1, CHUTE_BUSY, CHUTE_DISCARD, 0xffffffff };
	unsigned long pos = runner_consumer_pos(r);
	struct chute_header *header;
	size_t i;

	for (i = 0; i < SIZE_OF(pads); i++) {
		header = (struct chute_header *)runner_at(r, pos);
		pos = runner_put(r, pos, 8);
		header->pad = pads[i];
		runner_publish(r, pos);
		assert_int_equal(runner_drain_flags(r, 0), 1);
		assert_int_equal(header->pad, pads[i]);
		assert_int_equal(header->len, 8);
	}
}

/* Bytes 8 to 63: from 64 on, a memory ring has words of its own. */
static void only_producer_pos_is_read_on_its_page(struct runner *r)
{
	unsigned char *page = (unsigned char *)r->ring.producer, noise[56];
	unsigned long pos = runner_consumer_pos(r);
	size_t i;
	int fill;

	for (fill = 0; fill < 256; fill += 51) {
		memset(noise, fill, sizeof(noise));
		memcpy(page + 8, noise, sizeof(noise));
		for (i = 0; i < 3; i++)
			pos = runner_put(r, pos, 8);
		runner_publish(r, pos);
		assert_int_equal(runner_drain_flags(r, 0), 3);
		assert_true(runner_woken(r));
		assert_memory_equal(page + 8, noise, sizeof(noise));
	}
}

static void the_data_appears_twice(struct runner *r)
{
	size_t size = r->ring.size, i;

	for (i = 0; i < size; i += 8)
		*(volatile __u64 *)(r->ring.data + i) = i;
	for (i = 0; i < size; i += 8)
		assert_int_equal(*(volatile __u64 *)(r->ring.data + size + i), i);
	for (i = 0; i < size; i += 8)
		*(volatile __u64 *)(r->ring.data + size + i) = ~i;
	for (i = 0; i < size; i += 8)
		assert_int_equal(*(volatile __u64 *)(r->ring.data + i), ~i);
}

static void small_records_go_round_and_round(struct runner *r)
{
	unsigned long pos = runner_consumer_pos(r);
	__u32 size, n = 0;

	for (size = 0; n < 3000; n++, size = (size + 13) % 61) {
		unsigned long at = pos;

		pos = runner_put(r, pos, size);
		runner_publish(r, pos);
		assert_int_equal(runner_drain_flags(r, CHUTE_NO_WAKEUP), 1);
		assert_int_equal(r->written->entries[0].size, size);
		assert_memory_equal(r->written->bytes, runner_at(r, at) + CHUTE_HEADER_SIZE, size);
		assert_int_equal(consumed(r, pos), 0);
	}
}

/* ---- two drains ---- */

static void a_drain_inside_of_a_drain_is_EBUSY(struct runner *r)
{
	unsigned long pos = runner_consumer_pos(r);

	pos = runner_put(r, pos, 8);
	pos = runner_put(r, pos, 16);
	runner_publish(r, pos);
	*r->nested_ret = 0;
	*r->order = (struct oracle_order){ .flags = CHUTE_NO_WAKEUP,
					   .nested = 1,
					   .nested_flags = CHUTE_FORCE_WAKEUP };
	assert_int_equal(runner_drain(r), 2);
	assert_int_equal(*r->nested_ret, -EBUSY);
	assert_false(runner_woken(r));
	assert_int_equal(consumed(r, pos), 0);
	/* It is not busy for good. */
	runner_publish(r, runner_put(r, pos, 8));
	assert_int_equal(runner_drain_flags(r, 0), 1);
}

static void unknown_flags_are_looked_at_before_EBUSY(struct runner *r)
{
	runner_publish(r, runner_put(r, runner_consumer_pos(r), 8));
	*r->order = (struct oracle_order){ .nested = 1, .nested_flags = 4 };
	assert_int_equal(runner_drain(r), 1);
	assert_int_equal(*r->nested_ret, -EINVAL);
}

struct other_thread {
	struct runner *r;
	cpu_set_t cpus;
	int done;
	long ret;
};

static void *drain_in_thread(void *arg)
{
	struct other_thread *t = arg;

	sched_setaffinity(0, sizeof(t->cpus), &t->cpus);
	t->ret = t->r->ops->drain(t->r);
	chute_store_release(&t->done, 1);
	return NULL;
}

/*
 * A drain is held in its callback in another thread while this one looks at
 * consumer_pos and drains too. Returns false if the callback was not held so long:
 * a kernel that can't be preempted gives it a bounded time.
 */
static bool drain_beside_a_held_one(struct runner *r, const cpu_set_t *cpus, unsigned long start)
{
	struct other_thread t = { .r = r, .cpus = *cpus };
	unsigned long pos;
	pthread_t thread;
	__u32 still;
	long ret;

	*r->order = (struct oracle_order){ .hold = 1 };
	r->written->count = 0;
	r->written->used = 0;
	assert_int_equal(pthread_create(&thread, NULL, drain_in_thread, &t), 0);
	while (!chute_load_acquire(r->inside) && !chute_load_acquire(&t.done))
		sched_yield();
	pos = runner_consumer_pos(r);
	ret = r->ops->drain_too(r);
	still = chute_load_acquire(r->inside);
	chute_store_release(&r->order->hold, 0U);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (!still)
		return false;
	assert_int_equal(ret, -EBUSY);
	assert_int_equal(pos, start);
	assert_int_equal(t.ret, 1);
	return true;
}

static void a_drain_beside_a_drain_is_EBUSY(struct runner *r)
{
	unsigned long start, end;
	cpu_set_t cpus;
	int i, here = sched_getcpu();

	/* The other thread on any CPU but ours, if it can be. */
	memset(&cpus, 0xff, sizeof(cpus));
	CPU_CLR(here, &cpus);
	for (i = 0; i < 20; i++) {
		start = runner_consumer_pos(r);
		end = runner_put(r, start, 8);
		runner_publish(r, end);
		if (drain_beside_a_held_one(r, &cpus, start)) {
			assert_int_equal(consumed(r, end), 0);
			return;
		}
		runner_publish(r, runner_consumer_pos(r));
	}
	skip_because("no two drains at a time: a single CPU, or a very busy one");
}

/* ---- rings of other sizes ---- */

static void a_drain_takes_131072_records(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r), pos = start, rest;
	__u32 discarded = 0, i;

	assert_int_equal(CHUTE_DRAIN_MAX, 131072);
	for (i = 0; i < CHUTE_DRAIN_MAX + 3; i++) {
		discarded += i < CHUTE_DRAIN_MAX && i % 1000 == 7;
		pos = runner_put_header(r, pos, i % 1000 == 7 ? CHUTE_DISCARD : 0);
	}
	runner_publish(r, pos);
	rest = pos - 3 * CHUTE_HEADER_SIZE;
	assert_int_equal(runner_drain_flags(r, 0), CHUTE_DRAIN_MAX - discarded);
	assert_int_equal(r->written->count, CHUTE_DRAIN_MAX - discarded);
	assert_true(runner_woken(r));
	assert_int_equal(consumed(r, rest), 0);
	assert_int_equal(runner_drain_flags(r, 0), 3);
	assert_int_equal(consumed(r, pos), 0);
}

/* An error is not looked for behind the last one. */
static void a_drain_takes_131072_discarded_records(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r), pos = start;
	__u32 i;

	for (i = 0; i < CHUTE_DRAIN_MAX; i++)
		pos = runner_put_header(r, pos, CHUTE_DISCARD);
	runner_put_header(r, pos, 1);
	runner_publish(r, pos + CHUTE_HEADER_SIZE);
	assert_int_equal(runner_drain_flags(r, 0), 0);
	assert_true(runner_woken(r));
	assert_int_equal(consumed(r, pos), 0);
	assert_int_equal(runner_drain_flags(r, 0), -EINVAL);
	assert_false(runner_woken(r));
}

static void a_payload_may_be_as_long_as_a_dynptr_takes(struct runner *r)
{
	unsigned long start = runner_consumer_pos(r), end;
	const struct oracle_log *log = r->written;
	char *payload = runner_at(r, start) + CHUTE_HEADER_SIZE;

	assert_int_equal(CHUTE_PAYLOAD_MAX, 0xffffff);
	end = runner_put(r, start, CHUTE_PAYLOAD_MAX);
	runner_publish(r, end);
	assert_int_equal(runner_drain_flags(r, 0), 1);
	assert_int_equal(log->entries[0].size, CHUTE_PAYLOAD_MAX);
	assert_memory_equal(log->bytes, payload, ORACLE_END);
	assert_memory_equal(log->bytes + ORACLE_END, payload + CHUTE_PAYLOAD_MAX - ORACLE_END,
			    ORACLE_END);
	assert_int_equal(consumed(r, end), 0);
}

static void a_longer_payload_is_E2BIG(struct runner *r)
{
	static const __u32 lens[] = { 1 << 24, CHUTE_BUSY | 1 << 24, CHUTE_DISCARD | 1 << 24,
				      (1 << 24) + 1, (1 << 25) - 8 };
	unsigned long start = runner_consumer_pos(r);
	size_t i;

	for (i = 0; i < SIZE_OF(lens); i++) {
		runner_publish(r, runner_put_header(r, start, lens[i]));
		assert_int_equal(runner_drain_flags(r, 0), -E2BIG);
		assert_int_equal(r->written->count, 0);
		assert_int_equal(consumed(r, start), 0);
	}
	/* It is asked last: one that is not all there is EINVAL. */
	runner_publish(r, runner_put_header(r, start, 1 << 24) - 8);
	assert_int_equal(runner_drain_flags(r, 0), -EINVAL);
}

const struct contract_case contract_cases[] = {
#define CASE(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}
	CASE(a_record_beyond_the_producer_stays_until_mended),
	CASE(a_record_longer_than_the_ring_stays_until_mended),
	CASE(a_crooked_producer_position_stays_until_mended),
	CASE(a_busy_record_is_delivered_when_it_is_finished),
	CASE(the_rest_comes_after_a_callback_has_stopped),
	CASE(every_unknown_flag_is_EINVAL),
	CASE(every_bit_of_the_length_counts),
	CASE(a_header_of_an_earlier_lap_is_still_there),
	CASE(the_pad_is_not_read_and_survives),
	CASE(only_producer_pos_is_read_on_its_page),
	CASE(the_data_appears_twice),
	CASE(small_records_go_round_and_round),
	CASE(a_drain_inside_of_a_drain_is_EBUSY),
	CASE(unknown_flags_are_looked_at_before_EBUSY),
	CASE(a_drain_beside_a_drain_is_EBUSY),
#undef CASE
};

const size_t contract_case_count = SIZE_OF(contract_cases);

const struct contract_sized_case contract_sized_cases[] = {
#define CASE(name, size)                                                                           \
	{                                                                                          \
#name, size, name                                                                  \
	}
	CASE(a_drain_takes_131072_records, 2 << 20),
	CASE(a_drain_takes_131072_discarded_records, 2 << 20),
	CASE(a_payload_may_be_as_long_as_a_dynptr_takes, 32 << 20),
	CASE(a_longer_payload_is_E2BIG, 32 << 20),
#undef CASE
};

const size_t contract_sized_case_count = SIZE_OF(contract_sized_cases);
