// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_producer: what a sole producer's calls leave in the ring: raw bytes, positions
 * and errno, from every start.
 */
#include "plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE 256

static const __u32 sizes[] = { 0, 1, 7, 8, 9, SIZE - 8 };

#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

typedef void round_fn(struct plain *r, struct chute *c, unsigned long start_pos, __u32 size);

/* On a new ring for each start and size, with 0xa5 in every byte of its data. */
static void every_start_and_size(round_fn *round)
{
	static struct plain r;
	struct chute *c;
	size_t s;
	int i;

	for (i = 0; i < START_COUNT; i++) {
		for (s = 0; s < SIZE_COUNT; s++) {
			plain_init(&r, SIZE, start_pos_at(SIZE, i), 0xa5);
			c = plain_open(&r);
			errno = UNTOUCHED;
			round(&r, c, start_pos_at(SIZE, i), sizes[s]);
			assert_int_equal(errno, UNTOUCHED);
		}
	}
}

/* The bytes from @pos on are @header, then @size times @payload, then as they were. */
static void assert_record(struct plain *r, unsigned long pos, __u32 header, char payload,
			  __u32 size)
{
	const unsigned char *at = (unsigned char *)plain_at(r, pos);
	__u32 i;

	assert_int_equal(at[0], header & 0xff);
	assert_int_equal(at[1], header >> 8 & 0xff);
	assert_int_equal(at[2], header >> 16 & 0xff);
	assert_int_equal(at[3], header >> 24);
	for (i = 4; i < 8; i++)
		assert_int_equal(at[i], 0xa5);
	for (i = 0; i < size; i++)
		assert_int_equal(at[8 + i], (unsigned char)payload);
	for (i = 8 + size; i < chute_record_bytes(size) + 8; i++)
		assert_int_equal(at[i], 0xa5);
}

static void reserve_shows_nothing(struct plain *r, struct chute *c, unsigned long start_pos,
				  __u32 size)
{
	char *payload = chute_reserve(c, size);

	assert_ptr_equal(payload, plain_at(r, start_pos) + 8);
	assert_int_equal((uintptr_t)payload % 8, 0);
	assert_int_equal(r->producer_page.producer_pos, start_pos);
	assert_int_equal(chute_used(c), chute_record_bytes(size));
	assert_record(r, start_pos, size, '\xa5', size);
}

static void a_reserved_record_is_not_visible(void **state)
{
	(void)state;
	every_start_and_size(reserve_shows_nothing);
}

static void submit_publishes(struct plain *r, struct chute *c, unsigned long start_pos, __u32 size)
{
	char *payload = chute_reserve(c, size);

	memset(payload, 'x', size);
	chute_submit(c, payload);
	assert_int_equal(r->producer_page.producer_pos,
			 (unsigned long)(start_pos + chute_record_bytes(size)));
	assert_record(r, start_pos, size, 'x', size);
}

static void a_submitted_record_is_header_payload_and_position(void **state)
{
	(void)state;
	every_start_and_size(submit_publishes);
}

static void discard_publishes(struct plain *r, struct chute *c, unsigned long start_pos, __u32 size)
{
	chute_discard(c, chute_reserve(c, size));
	assert_int_equal(r->producer_page.producer_pos,
			 (unsigned long)(start_pos + chute_record_bytes(size)));
	assert_record(r, start_pos, size | CHUTE_DISCARD, '\xa5', size);
}

static void a_discarded_record_is_marked_and_published(void **state)
{
	(void)state;
	every_start_and_size(discard_publishes);
}

static void stage_hides(struct plain *r, struct chute *c, unsigned long start_pos, __u32 size)
{
	char *payload = chute_reserve(c, size);

	memset(payload, 'y', size);
	chute_stage(c, payload);
	assert_int_equal(r->producer_page.producer_pos, start_pos);
	assert_record(r, start_pos, size, 'y', size);
	chute_publish(c);
	assert_int_equal(r->producer_page.producer_pos,
			 (unsigned long)(start_pos + chute_record_bytes(size)));
	assert_record(r, start_pos, size, 'y', size);
	/* Nothing is staged any more. */
	chute_publish(c);
	assert_int_equal(r->producer_page.producer_pos, start_pos + chute_record_bytes(size));
}

static void a_staged_record_is_visible_when_published(void **state)
{
	(void)state;
	every_start_and_size(stage_hides);
}

