// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_busy: several records reserved at a time, finished in any order and any way.
 */
#include "model.h"
#include "plain.h"

#include <chute/drain.h>

#include <errno.h>
#include <string.h>

#define SIZE 256

static __u32 header_at(struct plain *r, unsigned long pos)
{
	return *(__u32 *)plain_at(r, pos);
}

static int saw(const void *payload, __u32 size, void *ctx)
{
	model_saw(ctx, payload, size);
	return 0;
}

static long drain(struct model *m)
{
	return chute_drain(m->consumer, saw, m, 0);
}

static void open_model(struct model *m, struct plain *r, size_t size, unsigned long start_pos)
{
	plain_init(r, size, start_pos, 0);
	model_init(m, plain_open(r), &r->ring);
	m->drain = drain;
	m->consumer = &r->consumer;
}

static void a_second_reservation_marks_both_as_busy(void **state)
{
	static struct plain r;
	void *first, *second;
	struct chute *c;
	int i;

	(void)state;
	for (i = 0; i < START_COUNT; i++) {
		const unsigned long pos = start_pos_at(SIZE, i);

		plain_init(&r, SIZE, pos, 0xa5);
		c = plain_open(&r);
		first = chute_reserve(c, 9);
		assert_int_equal(header_at(&r, pos), 9);
		second = chute_reserve(c, 0);
		assert_int_equal(header_at(&r, pos), 9 | CHUTE_BUSY);
		assert_int_equal(header_at(&r, pos + 24), CHUTE_BUSY);
		assert_int_equal(r.producer_page.producer_pos, pos);
		/* The second one is seen, and the consumer stops at the first. */
		chute_submit(c, second);
		assert_int_equal(header_at(&r, pos), 9 | CHUTE_BUSY);
		assert_int_equal(header_at(&r, pos + 24), 0);
		assert_int_equal(r.producer_page.producer_pos, pos + 32);
		chute_discard(c, first);
		assert_int_equal(header_at(&r, pos), 9 | CHUTE_DISCARD);
		assert_int_equal(r.producer_page.producer_pos, pos + 32);
		/* One at a time again: its header is final from the start. */
		assert_ptr_equal(chute_reserve(c, 1), plain_at(&r, pos + 32) + 8);
		assert_int_equal(header_at(&r, pos + 32), 1);
	}
}

/* Finish 3 records in the @order-th order, each in its own way; drain after each step
 * whose bit is set in @drains. */
static void finish_three(struct model *m, int order, int ways, unsigned int drains)
{
	static const size_t orders[6][3] = { { 0, 0, 0 }, { 0, 1, 0 }, { 1, 0, 0 },
					     { 1, 1, 0 }, { 2, 0, 0 }, { 2, 1, 0 } };
	int i;

	for (i = 0; i < 3; i++) {
		if (drains >> i & 1)
			model_drain(m);
		model_finish(m, orders[order][i], (enum model_how)(ways % 3));
		ways /= 3;
	}
	model_drain(m);
	model_publish(m);
	model_drain(m);
	assert_int_equal(m->count, 0);
}

static void three_records_finish_in_any_order_and_way(void **state)
{
	static struct plain r;
	static struct model m;
	unsigned int drains;
	int order, ways, before;

	(void)state;
	for (order = 0; order < 6; order++) {
		for (ways = 0; ways < 27; ways++) {
			for (drains = 0; drains < 8; drains++) {
				for (before = 0; before < 2 * START_COUNT; before++) {
					open_model(&m, &r, SIZE, start_pos_at(SIZE, before / 2));
					if (before % 2) {
						model_reserve(&m, 7);
						model_finish(&m, 0, MODEL_STAGE);
					}
					model_reserve(&m, 3);
					model_reserve(&m, 0);
					model_reserve(&m, 16);
					finish_three(&m, order, ways, drains);
				}
			}
		}
	}
}

static void a_ring_full_of_open_records_takes_no_more(void **state)
{
	static struct plain r;
	static struct model m;
	size_t i;

	(void)state;
	open_model(&m, &r, 4096, -64UL);
	for (i = 0; i < 4096 / 8; i++)
		model_reserve(&m, 0);
	model_reserve(&m, 0);
	model_reserve(&m, 4096);
	assert_int_equal(model_open_count(&m), 4096 / 8);
	model_drain(&m);
	/* From the last to the first: then the consumer gets all of them at once. */
	for (i = 4096 / 8; i > 1; i--)
		model_finish(&m, i - 1, i % 2 ? MODEL_SUBMIT : MODEL_STAGE);
	model_drain(&m);
	assert_int_equal(m.count, 4096 / 8);
	model_finish(&m, 0, MODEL_SUBMIT);
	model_drain(&m);
	assert_int_equal(m.count, 0);
	model_reserve(&m, 4096 - 8);
	model_finish(&m, 0, MODEL_SUBMIT);
	model_drain(&m);
	assert_int_equal(m.count, 0);
}

static void a_full_ring_publishes_what_is_staged_between_open_records(void **state)
{
	static struct plain r;
	struct chute *c;
	void *first;

	(void)state;
	plain_init(&r, SIZE, 0, 0);
	c = plain_open(&r);
	first = chute_reserve(c, 0);
	chute_stage(c, chute_reserve(c, 0));
	assert_int_equal(r.producer_page.producer_pos, 0);
	assert_null(chute_reserve(c, SIZE - 8));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(r.producer_page.producer_pos, 16);
	assert_int_equal(header_at(&r, 0), CHUTE_BUSY);
	assert_int_equal(header_at(&r, 8), 0);
	chute_stage(c, first);
	assert_int_equal(header_at(&r, 0), 0);
}

static void close_keeps_an_open_record_only_below_a_published_one(void **state)
{
	static struct plain r;
	struct chute *c;

	(void)state;
	plain_init(&r, SIZE, 0, 0);
	c = plain_open(&r);
	chute_reserve(c, 0);
	chute_submit(c, chute_reserve(c, 0));
	chute_reserve(c, 0);
	assert_int_equal(r.producer_page.producer_pos, 16);
	chute_producer_fini(&r.producer);
	assert_int_equal(r.producer_page.producer_pos, 16);
	assert_int_equal(header_at(&r, 0), CHUTE_BUSY);
	assert_int_equal(r.producer_page.owner, 0);
	/* The next producer starts where nothing was published. */
	c = plain_open(&r);
	assert_ptr_equal(chute_reserve(c, 0), plain_at(&r, 16) + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_reservation_marks_both_as_busy),
		cmocka_unit_test(three_records_finish_in_any_order_and_way),
		cmocka_unit_test(a_ring_full_of_open_records_takes_no_more),
		cmocka_unit_test(a_full_ring_publishes_what_is_staged_between_open_records),
		cmocka_unit_test(close_keeps_an_open_record_only_below_a_published_one),
	};

	return cmocka_run_group_tests_name("busy", tests, NULL, NULL);
}
