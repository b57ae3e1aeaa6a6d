// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_model: random sequences of a producer's calls, and of drains between them,
 * against the reference in model.h. CHUTE_SEED repeats a run.
 */
#include "kring.h"
#include "model.h"
#include "plain.h"

#include <chute/drain.h>

#include <stdlib.h>
#include <unistd.h>

#define SEQUENCES 50000
#define STEPS	  60

static __u64 seed;

static int set_up(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

static int saw(const void *payload, __u32 size, void *ctx)
{
	model_saw(ctx, payload, size);
	return 0;
}

static long drain_memory(struct model *m)
{
	return chute_drain(m->consumer, saw, m, 0);
}

/* Mostly small, now and then as long as can be, and one byte longer. */
static __u32 random_size(__u64 *random, size_t ring_size)
{
	__u64 r = next_random(random);

	switch (r >> 60) {
	case 0:
		return (__u32)ring_size - 8;
	case 1:
		return (__u32)ring_size - 7;
	case 2:
		return (__u32)((r & 0xffff) % (ring_size - 7));
	case 3:
		return 0;
	default:
		return (__u32)((r & 0xffff) % 25);
	}
}

static void random_step(struct model *m, __u64 *random, bool many_open)
{
	const __u64 r = next_random(random);
	const size_t open = model_open_count(m);

	if (r >> 60 == 0) {
		model_publish(m);
	} else if (r >> 60 <= 3) {
		model_drain(m);
	} else if (!open || (r >> 60 >= 12 && (many_open || r >> 60 == 15))) {
		model_reserve(m, random_size(random, m->ring->size));
	} else {
		model_finish(m, (r & 0xffff) % open, (enum model_how)((r >> 16 & 0xffff) % 3));
	}
}

/* Ends with all that is open finished, or with the handle closed over it. */
static void random_end(struct model *m, __u64 *random, struct chute_producer *p)
{
	if (next_random(random) & 1) {
		chute_producer_fini(p);
		model_close(m);
	} else {
		while (model_open_count(m))
			model_finish(m, 0, MODEL_SUBMIT);
		model_publish(m);
	}
	model_drain(m);
}

static void a_consumer_sees_what_was_finished_in_the_order_of_reservation(void **state)
{
	static struct plain r;
	static struct model m;
	__u64 random = seed;
	int i, step;

	(void)state;
	for (i = 0; i < SEQUENCES; i++) {
		const size_t size = 64UL << next_random(&random) % 4;

		plain_init(&r, size, start_pos_at(size, (int)(next_random(&random) % START_COUNT)),
			   0xff);
		model_init(&m, plain_open(&r), &r.ring);
		m.drain = drain_memory;
		m.consumer = &r.consumer;
		for (step = 0; step < STEPS; step++)
			random_step(&m, &random, i & 1);
		random_end(&m, &random, &r.producer);
	}
}

/* One ring, many laps, opened anew now and then: what is left open would stay. */
static void a_memory_ring_is_the_same_over_many_laps(void **state)
{
	struct chute_consumer *consumer;
	static struct model m;
	__u64 random = seed + 1;
	struct chute *c;
	int i, fd, step;

	(void)state;
	fd = chute_memory("model", 4096);
	assert_true(fd >= 0);
	consumer = chute_consumer_open(fd);
	assert_non_null(consumer);
	for (i = 0; i < 300; i++) {
		c = chute_open_memory(fd, NULL);
		assert_non_null(c);
		model_init(&m, c, &chute_producer_of(c)->ring);
		m.drain = drain_memory;
		m.consumer = consumer;
		for (step = 0; step < 1000; step++)
			random_step(&m, &random, i & 1);
		while (model_open_count(&m))
			model_finish(&m, 0, MODEL_STAGE);
		chute_close(c);
		m.ring = &consumer->ring;
		model_close(&m);
		model_drain(&m);
		assert_int_equal(m.count, 0);
	}
	chute_consumer_close(consumer);
	close(fd);
}

static long drain_kernel(struct model *m)
{
	struct kring *k = m->consumer;
	const long count = kring_drain_written(k);
	long i;

	for (i = 0; i < count; i++)
		model_saw_ends(m, k->written[i].first, k->written[i].last, k->written[i].size);
	return count;
}

static void the_kernel_sees_the_same(void **state)
{
	static struct model m;
	__u64 random = seed + 2;
	struct chute *c;
	struct kring k;
	int i, step;

	(void)state;
	kring_open(&k, 4096);
	for (i = 0; i < 300; i++) {
		c = chute_open_map(k.map_fd, NULL);
		assert_non_null(c);
		model_init(&m, c, &chute_producer_of(c)->ring);
		m.drain = drain_kernel;
		m.consumer = &k;
		for (step = 0; step < 300; step++)
			random_step(&m, &random, i & 1);
		while (model_open_count(&m))
			model_finish(&m, 0, MODEL_SUBMIT);
		model_publish(&m);
		model_drain(&m);
		assert_int_equal(m.count, 0);
		chute_close(c);
	}
	kring_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_consumer_sees_what_was_finished_in_the_order_of_reservation),
		cmocka_unit_test(a_memory_ring_is_the_same_over_many_laps),
		cmocka_unit_test(the_kernel_sees_the_same),
	};

	return cmocka_run_group_tests_name("model", tests, set_up, NULL);
}
