// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_stop: functions that stop a drain of messages in user space: every message once and in
 * order, by whatever consumer, and whatever a neighbour writes meanwhile.
 */
#include "stops.h"
#include "stops_send.h"

#include "consumer/drain.h"

#include <chute/drain.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MANY 1000000
#define RING (64 * 1024)

struct fixture {
	struct stops_ring ring; /* first */
	struct stops stops;
	struct chute_consumer *consumers[2]; /* who drains next, and who does after it */
	struct chute_messages found;
};

static __u64 seed;

static int set_up_seed(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

/* Each step by the other consumer. */
static long drain(struct stops_ring *ring, __u32 *more)
{
	struct fixture *f = (struct fixture *)ring;
	struct chute_consumer *now = f->consumers[0];
	long ret;

	ret = chute_drain_messages(now, stops_any, &f->stops, 0, &f->found);
	*more = f->found.more;
	f->consumers[0] = f->consumers[1];
	f->consumers[1] = now;
	return ret;
}

static void set_up(struct fixture *f)
{
	int fd = chute_memory("stops", RING);

	assert_true(fd >= 0);
	*f = (struct fixture){ .stops.every = 3, .ring.drain = drain };
	f->ring.producer = chute_open_memory(fd, NULL);
	f->consumers[0] = chute_consumer_open(fd);
	f->consumers[1] = chute_consumer_open(fd);
	assert_non_null(f->ring.producer);
	assert_non_null(f->consumers[0]);
	assert_non_null(f->consumers[1]);
	close(fd);
}

static void tear_down(struct fixture *f)
{
	assert_int_equal(f->stops.wrong, 0);
	chute_close(f->ring.producer);
	chute_consumer_close(f->consumers[0]);
	chute_consumer_close(f->consumers[1]);
}

static void every_message_comes_once_and_in_order_to_a_function_that_stops(void **state)
{
	__u64 random = seed;
	struct fixture f;
	int shape;

	(void)state;
	for (shape = 0; shape < STOPS_SHAPES; shape++) {
		set_up(&f);
		stops_run(&f.ring, (enum stops_shape)shape, MANY, &random);
		assert_int_equal(f.stops.next, MANY);
		assert_int_equal(f.found.messages, MANY);
		assert_int_equal(f.found.malformed, 0);
		tear_down(&f);
	}
}

static void until_empty_is_one_call(void **state)
{
	__u64 random = seed, sent;
	struct fixture f;

	(void)state;
	set_up(&f);
	sent = stops_send(f.ring.producer, STOPS_RUNS, 0, MANY, &random);
	assert_int_equal(chute_drain_all(f.consumers[0], stops_any, &f.stops, 0, &f.found), 3);
	assert_int_equal(f.found.more, 1);
	f.stops.every = 0;
	assert_int_equal(chute_drain_all(f.consumers[1], stops_any, &f.stops, 0, NULL), sent - 3);
	assert_int_equal(chute_used(f.ring.producer), 0);
	tear_down(&f);
}

static int take(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	*(__u32 *)ctx = size;
	return 0;
}

static void a_drain_of_records_shows_the_whole_record_and_takes_it(void **state)
{
	const __u64 *partial;
	__u64 random = seed;
	struct fixture f;
	__u32 more, size;

	(void)state;
	set_up(&f);
	partial = &f.consumers[0]->ring.consumer->partial;
	assert_int_equal(stops_send(f.ring.producer, STOPS_RUNS, 0, 100, &random), 100);
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_not_equal(*partial, 0);
	assert_int_equal(chute_drain(f.consumers[0], take, &size, 0), 1);
	assert_int_equal(size, 16 + 100 * 8);
	assert_int_equal(stops_send(f.ring.producer, STOPS_RUNS, 3, 10, &random), 10);
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(drain(&f.ring, &more), 1);
	assert_int_equal(*partial, 0);
	tear_down(&f);
}

/* Whatever the word says, nothing outside of the record is read: ASan looks. */
static void a_word_that_is_anything_skips_no_more_than_the_record(void **state)
{
	__u64 random = seed, *partial, pos;
	struct fixture f;
	__u32 more, i;

	(void)state;
	set_up(&f);
	f.stops.every = 0;
	partial = &f.consumers[0]->ring.consumer->partial;
	for (i = 0; i < 5000; i++) {
		stops_send(f.ring.producer, i % 2 ? STOPS_MIXED : STOPS_RUNS, 0, 20, &random);
		pos = f.consumers[0]->ring.consumer->consumer_pos / 8 << 12;
		*partial = pos | (next_random(&random) % (i % 3 ? 50 : 4096));
		assert_in_range(drain(&f.ring, &more), 0, 20);
		assert_int_equal(chute_used(f.ring.producer), 0);
		assert_int_equal(*partial, 0);
	}
	f.stops.wrong = 0;
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_once_and_in_order_to_a_function_that_stops),
		cmocka_unit_test(until_empty_is_one_call),
		cmocka_unit_test(a_drain_of_records_shows_the_whole_record_and_takes_it),
		cmocka_unit_test(a_word_that_is_anything_skips_no_more_than_the_record),
	};

	return cmocka_run_group_tests_name("stop", tests, set_up_seed, NULL);
}
