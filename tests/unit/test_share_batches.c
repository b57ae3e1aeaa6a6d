// SPDX-License-Identifier: BSD-2-Clause
/* test_share_batches: batches and packed records of one producer among many. */
#include "shared_ring.h"

#include "ring/ring.h"

#include <errno.h>
#include <unistd.h>

static const struct chute_opts shared = { .sz = sizeof(shared), .flags = CHUTE_SHARED };

static void a_batch_is_one_record_until_it_is_finished(void **state)
{
	static const __u32 sizes[] = { 8, 9, 15, 16, 100 };
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s), *other = shared_producer(s);
	void *first, *payload;
	__u32 i, size;
	__u64 n;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size = sizes[i];
		first = payload = chute_reserve_batch(c, 3, size);
		assert_int_equal(shared_head(s)->len,
				 (3 * chute_record_bytes(size) - 8) | CHUTE_BUSY);
		shared_send(other, 4);
		for (n = 1; n <= 3; n++, payload = chute_batch_next(payload, size))
			*(__u64 *)payload = n;
		shared_expect(s, 0, NULL);
		chute_submit(c, first);
		assert_int_equal(shared_head(s)->len, size);
		shared_expect(s, NUMBERS(1, 2, 3, 4));
	}
	chute_close(c);
	chute_close(other);
}

static void any_of_a_batch_can_be_skipped(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);
	void *first, *payload;
	__u64 expected[3], n, count;
	int skip;

	for (skip = 0; skip < 8; skip++) {
		first = payload = chute_reserve_batch(c, 3, 8);
		for (n = 0, count = 0; n < 3; n++, payload = chute_batch_next(payload, 8)) {
			*(__u64 *)payload = n;
			if (skip >> n & 1)
				chute_batch_skip(payload);
			else
				expected[count++] = n;
		}
		chute_submit(c, first);
		shared_expect(s, count, expected);
	}
	chute_close(c);
}

static void a_batch_is_not_longer_than_a_record(void **state)
{
	struct shared_ring *s = *state;
	int fd = chute_memory("big", 64 << 20);
	struct chute *c = chute_open_memory(fd, &shared);

	(void)s;
	errno = 0;
	assert_null(chute_reserve_batch(c, 2, CHUTE_PAYLOAD_MAX / 2));
	assert_int_equal(errno, E2BIG);
	assert_non_null(chute_reserve_batch(c, 2, CHUTE_PAYLOAD_MAX / 2 - 16));
	chute_close(c);
	close(fd);
}

static void handles_pack_beside_each_other(void **state)
{
	struct shared_ring *s = *state;
	struct chute *a = shared_producer(s), *b = shared_producer(s);
	__u64 i;

	for (i = 0; i < 4; i++) {
		*(__u64 *)chute_pack(a, 8) = i;
		*(__u64 *)chute_pack(b, 8 + 8 * (i % 2)) = 10 + i;
	}
	chute_flush(b);
	shared_expect(s, 0, NULL);
	chute_flush(a);
	/* b's first record is a run that the second message's size has cut short. */
	shared_expect(s, NUMBERS(0, 1, 2, 3, 10, 11, 12, 13));
	chute_close(a);
	chute_close(b);
}

#define CASE(name) ON_EVERY_KIND_WITH(name, shared_ring_open, shared_ring_close)
/* Messages are taken apart in memory; and the longest batch needs a ring of its own. */
#define PACKED(name) cmocka_unit_test_setup_teardown(name, shared_ring_open, shared_ring_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_batch_is_one_record_until_it_is_finished),
		CASE(any_of_a_batch_can_be_skipped),
		PACKED(a_batch_is_not_longer_than_a_record),
		PACKED(handles_pack_beside_each_other),
	};

	return cmocka_run_group_tests_name("share_batches", tests, NULL, NULL);
}