/* Through the functions that the library exports, which are the same source. */
void *exported_reserve(struct chute *c, __u32 size) __asm__("chute_reserve");
void exported_submit(struct chute *c, void *payload) __asm__("chute_submit");
void exported_discard(struct chute *c, void *payload) __asm__("chute_discard");
void exported_stage(struct chute *c, void *payload) __asm__("chute_stage");
void exported_publish(struct chute *c) __asm__("chute_publish");

static void exported_functions(struct plain *r, struct chute *c, unsigned long start_pos,
			       __u32 size)
{
	const unsigned long bytes = chute_record_bytes(0);

	if (size > SIZE / 2)
		return;
	exported_stage(c, exported_reserve(c, 0));
	assert_int_equal(r->producer_page.producer_pos, start_pos);
	exported_publish(c);
	assert_int_equal(r->producer_page.producer_pos, start_pos + bytes);
	exported_discard(c, exported_reserve(c, 0));
	exported_submit(c, exported_reserve(c, size));
	assert_int_equal(r->producer_page.producer_pos,
			 start_pos + 2 * bytes + chute_record_bytes(size));
	assert_record(r, start_pos + 2 * bytes, size, '\xa5', size);
}

static void the_exported_functions_do_the_same(void **state)
{
	(void)state;
	every_start_and_size(exported_functions);
}

static void submit_after_stage(struct plain *r, struct chute *c, unsigned long start_pos,
			       __u32 size)
{
	const unsigned long end_pos = start_pos + 16 + 16 + chute_record_bytes(size);

	if (size > SIZE / 2)
		return;
	chute_stage(c, chute_reserve(c, 8));
	chute_stage(c, chute_reserve(c, 8));
	assert_int_equal(r->producer_page.producer_pos, start_pos);
	chute_submit(c, chute_reserve(c, size));
	assert_int_equal(r->producer_page.producer_pos, end_pos);
	chute_stage(c, chute_reserve(c, 8));
	chute_discard(c, chute_reserve(c, 8));
	assert_int_equal(r->producer_page.producer_pos, end_pos + 32);
}

static void submit_and_discard_publish_what_is_staged(void **state)
{
	(void)state;
	every_start_and_size(submit_after_stage);
}

static void fill_up(struct plain *r, struct chute *c, unsigned long start_pos, __u32 size)
{
	const unsigned long bytes = chute_record_bytes(size);
	unsigned long used = 0;
	char *payload;

	for (; used + bytes <= SIZE; used += bytes) {
		payload = chute_reserve(c, size);
		assert_ptr_equal(payload, plain_at(r, start_pos + used) + 8);
		chute_stage(c, payload);
		assert_int_equal(r->producer_page.producer_pos, start_pos);
	}
	assert_int_equal(errno, UNTOUCHED);
	assert_null(chute_reserve(c, size));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(r->producer_page.producer_pos, start_pos + used);
	assert_int_equal(chute_used(c), used);
	/* The consumer takes one; there is room for one. */
	r->consumer_page.consumer_pos += bytes;
	errno = UNTOUCHED;
	payload = chute_reserve(c, size);
	assert_ptr_equal(payload, plain_at(r, start_pos + used) + 8);
	chute_submit(c, payload);
	assert_int_equal(r->producer_page.producer_pos, start_pos + used + bytes);
	assert_null(chute_reserve(c, size));
	assert_int_equal(errno, ENOSPC);
	errno = UNTOUCHED;
}

static void a_full_ring_publishes_what_is_staged(void **state)
{
	(void)state;
	every_start_and_size(fill_up);
}

static void close_ring(struct plain *r, struct chute *c, unsigned long start_pos, __u32 size)
{
	chute_stage(c, chute_reserve(c, size));
	chute_producer_fini(&r->producer);
	assert_int_equal(r->producer_page.producer_pos, start_pos + chute_record_bytes(size));
	assert_int_equal(r->producer_page.owner, 0);
	/* The next handle goes on from there, and what it leaves open is dropped. */
	r->consumer_page.consumer_pos = r->producer_page.producer_pos;
	c = plain_open(r);
	assert_ptr_equal(chute_reserve(c, size),
			 plain_at(r, start_pos + chute_record_bytes(size)) + 8);
	chute_producer_fini(&r->producer);
	assert_int_equal(r->producer_page.producer_pos, start_pos + chute_record_bytes(size));
}

static void close_publishes_what_is_staged_and_drops_what_is_open(void **state)
{
	(void)state;
	every_start_and_size(close_ring);
}

