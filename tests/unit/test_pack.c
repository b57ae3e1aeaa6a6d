// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_pack: packed messages through memory rings: random sequences against
 * pack_model.h, and by hand what a record looks like, when it becomes visible and how
 * it fails. CHUTE_SEED repeats a run.
 */
#include "pack_model.h"
#include "plain.h"

#include <chute/drain.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static __u64 seed;

static int set_up_seed(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

/* ---- random sequences ---- */

static int saw(const void *msg, __u32 size, void *ctx)
{
	pack_model_saw(ctx, msg, size);
	return CHUTE_NEXT;
}

static void drain_memory(struct pack_model *m)
{
	struct chute_messages found = { 0 };

	assert_int_equal(chute_drain_messages(m->consumer, saw, m, 0, &found), m->to_see);
	assert_int_equal(m->seen, m->to_see);
	assert_int_equal(found.messages, m->to_see);
	assert_int_equal(found.malformed, 0);
}

struct ring {
	int fd;
	struct chute_consumer *consumer;
};

static void ring_open(struct ring *r, size_t size)
{
	r->fd = chute_memory("pack", size);
	assert_true(r->fd >= 0);
	r->consumer = chute_consumer_open(r->fd);
	assert_non_null(r->consumer);
}

static void ring_close(struct ring *r)
{
	chute_consumer_close(r->consumer);
	close(r->fd);
}

static void walk(struct ring *r, unsigned long start_pos, __u32 flags, __u64 *random)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	static struct pack_model m;
	struct chute *c;

	r->consumer->ring.consumer->consumer_pos = start_pos;
	r->consumer->ring.producer->producer_pos = start_pos;
	c = chute_open_memory(r->fd, &opts);
	assert_non_null(c);
	pack_model_init(&m, c, random);
	m.drain = drain_memory;
	m.consumer = r->consumer;
	pack_model_walk(&m, 60);
	if (flags & CHUTE_SHARED || next_random(random) % 2) {
		pack_model_finish_all(&m);
		chute_close(c);
	} else {
		pack_model_close(&m);
		pack_model_drain(&m);
	}
}

static void walk_often(int times, size_t size, __u32 flags)
{
	__u64 random = seed ^ size ^ flags;
	struct ring r;

	ring_open(&r, size);
	while (times--)
		walk(&r, start_pos_at(size, (int)(next_random(&random) % START_COUNT)), flags,
		     &random);
	ring_close(&r);
}

static void messages_come_out_as_they_went_in(void **state)
{
	(void)state;
	walk_often(8000, 4096, 0);
}

static void messages_come_out_of_larger_rings_as_they_went_in(void **state)
{
	(void)state;
	walk_often(500, 16384, 0);
	walk_often(500, 65536, 0);
}

static void messages_of_one_of_many_producers_come_out_as_they_went_in(void **state)
{
	(void)state;
	walk_often(1000, 4096, CHUTE_SHARED);
	walk_often(200, 65536, CHUTE_SHARED);
}

/* ---- by hand ---- */

#define NOTED (65536 / 8)

struct fixture {
	struct ring ring;
	struct chute *c;
	__u32 sizes[NOTED];
	__u64 firsts[NOTED]; /* the messages' first 8 bytes */
	unsigned int count;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	ring_open(&f->ring, 65536);
	f->c = chute_open_memory(f->ring.fd, NULL);
	*state = f;
	return f->c ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	chute_close(f->c);
	ring_close(&f->ring);
	free(f);
	return 0;
}

static int note(const void *msg, __u32 size, void *ctx)
{
	struct fixture *f = ctx;

	assert_in_range(f->count, 0, NOTED - 1);
	f->sizes[f->count] = size;
	memcpy(&f->firsts[f->count++], msg, size < 8 ? size : 8);
	return CHUTE_NEXT;
}

