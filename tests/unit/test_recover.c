// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_recover: CHUTE_RECOVER on rings with anything in them: afterwards a drain gets
 * through, and what was finished before the first thing that was wrong has arrived.
 *
 * CHUTE_SEED      where the random numbers start; else drawn, and printed
 */
#include "support.h"

#include "image.h"
#include "ring/ring.h"

#include <chute/drain.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE   8192
#define IMAGES 5000

static __u64 seed;

static int set_up_seed(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

struct victim {
	struct chute_ring ring;
	struct image image;
	int fd;
};

static void victim_open(struct victim *v)
{
	v->fd = chute_memory("recover", SIZE);
	assert_true(v->fd >= 0);
	assert_int_equal(chute_ring_map_memory(&v->ring, v->fd), 0);
	image_init(&v->image, SIZE);
}

static void victim_close(struct victim *v)
{
	image_fini(&v->image);
	chute_ring_unmap(&v->ring);
	close(v->fd);
}

static int recover(const struct victim *v)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = CHUTE_RECOVER };
	struct chute *c = chute_open_memory(v->fd, &opts);

	if (!c)
		return -errno;
	chute_close(c);
	return 0;
}

static int count_one(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	++*(unsigned long *)ctx;
	return 0;
}

/* Drain as far as one gets; how many records that were. */
static unsigned long drain(const struct victim *v, long *last)
{
	struct chute_consumer *consumer = chute_consumer_open(v->fd);
	unsigned long count = 0, pos;

	assert_non_null(consumer);
	do {
		pos = v->ring.consumer->consumer_pos;
		*last = chute_drain(consumer, count_one, &count, 0);
	} while (*last >= 0 && v->ring.consumer->consumer_pos != pos);
	chute_consumer_close(consumer);
	return count;
}

static void put(struct victim *v)
{
	memcpy(v->ring.data, v->image.data, SIZE);
	v->ring.consumer->consumer_pos = v->image.cons_pos;
	v->ring.producer->producer_pos = v->image.prod_pos;
}

static void a_drain_gets_through_whatever_there_was(void **state)
{
	unsigned long before, after;
	struct victim v;
	__u64 random;
	long last;
	int i;

	(void)state;
	victim_open(&v);
	for (i = 0; i < IMAGES; i++) {
		random = seed + (__u64)i * 0x632be59bd9b4e019ULL;
		image_make(&v.image, next_random(&random) >> next_random(&random) % 64 & ~7UL,
			   &random);
		before = 0;
		if (v.image.prod_pos - v.image.cons_pos <= SIZE) {
			put(&v);
			before = drain(&v, &last);
		}
		put(&v);
		assert_int_equal(recover(&v), 0);
		after = drain(&v, &last);
		assert_int_equal(last, 0);
		assert_int_equal(v.ring.consumer->consumer_pos, v.ring.producer->producer_pos);
		if (after < before)
			fail_msg("image %d: %lu records, and %lu after it was mended", i, before,
				 after);
	}
	victim_close(&v);
}

/* Nobody's drain gets on from there: it is not opened, after coming to an end. */
static void a_consumer_position_that_cannot_be_is_refused(void **state)
{
	unsigned long cons_pos, left;
	struct victim v;
	long last;

	(void)state;
	victim_open(&v);
	memset(v.image.data, 0, SIZE);
	for (cons_pos = 1; cons_pos < 8; cons_pos++)
		for (left = 0; left < 24; left++) {
			v.image.cons_pos = cons_pos;
			v.image.prod_pos = cons_pos + left;
			put(&v);
			assert_int_equal(recover(&v), -EBADMSG);
			assert_int_equal(v.ring.consumer->consumer_pos, cons_pos);
			assert_int_equal(drain(&v, &last), 0);
		}
	victim_close(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_gets_through_whatever_there_was),
		cmocka_unit_test(a_consumer_position_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests_name("recover", tests, set_up_seed, NULL);
}