static void what_can_never_fit_is_e2big(void **state)
{
	static const __u32 too_big[] = {
		SIZE - 7,
		SIZE,
		SIZE * 2,
		CHUTE_PAYLOAD_MAX,
		CHUTE_PAYLOAD_MAX + 1,
		CHUTE_DISCARD,
		CHUTE_BUSY,
		CHUTE_BUSY + 8,
		0xfffffff0,
		0xfffffff8,
		0xffffffff,
		CHUTE_BUSY - 1,
	};
	static struct plain r;
	struct chute *c;
	size_t i;

	(void)state;
	plain_init(&r, SIZE, 0, 0);
	c = plain_open(&r);
	assert_int_equal(chute_payload_max(c), SIZE - 8);
	assert_int_equal(chute_size(c), SIZE);
	chute_stage(c, chute_reserve(c, 8));
	for (i = 0; i < sizeof(too_big) / sizeof(too_big[0]); i++) {
		errno = 0;
		assert_null(chute_reserve(c, too_big[i]));
		assert_int_equal(errno, E2BIG);
		errno = 0;
		assert_null(chute_reserve_for(c, too_big[i], CHUTE_FOREVER));
		assert_int_equal(errno, E2BIG);
		assert_int_equal(chute_send(c, "", too_big[i], CHUTE_FOREVER), -E2BIG);
	}
	/* Nothing happened. */
	assert_int_equal(r.producer_page.producer_pos, 0);
	assert_int_equal(chute_used(c), 16);
}

/* A ring of which the longest record is a part only; its pages are there when used. */
static void a_big_ring_takes_the_longest_record_and_no_longer_one(void **state)
{
	const size_t size = 1UL << 25, bytes = chute_record_bytes(CHUTE_PAYLOAD_MAX);
	const struct chute_opts opts = { .sz = sizeof(opts) };
	static struct plain r;
	struct chute_ring ring;
	struct chute *c;
	void *data;

	(void)state;
	data = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	plain_init(&r, SIZE, 0, 0);
	chute_ring_init(&ring, &r.consumer_page, &r.producer_page, data, size);
	assert_int_equal(chute_producer_init(&r.producer, &ring, &opts), 0);
	c = &r.producer.fast;
	assert_int_equal(chute_payload_max(c), CHUTE_PAYLOAD_MAX);
	/* There is room for it, the fast path has seen it, and it takes the same bytes as
	 * the longest one. */
	chute_submit(c, chute_reserve(c, 8));
	assert_null(chute_reserve(c, CHUTE_PAYLOAD_MAX + 1));
	assert_int_equal(errno, E2BIG);
	assert_null(chute_reserve(c, CHUTE_PAYLOAD_MAX + 8));
	assert_int_equal(errno, E2BIG);
	chute_submit(c, chute_reserve(c, CHUTE_PAYLOAD_MAX));
	assert_int_equal(r.producer_page.producer_pos, 16 + bytes);
	/* That left less than another one needs, and a little. */
	assert_null(chute_reserve(c, CHUTE_PAYLOAD_MAX));
	assert_int_equal(errno, ENOSPC);
	assert_non_null(chute_reserve(c, (__u32)(size - 16 - bytes - 8)));
	assert_null(chute_reserve(c, 0));
	assert_int_equal(errno, ENOSPC);
	munmap(data, 2 * size);
}

static void a_consumer_that_cant_be_is_ebadmsg(void **state)
{
	static const unsigned long wrong[] = { 8, 16, SIZE, -8UL, -16UL, 1UL << 31, -1UL << 31 };
	static struct plain r;
	struct chute *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		plain_init(&r, SIZE, 64, 0);
		c = plain_open(&r);
		chute_submit(c, chute_reserve(c, SIZE - 8));
		/* Beyond the producer, or more than a ring behind. */
		r.consumer_page.consumer_pos = 64 + (wrong[i] <= SIZE ? SIZE : 0) + wrong[i];
		errno = 0;
		assert_null(chute_reserve(c, 0));
		assert_int_equal(errno, EBADMSG);
		assert_null(chute_reserve_for(c, 0, CHUTE_FOREVER));
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(chute_send(c, "", 0, CHUTE_FOREVER), -EBADMSG);
		/* It comes to its senses. */
		r.consumer_page.consumer_pos = 64 + SIZE;
		assert_non_null(chute_reserve(c, 0));
	}
}