static unsigned int drain(struct fixture *f)
{
	long ret;

	f->count = 0;
	ret = chute_drain_messages(f->ring.consumer, note, f, 0, NULL);
	assert_int_equal(ret, f->count);
	return f->count;
}

static unsigned long published(const struct fixture *f)
{
	return f->ring.consumer->ring.producer->producer_pos;
}

static void pack_number(struct fixture *f, __u32 size, __u64 number)
{
	void *msg = chute_pack(f->c, size);

	assert_non_null(msg);
	memcpy(msg, &number, size < 8 ? size : 8);
}

static const void *bytes_at(const struct fixture *f, unsigned long pos)
{
	return f->ring.consumer->ring.data + pos;
}

static void a_run_is_a_header_and_the_messages(void **state)
{
	static const __u64 expected[] = { 16 + 3 * 16,
					  CHUTE_PACK_MAGIC,
					  12 | 48ULL << 32, /* size, bytes */
					  101,
					  0,
					  102,
					  0,
					  103 };
	struct fixture *f = *state;
	__u64 number;

	for (number = 101; number <= 103; number++)
		pack_number(f, 12, number);
	assert_int_equal(published(f), 0);
	assert_int_equal(chute_flush(f->c), 0);
	assert_int_equal(published(f), sizeof(expected) + 8);
	assert_memory_equal(bytes_at(f, 0), expected, sizeof(expected));
	assert_int_equal(drain(f), 3);
}

static void a_mixed_record_has_a_length_before_each_message(void **state)
{
	static const __u64 expected[] = {
		16 + 6 * 8, CHUTE_PACK_MAGIC, CHUTE_PACK_MIXED | 48ULL << 32, 8, 201, 0, 9, 202, 0,
	};
	struct fixture *f = *state;
	unsigned long pos;

	/* A run that is cut short makes the next record a mixed one, and that again. */
	pack_number(f, 8, 1);
	pack_number(f, 16, 2);
	pack_number(f, 24, 3);
	assert_int_equal(chute_flush(f->c), 0);
	pos = published(f);
	pack_number(f, 8, 201);
	pack_number(f, 0, 0);
	pack_number(f, 9, 202);
	assert_int_equal(chute_flush(f->c), 0);
	assert_memory_equal(bytes_at(f, pos), expected, 8 * sizeof(__u64));
	assert_int_equal(published(f), pos + sizeof(expected));
	assert_int_equal(drain(f), 6);
}

static void a_message_that_is_alone_is_a_plain_record(void **state)
{
	struct fixture *f = *state;
	static const __u32 sizes[] = { 0, 1, 7, 8, 9, 1024, 1025, 5000 };
	unsigned long pos = 0;
	int i, round;

	/* The second round's records would have been mixed ones. */
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 8; i++) {
			pack_number(f, sizes[i], 7);
			assert_int_equal(chute_flush(f->c), 0);
			assert_int_equal(*(const __u32 *)bytes_at(f, pos), sizes[i]);
			pos += (unsigned long)chute_record_bytes(sizes[i]);
			assert_int_equal(published(f), pos);
		}
		pack_number(f, 8, 1);
		pack_number(f, 16, 2);
		pack_number(f, 24, 3);
		assert_int_equal(chute_flush(f->c), 0);
		pos = published(f);
	}
	assert_int_equal(drain(f), 22);
}

static void a_message_that_looks_like_a_packed_record_is_packed(void **state)
{
	struct fixture *f = *state;
	static const __u32 sizes[] = { 8, 9, 16, 24, 64, 1024 };
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < 6; i++) {
			pack_number(f, sizes[i], CHUTE_PACK_MAGIC);
			assert_int_equal(chute_flush(f->c), 0);
			assert_int_equal(drain(f), 1);
			assert_int_equal(f->sizes[0], sizes[i]);
			assert_int_equal(f->firsts[0], CHUTE_PACK_MAGIC);
		}
		pack_number(f, 8, 1);
		pack_number(f, 16, 2);
		pack_number(f, 24, 3);
		assert_int_equal(chute_flush(f->c), 0);
		assert_int_equal(drain(f), 3);
	}
}

