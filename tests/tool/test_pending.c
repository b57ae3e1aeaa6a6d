// SPDX-License-Identifier: BSD-2-Clause
/* test_pending: the tool's bounded walk over pending records, on rings that are anything
 * but a ring, and on one that moves under it. */
#include "support.h"

#include "look/pending.h"

#include <chute/chute.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE   4096
#define IMAGES 10000

struct ring {
	int fd;
	struct chute_view *view;
	unsigned long *consumer_pos, *producer_pos;
	__u32 *data;
	char *mapping;
	size_t bytes;
};

static void open_ring(struct ring *ring)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	ring->fd = chute_memory("pending", SIZE);
	assert_true(ring->fd >= 0);
	ring->bytes = 2 * page + SIZE;
	ring->mapping = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	assert_ptr_not_equal(ring->mapping, MAP_FAILED);
	ring->consumer_pos = (unsigned long *)ring->mapping;
	ring->producer_pos = (unsigned long *)(ring->mapping + page);
	ring->data = (__u32 *)(ring->mapping + 2 * page);
	ring->view = chute_view_open_memory(ring->fd);
	assert_non_null(ring->view);
}

static void close_ring(struct ring *ring)
{
	chute_view_close(ring->view);
	munmap(ring->mapping, ring->bytes);
	close(ring->fd);
}

/* Every header random: mostly short, so that walks get on. */
static void make_hostile(struct ring *ring, __u64 *seed)
{
	size_t i;

	for (i = 0; i < SIZE / 4; i++)
		ring->data[i] = (__u32)(next_random(seed) &
					(next_random(seed) % 8 ? 0xc000003f : 0xffffffff));
	*ring->consumer_pos = next_random(seed) & ~7UL;
	*ring->producer_pos = *ring->consumer_pos + next_random(seed) % (SIZE + 16);
	if (next_random(seed) % 4)
		*ring->producer_pos &= ~7UL;
	if (next_random(seed) % 16 == 0)
		*ring->consumer_pos = next_random(seed);
}

static void what_is_no_ring_is_counted_within_bounds(void **state)
{
	struct pending pending;
	struct ring ring;
	__u64 seed = 1, most, sum;
	int i, refused = 0, whole = 0;
	size_t j;

	(void)state;
	open_ring(&ring);
	for (i = 0; i < IMAGES; i++) {
		make_hostile(&ring, &seed);
		most = next_random(&seed) % 100;
		pending_count(ring.view, most, &pending);
		assert_true(pending.records <= most);
		assert_true(pending.busy + pending.discarded <= pending.records);
		for (sum = 0, j = 0; j < PENDING_SIZES; j++)
			sum += pending.sizes[j];
		assert_true(sum == pending.records);
		assert_false(pending.moving);
		assert_true(!pending.err || pending.err == -EINVAL || pending.err == -E2BIG);
		refused += pending.err != 0;
		whole += !pending.err && !pending.more && pending.records > 3;
	}
	/* Both kinds have been seen. */
	assert_true(refused > 100);
	assert_true(whole > 10);
	close_ring(&ring);
}

static void sizes_are_sorted_by_powers_of_two(void **state)
{
	static const __u32 sizes[] = { 0, 1, 2, 3, 4, 7, 8, 1000 };
	static const __u64 want[PENDING_SIZES] = { 1, 1, 2, 2, 1, [10] = 1 };
	struct pending pending;
	struct ring ring;
	struct chute *c;
	char payload[1000] = "";
	size_t i;

	(void)state;
	open_ring(&ring);
	c = chute_open_memory(ring.fd, NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(chute_send(c, payload, sizes[i], 0), 0);
	pending_count(ring.view, 100, &pending);
	assert_int_equal(pending.records, 8);
	assert_memory_equal(pending.sizes, want, sizeof(want));
	chute_close(c);
	close_ring(&ring);
}

static void a_discarded_record_counts_as_that_busy_or_not(void **state)
{
	struct pending pending;
	struct ring ring;

	(void)state;
	open_ring(&ring);
	ring.data[0] = CHUTE_BUSY | CHUTE_DISCARD | 8;
	ring.data[4] = CHUTE_BUSY | 8;
	ring.data[8] = CHUTE_DISCARD | 8;
	ring.data[12] = 8;
	*ring.producer_pos = 64;
	pending_count(ring.view, 100, &pending);
	assert_int_equal(pending.records, 4);
	assert_int_equal(pending.discarded, 2);
	assert_int_equal(pending.busy, 1);
	close_ring(&ring);
}

static int stop;

/* Consumes records, all of 8 bytes, as fast as it can, in a ring that is always full. */
static void *move(void *ctx)
{
	const struct ring *ring = ctx;

	while (!chute_load_relaxed(&stop)) {
		chute_store_relaxed(ring->producer_pos, *ring->producer_pos + 16);
		chute_store_release(ring->consumer_pos, *ring->consumer_pos + 16);
	}
	return NULL;
}

static void a_ring_that_moves_too_fast_is_not_counted(void **state)
{
	__s64 end = now_ns() + 60000000000;
	static struct ring ring; /* the thread's, too, if this fails */
	struct pending pending;
	pthread_t thread;
	size_t i;

	(void)state;
	open_ring(&ring);
	for (i = 0; i < SIZE / 4; i += 4)
		ring.data[i] = 8;
	*ring.producer_pos = SIZE;
	assert_int_equal(pthread_create(&thread, NULL, move, &ring), 0);
	do {
		assert_true(now_ns() < end);
		pending_count(ring.view, 100000, &pending);
		/* Or else what was counted has been there, and no more than a ring holds. */
		assert_true(pending.moving ? !pending.records : pending.records <= SIZE / 16 + 1);
	} while (!pending.moving);
	chute_store_relaxed(&stop, 1);
	pthread_join(thread, NULL);
	pending_count(ring.view, 100000, &pending);
	assert_false(pending.moving);
	assert_int_equal(pending.records, SIZE / 16);
	close_ring(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_ring_is_counted_within_bounds),
		cmocka_unit_test(sizes_are_sorted_by_powers_of_two),
		cmocka_unit_test(a_discarded_record_counts_as_that_busy_or_not),
		cmocka_unit_test(a_ring_that_moves_too_fast_is_not_counted),
	};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
