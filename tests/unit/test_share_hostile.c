// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_share_hostile: another process that has the ring may write to all of it. It can
 * spoil the ring, and lead nobody out of it.
 */
#include "shared_ring.h"

#include <errno.h>

/* What the header says is another process's to write, and must not lead out of the ring. */
static void a_header_that_a_neighbour_wrote_is_not_followed(void **state)
{
	static const __u32 lens[] = { 0, 8, 16, 0x3fffffff, 0x3ffffff8, 65528, 65536 };
	static const __u32 counts[] = { 0, 1, 2, 7, 2047 };
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);
	struct chute_header *header;
	size_t i;

	for (i = 0; i < 7 * 5; i++) {
		header = (struct chute_header *)chute_reserve(c, 8) - 1;
		header->pad = 1U << 31 | counts[i % 5] << 8;
		header->len = lens[i / 5] | CHUTE_BUSY;
		if (i % 2)
			chute_submit(c, header + 1);
		else
			chute_discard(c, header + 1);
		header->len = 8 | CHUTE_DISCARD;
	}
	chute_close(c);
}

static void a_place_that_a_neighbour_moved_is_EBADMSG(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);
	unsigned long *producer_pos = &s->ring.producer->producer_pos;

	chute_submit(c, chute_reserve(c, 8));
	*producer_pos += 4;
	errno = 0;
	assert_null(chute_reserve(c, 8));
	assert_int_equal(errno, EBADMSG);
	assert_null(chute_reserve_batch(c, 2, 8));
	assert_int_equal(errno, EBADMSG);
	*producer_pos -= 4;
	assert_non_null(chute_reserve(c, 8));
	chute_close(c);
}

#define CASE(name) ON_EVERY_KIND_WITH(name, shared_ring_open, shared_ring_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_header_that_a_neighbour_wrote_is_not_followed),
		CASE(a_place_that_a_neighbour_moved_is_EBADMSG),
	};

	return cmocka_run_group_tests_name("share_hostile", tests, NULL, NULL);
}