static void positions_that_cant_be_are_not_opened(void **state)
{
	static const struct {
		unsigned long consumer_pos, producer_pos;
		int err;
	} cases[] = {
		{ 0, 0, 0 },	    { 0, SIZE, 0 },	    { 0, 4, -EBADMSG },
		{ 0, 1, -EBADMSG }, { 8, 0, -EBADMSG },	    { 0, SIZE + 8, -EBADMSG },
		{ -8UL, 8, 0 },	    { 8, -8UL, -EBADMSG },  { -8UL, SIZE, -EBADMSG },
		{ -SIZE, 0, 0 },    { -SIZE, 8, -EBADMSG },
	};
	const struct chute_opts opts = { .sz = sizeof(opts) };
	static struct plain r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		plain_init(&r, SIZE, 0, 0);
		r.consumer_page.consumer_pos = cases[i].consumer_pos;
		r.producer_page.producer_pos = cases[i].producer_pos;
		assert_int_equal(chute_producer_init(&r.producer, &r.ring, &opts), cases[i].err);
		/* Who may not open does not own. */
		assert_int_equal(!r.producer_page.owner, !!cases[i].err);
	}
}

static void send_copies_and_submits(void **state)
{
	static struct plain r;
	struct chute *c;

	(void)state;
	plain_init(&r, SIZE, 0, 0xa5);
	c = plain_open(&r);
	errno = UNTOUCHED;
	assert_int_equal(chute_send(c, "zzz", 3, 0), 0);
	assert_record(&r, 0, 3, 'z', 3);
	assert_int_equal(r.producer_page.producer_pos, 16);
	assert_int_equal(chute_send(c, NULL, 0, 0), 0);
	assert_record(&r, 16, 0, 0, 0);
	assert_int_equal(errno, UNTOUCHED);
	assert_int_equal(chute_send(c, "", SIZE - 24, 0), -ENOSPC);
	assert_int_equal(chute_send(c, "", 1, -2), -EINVAL);
}

static void a_timeout_that_is_neither_time_nor_forever_is_einval(void **state)
{
	static struct plain r;
	struct chute *c;

	(void)state;
	plain_init(&r, SIZE, 0, 0);
	c = plain_open(&r);
	assert_null(chute_reserve_for(c, 0, -2));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(chute_reserve_for(c, SIZE, INT64_MIN));
	assert_int_equal(errno, EINVAL);
}

static void a_ring_is_kicked_if_it_is_a_memory_ring(void **state)
{
	static struct plain r;
	struct chute *c;

	(void)state;
	plain_init(&r, SIZE, 0, 0);
	c = plain_open(&r);
	r.producer_page.data_sleepers = 1;
	assert_int_equal(chute_kick(c), 0);
	assert_int_equal(r.producer_page.data_seq, 1);
	assert_int_equal(r.producer_page.data_sleepers, 0);
	assert_int_equal(chute_kick(c), 0);
	assert_int_equal(r.producer_page.data_seq, 1);
	r.producer.ring.backend = CHUTE_BACKEND_MAP;
	assert_int_equal(chute_kick(c), -EOPNOTSUPP);
	assert_int_equal(r.producer_page.data_seq, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reserved_record_is_not_visible),
		cmocka_unit_test(a_submitted_record_is_header_payload_and_position),
		cmocka_unit_test(a_discarded_record_is_marked_and_published),
		cmocka_unit_test(a_staged_record_is_visible_when_published),
		cmocka_unit_test(the_exported_functions_do_the_same),
		cmocka_unit_test(submit_and_discard_publish_what_is_staged),
		cmocka_unit_test(a_full_ring_publishes_what_is_staged),
		cmocka_unit_test(close_publishes_what_is_staged_and_drops_what_is_open),
		cmocka_unit_test(what_can_never_fit_is_e2big),
		cmocka_unit_test(a_big_ring_takes_the_longest_record_and_no_longer_one),
		cmocka_unit_test(a_consumer_that_cant_be_is_ebadmsg),
		cmocka_unit_test(positions_that_cant_be_are_not_opened),
		cmocka_unit_test(send_copies_and_submits),
		cmocka_unit_test(a_timeout_that_is_neither_time_nor_forever_is_einval),
		cmocka_unit_test(a_ring_is_kicked_if_it_is_a_memory_ring),
	};

	return cmocka_run_group_tests_name("producer", tests, NULL, NULL);
}
