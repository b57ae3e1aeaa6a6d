// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_batch: many records by one reservation, by hand: what is in the ring, when it is
 * seen, and what of it. Random sequences with batches among them are in test_pack.
 */
#include "any_ring.h"

#include <errno.h>
#include <stdlib.h>

#define RING 4096

struct fixture {
	struct any_ring ring;
	struct chute *c;
	__u64 numbers[RING / 8];
	unsigned int count;
	__u32 size; /* of each record */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	any_ring_open(&f->ring, *state, RING);
	f->c = any_ring_producer(&f->ring, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	chute_close(f->c);
	any_ring_close(&f->ring);
	free(f);
	return 0;
}

static unsigned int drain(struct fixture *f)
{
	long ret = any_ring_drain_written(&f->ring);

	assert_int_equal(ret, f->ring.count);
	for (f->count = 0; f->count < f->ring.count; f->count++) {
		assert_int_equal(f->ring.written[f->count].size, f->size);
		f->numbers[f->count] = f->ring.written[f->count].first;
	}
	return f->count;
}

/* Reserve, and number the records from @first on. */
static void *batch(struct fixture *f, __u32 count, __u32 size, __u64 first)
{
	char *payload = chute_reserve_batch(f->c, count, size), *next = payload;
	__u32 i;

	assert_non_null(payload);
	f->size = size;
	for (i = 0; i < count; i++, next = chute_batch_next(next, size)) {
		assert_int_equal((uintptr_t)next % 8, 0);
		if (size >= 8)
			*(__u64 *)(void *)next = first + i;
	}
	return payload;
}

static void a_batch_is_seen_when_its_first_record_is_submitted(void **state)
{
	static const __u32 sizes[] = { 0, 1, 8, 9, 100 };
	struct fixture *f = *state;
	__u32 count, i, s;
	void *payload;

	for (s = 0; s < 5; s++)
		for (count = 1; count <= RING / chute_record_bytes(sizes[s]); count++) {
			payload = batch(f, count, sizes[s], 100);
			assert_int_equal(chute_used(f->c), count * chute_record_bytes(sizes[s]));
			assert_int_equal(drain(f), 0);
			chute_submit(f->c, payload);
			assert_int_equal(drain(f), count);
			for (i = 0; sizes[s] >= 8 && i < count; i++)
				assert_int_equal(f->numbers[i], 100 + i);
		}
}

static void a_staged_batch_is_seen_when_it_is_published(void **state)
{
	struct fixture *f = *state;

	chute_stage(f->c, batch(f, 10, 8, 0));
	chute_stage(f->c, batch(f, 10, 8, 10));
	assert_int_equal(drain(f), 0);
	chute_publish(f->c);
	assert_int_equal(drain(f), 20);
}

static void records_can_be_dropped_of_a_batch(void **state)
{
	struct fixture *f = *state;
	char *payload, *next;
	unsigned int set, i, left;

	for (set = 0; set < 16; set++) {
		next = payload = batch(f, 4, 8, 0);
		for (left = i = 0; i < 4; i++, next = chute_batch_next(next, 8)) {
			if (set >> i & 1)
				chute_batch_skip(next);
			else
				left += i;
		}
		chute_submit(f->c, payload);
		assert_int_equal(drain(f), 4 - __builtin_popcount(set));
		for (i = 0; i < f->count; i++)
			left -= (unsigned int)f->numbers[i];
		assert_int_equal(left, 0);
	}
}

static void discard_one(struct fixture *f, bool beside_another)
{
	void *other = NULL;
	unsigned int seen;

	if (beside_another)
		other = chute_reserve(f->c, 8);
	chute_discard(f->c, batch(f, 5, 8, 0));
	if (other)
		chute_submit(f->c, other);
	seen = drain(f);
	assert_int_equal(seen, beside_another);
	assert_int_equal(chute_used(f->c), 0);
}

static void a_batch_is_discarded_as_a_whole(void **state)
{
	struct fixture *f = *state;
	void *payload;
	int i;

	for (i = 0; i < RING / 16; i++)
		discard_one(f, i % 2);
	/* Another record comes while the batch is open. */
	payload = batch(f, 5, 8, 0);
	chute_submit(f->c, chute_reserve(f->c, 8));
	chute_discard(f->c, payload);
	assert_int_equal(drain(f), 1);
	/* And of a shared ring. */
	chute_close(f->c);
	f->c = any_ring_producer(&f->ring, CHUTE_SHARED);
	for (i = 0; i < RING / 16; i++)
		discard_one(f, i % 2);
}

/* The batch is published, and kept from being seen by its first header only. */
static void drop_with_others_open(struct fixture *f, bool submit_before)
{
	void *other, *payload;

	other = chute_reserve(f->c, 8);
	payload = batch(f, 3, 8, 0);
	if (submit_before)
		chute_submit(f->c, other);
	chute_batch_skip(payload);
	assert_int_equal(drain(f), submit_before ? 1 : 0);
	if (!submit_before) {
		chute_submit(f->c, other);
		assert_int_equal(drain(f), 1);
	}
	chute_submit(f->c, payload);
	assert_int_equal(drain(f), 2);
	assert_int_equal(f->numbers[0], 1);
	assert_int_equal(f->numbers[1], 2);
}

static void dropping_the_first_of_a_batch_does_not_show_the_others(void **state)
{
	int i;

	for (i = 0; i < 300; i++)
		drop_with_others_open(*state, i % 2);
}

/* It is dropped first, and only then is another record reserved beside it. */
static void a_first_that_was_dropped_stays_so_when_another_record_is_reserved(void **state)
{
	struct fixture *f = *state;
	void *payload = batch(f, 3, 8, 0), *other;

	chute_batch_skip(payload);
	other = chute_reserve(f->c, 8);
	chute_submit(f->c, other);
	assert_int_equal(drain(f), 0);
	chute_submit(f->c, payload);
	assert_int_equal(drain(f), 3);
	assert_int_equal(f->numbers[0], 1);
}

static void a_batch_of_one_of_many_producers_is_the_same(void **state)
{
	struct fixture *f = *state;
	void *first, *second;

	chute_close(f->c);
	f->c = any_ring_producer(&f->ring, CHUTE_SHARED);
	first = batch(f, 10, 16, 0);
	second = batch(f, 7, 16, 10);
	chute_batch_skip(first);
	chute_batch_skip(chute_batch_next(second, 16));
	chute_submit(f->c, second);
	assert_int_equal(drain(f), 0);
	chute_submit(f->c, first);
	assert_int_equal(drain(f), 9 + 6);
	assert_int_equal(f->numbers[0], 1);
	assert_int_equal(f->numbers[14], 16);
}

static void what_is_no_batch_is_einval(void **state)
{
	static const __u32 counts[] = { 0, CHUTE_BATCH_MAX + 1, 1U << 31, ~0U };
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 4; i++) {
		errno = 0;
		assert_null(chute_reserve_batch(f->c, counts[i], 0));
		assert_int_equal(errno, EINVAL);
		errno = 0;
		assert_null(chute_reserve_batch_for(f->c, counts[i], 8, CHUTE_FOREVER));
		assert_int_equal(errno, EINVAL);
	}
	errno = 0;
	assert_null(chute_reserve_batch_for(f->c, 1, 8, -2));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(chute_used(f->c), 0);
}