static void a_record_holds_2045_messages_of_8_bytes_and_is_published_when_full(void **state)
{
	struct fixture *f = *state;
	__u64 i;

	for (i = 0; i < 2045; i++) {
		pack_number(f, 8, i);
		assert_int_equal(published(f), 0);
	}
	pack_number(f, 8, i);
	assert_int_equal(published(f), 16384);
	assert_int_equal(drain(f), 2045);
	for (i = 0; i < 2045; i++)
		assert_int_equal(f->firsts[i], i);
	assert_int_equal(chute_flush(f->c), 0);
	assert_int_equal(drain(f), 1);
	assert_int_equal(f->firsts[0], 2045);
}

/* After the call there is nothing left to be seen by the consumer later. */
static void everything_but_publish_makes_packed_messages_visible(void **state)
{
	struct fixture *f = *state;
	void *payload;

	pack_number(f, 8, 1);
	chute_publish(f->c);
	assert_int_equal(drain(f), 0);
	assert_int_equal(chute_flush(f->c), 0);
	assert_int_equal(drain(f), 1);
	pack_number(f, 8, 2);
	assert_int_equal(chute_kick(f->c), 0);
	assert_int_equal(drain(f), 1);
	pack_number(f, 8, 3);
	payload = chute_reserve(f->c, 8);
	assert_int_equal(drain(f), 1);
	chute_discard(f->c, payload);
	pack_number(f, 8, 4);
	payload = chute_reserve_batch(f->c, 2, 8);
	assert_int_equal(drain(f), 1);
	chute_submit(f->c, payload);
	assert_int_equal(drain(f), 2);
	pack_number(f, 8, 5);
	assert_int_equal(chute_send(f->c, "12345678", 8, 0), 0);
	assert_int_equal(drain(f), 2);
	pack_number(f, 8, 6);
	assert_null(chute_reserve(f->c, 65536));
	assert_int_equal(drain(f), 1);
	pack_number(f, 8, 7);
	chute_close(f->c);
	f->c = NULL;
	assert_int_equal(drain(f), 1);
	assert_int_equal(f->firsts[0], 7);
}

static void a_full_ring_publishes_what_is_packed(void **state)
{
	struct fixture *f = *state;
	unsigned int i = 0;

	while (chute_pack(f->c, 8))
		i++;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(i, 4 * 2045);
	assert_int_equal(published(f), 65536);
	assert_int_equal(drain(f), i);
	/* With little space left, short records. */
	assert_int_equal(chute_send(f->c, f->ring.consumer->ring.data, 65536 - 8 - 4096, 0), 0);
	for (i = 0; chute_pack(f->c, 8); i++)
		;
	assert_int_equal(errno, ENOSPC);
	assert_in_range(i, 4096 / 8 - 4 * 8, 4096 / 8 - 3);
	assert_int_equal(drain(f), i + 1);
}

static void what_can_never_fit_is_e2big(void **state)
{
	struct fixture *f = *state;
	static const __u32 sizes[] = { 65536 - 7, 65536, 1U << 24, CHUTE_DISCARD, CHUTE_BUSY, ~0U };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* From a run, from a mixed record, and from none. */
		pack_number(f, 8, 1);
		assert_null(chute_pack(f->c, sizes[i]));
		assert_int_equal(errno, E2BIG);
		assert_null(chute_pack_for(f->c, sizes[i], CHUTE_FOREVER));
		assert_int_equal(errno, E2BIG);
		pack_number(f, 8, 1);
		pack_number(f, 16, 2);
		pack_number(f, 24, 3);
		assert_null(chute_pack(f->c, sizes[i]));
		assert_int_equal(errno, E2BIG);
		assert_int_equal(drain(f), 4);
	}
}

