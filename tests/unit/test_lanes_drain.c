// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_lanes_drain: one consumer of many memory rings: whose turn it is, what a broken
 * ring costs the others, and what a drain returns.
 */
#include "lane_sender.h"
#include "lane_set.h"

#include "producer/producer.h"

#include <errno.h>
#include <unistd.h>
#include <string.h>

static struct chute *producers[LANES];

static void open_all(struct lane_set *set, size_t size)
{
	int i;

	lane_set_open(set, LANES, size, 0);
	for (i = 0; i < LANES; i++) {
		producers[i] = chute_open_memory(set->fds[i], NULL);
		assert_non_null(producers[i]);
	}
}

static void close_all(struct lane_set *set)
{
	int i;

	for (i = 0; i < LANES; i++)
		chute_close(producers[i]);
	lane_set_close(set);
}

/* Sender i is on lane i. */
static void say_many(__u32 lane, __u64 count)
{
	__u64 i;

	for (i = 0; i < count; i++)
		say(producers[lane], lane, lane, i);
}

static void assert_turn(const struct heard *heard, __u64 *at, __u8 lane, int count)
{
	for (; count; count--)
		assert_int_equal(heard->log[(*at)++], lane);
}

static void a_busy_lane_does_not_keep_the_others_waiting(void **state)
{
	const int quota = CHUTE_LANE_QUOTA;
	struct lane_set set;
	__u64 at = 0;

	(void)state;
	open_all(&set, 512 * 1024);
	say_many(0, 10000);
	say_many(1, 1);
	say_many(3, 100);
	assert_int_equal(lane_set_drain(&set), 10101);
	assert_turn(&set.heard, &at, 0, quota);
	assert_turn(&set.heard, &at, 1, 1);
	assert_turn(&set.heard, &at, 3, quota);
	assert_turn(&set.heard, &at, 0, quota);
	assert_turn(&set.heard, &at, 3, 100 - quota);
	assert_turn(&set.heard, &at, 0, 10000 - 2 * quota);
	assert_int_equal(set.heard.wrong, 0);
	assert_int_equal(lane_set_drain(&set), 0);
	close_all(&set);
}

static void a_packed_record_is_one_of_the_quota(void **state)
{
	struct lane_set set;
	struct said *said;
	__u64 i, at = 0;

	(void)state;
	open_all(&set, 64 * 1024);
	for (i = 0; i < 200; i++) {
		said = chute_pack(producers[0], sizeof(*said));
		assert_non_null(said);
		*said = (struct said){ .number = i };
	}
	assert_int_equal(chute_flush(producers[0]), 0);
	say_many(1, 1);
	assert_int_equal(lane_set_drain(&set), 201);
	assert_turn(&set.heard, &at, 0, 200);
	assert_turn(&set.heard, &at, 1, 1);
	assert_int_equal(set.heard.wrong, 0);
	close_all(&set);
}

static void poison(__u32 lane, __u32 len, size_t published)
{
	struct chute_ring *ring = &chute_producer_of(producers[lane])->ring;
	unsigned long pos = ring->producer->producer_pos;

	((struct chute_header *)(ring->data + (pos & (ring->size - 1))))->len = len;
	ring->producer->producer_pos = pos + published;
}

static void a_broken_lane_does_not_keep_the_others_from_being_drained(void **state)
{
	struct chute_consumer *reverse[LANES];
	struct lane_set set;
	int i;

	(void)state;
	open_all(&set, 64 * 1024);
	for (i = 0; i < LANES; i++) {
		say_many((__u32)i, i == 1 ? 3 : 200);
		reverse[LANES - 1 - i] = set.consumers[i];
	}
	poison(1, 1000, 16);
	poison(2, 64 * 1024, 128 * 1024);
	assert_int_equal(lane_set_drain(&set), -EINVAL);
	assert_int_equal(set.found.messages, 603);
	assert_int_equal(set.heard.messages, 603);
	assert_int_equal(set.heard.wrong, 0);
	/* It comes again, and the first lane's error is told. */
	say(producers[3], 3, 3, 200);
	assert_int_equal(lane_set_drain(&set), -EINVAL);
	assert_int_equal(set.found.messages, 604);
	assert_int_equal(chute_drain_lanes(reverse, LANES, lane_set_listen, &set, 0, NULL), -E2BIG);
	assert_int_equal(set.heard.messages, 604);
	close_all(&set);
}

static void a_NULL_is_passed_over_and_no_lanes_are_no_messages(void **state)
{
	struct chute_consumer *some[LANES] = { NULL };
	struct lane_set set;

	(void)state;
	open_all(&set, 4096);
	say_many(0, 2);
	say_many(2, 3);
	some[2] = set.consumers[2];
	assert_int_equal(chute_drain_lanes(some, LANES, lane_set_listen, &set, 0, NULL), 3);
	assert_int_equal(set.heard.lane_count[2], 3);
	assert_int_equal(chute_drain_lanes(NULL, 0, lane_set_listen, &set, 0, NULL), 0);
	assert_int_equal(chute_drain_lanes(some, LANES, lane_set_listen, &set, 1ULL << 40, NULL),
			 -EINVAL);
	assert_int_equal(lane_set_drain(&set), 2);
	assert_int_equal(set.heard.wrong, 0);
	close_all(&set);
}

static void what_was_found_is_added_up(void **state)
{
	struct chute_packed bad = { .magic = CHUTE_PACK_MAGIC, .size = 16, .bytes = 4096 };
	struct lane_set set;
	void *payload;

	(void)state;
	open_all(&set, 4096);
	set.found = (struct chute_messages){ .messages = 1000, .malformed = 100 };
	say_many(1, 2);
	payload = chute_reserve(producers[2], sizeof(bad));
	memcpy(payload, &bad, sizeof(bad));
	chute_submit(producers[2], payload);
	assert_int_equal(lane_set_drain(&set), 2);
	assert_int_equal(set.found.messages, 1002);
	assert_int_equal(set.found.malformed, 101);
	close_all(&set);
}

static void one_drain_takes_so_many_records_of_a_lane_and_no_more(void **state)
{
	struct chute_consumer *consumer;
	struct chute_messages found = { 0 };
	int fd = chute_memory("long", 4096 * 1024), i;
	struct lane_set set = { .count = 0 };
	struct chute *c = chute_open_memory(fd, NULL);

	(void)state;
	consumer = chute_consumer_open(fd);
	assert_non_null(c);
	assert_non_null(consumer);
	for (i = 0; i < CHUTE_DRAIN_MAX + 5; i++)
		chute_stage(c, chute_reserve(c, 8));
	chute_publish(c);
	assert_int_equal(chute_drain_lanes(&consumer, 1, lane_set_listen, &set, 0, &found),
			 CHUTE_DRAIN_MAX);
	assert_int_equal(chute_drain_lanes(&consumer, 1, lane_set_listen, &set, 0, &found), 5);
	assert_int_equal(set.heard.wrong, CHUTE_DRAIN_MAX + 5);
	chute_consumer_close(consumer);
	chute_close(c);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_lane_does_not_keep_the_others_waiting),
		cmocka_unit_test(a_packed_record_is_one_of_the_quota),
		cmocka_unit_test(a_broken_lane_does_not_keep_the_others_from_being_drained),
		cmocka_unit_test(a_NULL_is_passed_over_and_no_lanes_are_no_messages),
		cmocka_unit_test(what_was_found_is_added_up),
		cmocka_unit_test(one_drain_takes_so_many_records_of_a_lane_and_no_more),
	};

	return cmocka_run_group_tests_name("lanes_drain", tests, NULL, NULL);
}
