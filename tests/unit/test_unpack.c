// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_unpack: chute_drain_messages() on packed records that are not what they say:
 * it reads nothing behind a record, hands out nothing that is not in it, and counts. And
 * on a message that looks like one.
 * CHUTE_SEED repeats a run.
 */
#include "support.h"

#include "hostile.h"
#include "consumer/drain.h"
#include "receive.h"

#include <chute/inspect.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA	(128 * 1024)
#define RECORDS 4 /* at a time */

static __u64 seed;

static int set_up_seed(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

/* A ring whose data ends, with its last record, at a page that can't be read. */
struct edge {
	struct chute_consumer_page consumer_page;
	struct chute_producer_page producer_page;
	struct chute_ring ring;
	struct chute_consumer consumer;
	char *guard;
	struct received got;
};

static void edge_open(struct edge *e)
{
	char *area =
		mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(area, MAP_FAILED);
	memset(e, 0, sizeof(*e));
	e->guard = area + AREA;
	assert_int_equal(mprotect(e->guard, 4096, PROT_NONE), 0);
}

/* Lay @count payloads as records that end at the edge. */
static void edge_lay(struct edge *e, const struct hostile *payloads, int count)
{
	unsigned long bytes = 0, pos = 0;
	struct chute_header *header;
	int i;

	for (i = 0; i < count; i++)
		bytes += (unsigned long)chute_record_bytes(payloads[i].length);
	chute_ring_init(&e->ring, &e->consumer_page, &e->producer_page, e->guard - bytes, AREA);
	for (i = 0; i < count; i++) {
		header = (struct chute_header *)(e->ring.data + pos);
		header->len = payloads[i].length;
		memcpy(header + 1, payloads[i].words, (payloads[i].length + 7) & ~7U);
		pos += (unsigned long)chute_record_bytes(payloads[i].length);
	}
	e->consumer_page.consumer_pos = 0;
	e->producer_page.producer_pos = bytes;
	chute_consumer_init(&e->consumer, &e->ring);
}

static int check_and_receive(const void *msg, __u32 size, void *ctx)
{
	struct edge *e = ctx;
	struct chute_record record;

	assert_int_equal(chute_peek(chute_consumer_view(&e->consumer),
				    chute_consumer_pos(&e->consumer), &record),
			 1);
	assert_true((const char *)msg >= (const char *)record.payload);
	assert_true((const char *)msg + size <= (const char *)record.payload + record.size);
	assert_int_equal((uintptr_t)msg % 8, 0);
	receive_whole(msg, size, &e->got);
	return CHUTE_NEXT;
}

static void drain_and_compare(struct edge *e, const struct hostile *payloads, int count)
{
	struct received expected = { 0 };
	struct chute_messages found = { 0 };
	__u64 malformed = 0;
	int i;

	for (i = 0; i < count; i++)
		malformed += hostile_read(&payloads[i], receive_whole, &expected);
	memset(&e->got, 0, sizeof(e->got));
	edge_lay(e, payloads, count);
	assert_int_equal(chute_drain_messages(&e->consumer, check_and_receive, e, 0, &found),
			 expected.messages);
	if (found.malformed != malformed || memcmp(&e->got, &expected, sizeof(expected)))
		for (i = 0; i < count; i++)
			hostile_print(&payloads[i]);
	assert_int_equal(found.messages, expected.messages);
	assert_int_equal(found.malformed, malformed);
	assert_memory_equal(&e->got, &expected, sizeof(expected));
	assert_int_equal(e->consumer_page.consumer_pos, e->producer_page.producer_pos);
}

/* The same without a callback: record by record, and consumed as they have been read. */
static void peek_and_compare(struct edge *e, const struct hostile *payloads, int count)
{
	const struct chute_view *view = chute_consumer_view(&e->consumer);
	struct received expected = { 0 };
	__u64 malformed = 0, found = 0;
	struct chute_record record;
	struct chute_unpacker u;
	unsigned long pos = 0;
	const void *msg;
	__u32 size;
	int i;

	memset(&e->got, 0, sizeof(e->got));
	edge_lay(e, payloads, count);
	for (i = 0; i < count; i++) {
		malformed += hostile_read(&payloads[i], receive_whole, &expected);
		assert_int_equal(chute_peek(view, pos, &record), 1);
		chute_unpack(&u, record.payload, record.size);
		while (chute_unpack_next(&u, &msg, &size))
			check_and_receive(msg, size, e);
		found += u.malformed;
		assert_false(chute_unpack_next(&u, &msg, &size));
		assert_int_equal(chute_consume(&e->consumer, pos, record.next_pos, 0), 0);
		pos = record.next_pos;
	}
	assert_int_equal(found, malformed);
	assert_memory_equal(&e->got, &expected, sizeof(expected));
	assert_int_equal(e->consumer_page.consumer_pos, e->producer_page.producer_pos);
}

static void records_that_are_not_what_they_say_are_counted_and_passed_over(void **state)
{
	static struct hostile payloads[RECORDS];
	static struct edge e;
	__u64 random = seed;
	int round, i, count;

	(void)state;
	edge_open(&e);
	for (round = 0; round < 20000; round++) {
		count = 1 + (int)(next_random(&random) % RECORDS);
		for (i = 0; i < count; i++)
			hostile_make(&payloads[i], &random);
		drain_and_compare(&e, payloads, count);
		peek_and_compare(&e, payloads, count);
	}
	munmap(e.guard - AREA, AREA + 4096);
}

/* Every length of a payload that a good one may have been cut to. */
static void records_cut_anywhere_are_not_read_past_their_end(void **state)
{
	static struct hostile h;
	static struct edge e;
	__u64 random = seed;
	__u32 length;
	int round;

	(void)state;
	edge_open(&e);
	for (round = 0; round < 20; round++) {
		do {
			hostile_make(&h, &random);
		} while (h.length > 500 || h.length < 64);
		for (length = h.length; length; length--) {
			h.length = length;
			drain_and_compare(&e, &h, 1);
			peek_and_compare(&e, &h, 1);
		}
	}
	munmap(e.guard - AREA, AREA + 4096);
}

struct one {
	__u32 size;
	__u64 first;
};

static int take_one(const void *msg, __u32 size, void *ctx)
{
	*(struct one *)ctx = (struct one){ .size = size, .first = *(const __u64 *)msg };
	return CHUTE_NEXT;
}

static void what_is_sent_is_one_message_whatever_it_begins_with(void **state)
{
	static const __u32 sizes[] = { 8, 15, 16, 24, 1024 };
	__u64 words[128] = { CHUTE_PACK_MAGIC, 8ULL << 32 | 8, 3 };
	int i, fd = chute_memory("unpack", 65536);
	struct chute_consumer *consumer = chute_consumer_open(fd);
	struct chute *c = chute_open_memory(fd, NULL);
	struct one one;

	(void)state;
	assert_non_null(c);
	for (i = 0; i < 5; i++) {
		assert_int_equal(chute_send(c, words, sizes[i], 0), 0);
		assert_int_equal(chute_drain_messages(consumer, take_one, &one, 0, NULL), 1);
		assert_int_equal(one.size, sizes[i]);
		assert_int_equal(one.first, CHUTE_PACK_MAGIC);
	}
	chute_close(c);
	chute_consumer_close(consumer);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_that_are_not_what_they_say_are_counted_and_passed_over),
		cmocka_unit_test(records_cut_anywhere_are_not_read_past_their_end),
		cmocka_unit_test(what_is_sent_is_one_message_whatever_it_begins_with),
	};

	return cmocka_run_group_tests_name("unpack", tests, set_up_seed, NULL);
}