static void a_timeout_that_is_neither_time_nor_forever_is_einval(void **state)
{
	struct fixture *f = *state;

	assert_null(chute_pack_for(f->c, 8, -2));
	assert_int_equal(errno, EINVAL);
	pack_number(f, 8, 1);
	errno = 0;
	assert_null(chute_pack_for(f->c, 8, INT64_MIN));
	assert_int_equal(errno, EINVAL);
	/* The call did not finish it. */
	assert_int_equal(drain(f), 0);
}

static void a_wait_for_space_ends_with_its_time(void **state)
{
	struct fixture *f = *state;
	__s64 start;

	while (chute_pack(f->c, 64))
		;
	start = now_ns();
	assert_null(chute_pack_for(f->c, 64, 3000000));
	assert_int_equal(errno, ENOSPC);
	assert_in_range(now_ns() - start, 3000000, 60000000000);
}

/* Somebody else has produced: where the packed record was, there are now his bytes. */
static void moved_by_another(struct fixture *f)
{
	struct chute_ring *ring = &f->ring.consumer->ring;
	static char before[65536];

	memset(ring->data, 0x5a, sizeof(before));
	memset(before, 0x5a, sizeof(before));
	ring->producer->producer_pos += 4096;
	assert_int_equal(chute_flush(f->c), -EBUSY);
	assert_memory_equal(ring->data, before, sizeof(before));
	assert_null(chute_pack(f->c, 8));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(chute_flush(f->c), -EBUSY);
	assert_memory_equal(ring->data, before, sizeof(before));
}

static void another_producer_is_noticed_and_left_alone(void **state)
{
	struct fixture *f = *state;

	pack_number(f, 8, 1);
	pack_number(f, 8, 2);
	moved_by_another(f);
}

static void another_producer_is_left_alone_with_records_open(void **state)
{
	struct fixture *f = *state;

	assert_non_null(chute_reserve(f->c, 8));
	pack_number(f, 8, 1);
	pack_number(f, 8, 2);
	moved_by_another(f);
}

static void another_producer_is_left_alone_by_a_message_that_is_alone(void **state)
{
	struct fixture *f = *state;

	pack_number(f, 2000, 1);
	moved_by_another(f);
}

/* Through the function that the library exports, which is the same source. */
void *exported_pack(struct chute *c, __u32 size) __asm__("chute_pack");

static void the_exported_function_does_the_same(void **state)
{
	struct fixture *f = *state;
	__u32 i;

	for (i = 0; i < 100; i++)
		memset(exported_pack(f->c, i % 3 * 8), 0, i % 3 * 8);
	assert_int_equal(chute_flush(f->c), 0);
	assert_int_equal(drain(f), 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(f->sizes[i], i % 3 * 8);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_as_they_went_in),
		cmocka_unit_test(messages_come_out_of_larger_rings_as_they_went_in),
		cmocka_unit_test(messages_of_one_of_many_producers_come_out_as_they_went_in),
		CASE(a_run_is_a_header_and_the_messages),
		CASE(a_mixed_record_has_a_length_before_each_message),
		CASE(a_message_that_is_alone_is_a_plain_record),
		CASE(a_message_that_looks_like_a_packed_record_is_packed),
		CASE(a_record_holds_2045_messages_of_8_bytes_and_is_published_when_full),
		CASE(everything_but_publish_makes_packed_messages_visible),
		CASE(a_full_ring_publishes_what_is_packed),
		CASE(what_can_never_fit_is_e2big),
		CASE(a_timeout_that_is_neither_time_nor_forever_is_einval),
		CASE(a_wait_for_space_ends_with_its_time),
		CASE(another_producer_is_noticed_and_left_alone),
		CASE(another_producer_is_left_alone_with_records_open),
		CASE(another_producer_is_left_alone_by_a_message_that_is_alone),
		CASE(the_exported_function_does_the_same),
	};

	return cmocka_run_group_tests_name("pack", tests, set_up_seed, NULL);
}