static void a_batch_is_reserved_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	__s64 start;

	/* Longer than the ring, as a whole and by a record. */
	assert_null(chute_reserve_batch(f->c, RING / 16 + 1, 8));
	assert_int_equal(errno, E2BIG);
	assert_null(chute_reserve_batch_for(f->c, 2, RING - 8, CHUTE_FOREVER));
	assert_int_equal(errno, E2BIG);
	assert_null(chute_reserve_batch(f->c, CHUTE_BATCH_MAX, CHUTE_BUSY));
	assert_int_equal(errno, E2BIG);
	assert_null(chute_reserve_batch(f->c, CHUTE_BATCH_MAX, ~0U));
	assert_int_equal(errno, E2BIG);
	/* Not now: what was staged is published. */
	chute_stage(f->c, batch(f, RING / 16 - 1, 8, 0));
	assert_null(chute_reserve_batch(f->c, 2, 8));
	assert_int_equal(errno, ENOSPC);
	start = now_ns();
	assert_null(chute_reserve_batch_for(f->c, 2, 8, 2000000));
	assert_int_equal(errno, ENOSPC);
	assert_in_range(now_ns() - start, 2000000, 60000000000);
	assert_int_equal(drain(f), RING / 16 - 1);
	chute_submit(f->c, batch(f, RING / 16, 8, 0));
	assert_int_equal(drain(f), RING / 16);
}

int main(void)
{
#define CASE(name) ON_EVERY_KIND_WITH(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_batch_is_seen_when_its_first_record_is_submitted),
		CASE(a_staged_batch_is_seen_when_it_is_published),
		CASE(records_can_be_dropped_of_a_batch),
		CASE(a_batch_is_discarded_as_a_whole),
		CASE(dropping_the_first_of_a_batch_does_not_show_the_others),
		CASE(a_first_that_was_dropped_stays_so_when_another_record_is_reserved),
		CASE(a_batch_of_one_of_many_producers_is_the_same),
		CASE(what_is_no_batch_is_einval),
		CASE(a_batch_is_reserved_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
