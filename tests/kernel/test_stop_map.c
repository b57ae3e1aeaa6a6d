// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_stop_map: receivers in BPF programs that stop (bpf/stops.bpf.c): every message once
 * and in order, whatever it is packed in; and what a drain is bounded by.
 */
#include "stops.h"
#include "stops_send.h"

#include "producer/producer.h"
#include "stops.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MANY 1000000
#define RING (64 * 1024)

struct fixture {
	struct stops_ring ring; /* first */
	struct stops_bpf *skeleton;
	const struct chute_side *side;
	int program_fd;
};

static __u64 seed;

static int set_up_seed(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

static long run(int program_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(program_fd, &opts), 0);
	return (int)opts.retval;
}

static long drain(struct stops_ring *ring, __u32 *more)
{
	struct fixture *f = (struct fixture *)ring;
	long ret = run(f->program_fd);

	*more = f->skeleton->bss->more;
	return ret;
}

static void set_up(struct fixture *f)
{
	const struct chute_opts opts = { .sz = sizeof(opts) };
	struct chute_opts with_side = opts;

	need_bpf();
	f->skeleton = stops_bpf__open_and_load();
	assert_non_null(f->skeleton);
	f->skeleton->bss->stops.every = 3;
	f->program_fd = bpf_program__fd(f->skeleton->progs.drain_any);
	with_side.side_fd = (__u32)bpf_map__fd(f->skeleton->maps.ring_side);
	f->side = mmap(NULL, sizeof(*f->side), PROT_READ, MAP_SHARED, (int)with_side.side_fd, 0);
	assert_ptr_not_equal(f->side, MAP_FAILED);
	f->ring.producer = chute_open_map(bpf_map__fd(f->skeleton->maps.ring), &with_side);
	assert_non_null(f->ring.producer);
	f->ring.drain = drain;
}

static void tear_down(struct fixture *f)
{
	assert_int_equal(f->skeleton->bss->stops.wrong, 0);
	chute_close(f->ring.producer);
	munmap((void *)f->side, sizeof(*f->side));
	stops_bpf__destroy(f->skeleton);
}

static void every_message_comes_once_and_in_order_from_a_receiver_that_stops(void **state)
{
	__u64 random = seed;
	struct fixture f;
	int shape;

	(void)state;
	for (shape = 0; shape < STOPS_SHAPES; shape++) {
		set_up(&f);
		stops_run(&f.ring, (enum stops_shape)shape, MANY, &random);
		assert_int_equal(f.skeleton->bss->stops.next, MANY);
		assert_int_equal(f.side->messages, MANY);
		assert_int_equal(f.side->malformed, 0);
		tear_down(&f);
	}
}

static void every_message_of_a_type_comes_once_and_in_order(void **state)
{
	__u64 random = seed;
	struct fixture f;

	(void)state;
	set_up(&f);
	f.program_fd = bpf_program__fd(f.skeleton->progs.drain_numbers);
	stops_run(&f.ring, STOPS_RUNS, MANY, &random);
	assert_int_equal(f.side->messages, MANY);
	tear_down(&f);
}

static void another_receiver_goes_on_where_one_has_stopped(void **state)
{
	__u64 random = seed;
	struct fixture f;
	__u32 more;

	(void)state;
	set_up(&f);
	assert_int_equal(stops_send(f.ring.producer, STOPS_RUNS, 0, 100, &random), 100);
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(chute_used(f.ring.producer), 0);
	f.program_fd = bpf_program__fd(f.skeleton->progs.drain_numbers);
	assert_int_equal(drain(&f.ring, &more), 3);
	f.skeleton->bss->stops.every = 0;
	assert_int_equal(drain(&f.ring, &more), 94);
	assert_int_equal(more, 0);
	assert_int_equal(drain(&f.ring, &more), 0);
	tear_down(&f);
}

static void what_is_left_is_out_of_producers_reach(void **state)
{
	struct chute_ring *ring;
	__u64 random = seed;
	struct fixture f;
	__u32 more;

	(void)state;
	set_up(&f);
	assert_int_equal(stops_send(f.ring.producer, STOPS_MIXED, 0, 100, &random), 100);
	assert_int_equal(drain(&f.ring, &more), 3);
	ring = &chute_producer_of(f.ring.producer)->ring;
	memset(ring->data, 0xff, ring->size);
	f.skeleton->bss->stops.every = 0;
	assert_int_equal(drain(&f.ring, &more), 97);
	assert_int_equal(f.side->malformed, 0);
	tear_down(&f);
}

static void until_empty_is_one_call(void **state)
{
	__u64 random = seed, sent;
	struct fixture f;
	__u32 more;

	(void)state;
	set_up(&f);
	f.program_fd = bpf_program__fd(f.skeleton->progs.drain_all);
	sent = stops_send(f.ring.producer, STOPS_RUNS, 0, MANY, &random);
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(more, 1);
	f.skeleton->bss->stops.every = 0;
	assert_int_equal(drain(&f.ring, &more), sent - 3);
	assert_int_equal(more, 0);
	tear_down(&f);
}

/* Packed records of 2045 messages, and a producer that says that there is no end of them. */
static void a_drain_ends_however_far_the_producer_claims_to_be(void **state)
{
	const struct chute_packed packed = { CHUTE_PACK_MAGIC, 8, 16360 };
	const __u32 len = 16384 - 8;
	struct chute_ring *ring;
	struct fixture f;
	__u32 more, at;
	long ret;

	(void)state;
	set_up(&f);
	f.skeleton->bss->stops.every = 0;
	ring = &chute_producer_of(f.ring.producer)->ring;
	for (at = 0; at < RING; at += 16384) {
		memcpy(ring->data + at, &len, sizeof(len));
		memcpy(ring->data + at + 8, &packed, sizeof(packed));
	}
	ring->producer->producer_pos = 1UL << 40;
	ret = drain(&f.ring, &more);
	assert_in_range(ret, 100000, 131072 + 2045);
	assert_int_equal(more, 1);
	/* None that is delivered, and all the more to copy. */
	for (at = 0; at < RING; at += 16384)
		memset(ring->data + at + 16, 0xff, 4);
	for (at = 0; at < RING; at += 16384)
		memset(ring->data + at + 24, 0xff, 4);
	ret = drain(&f.ring, &more);
	assert_int_equal(ret, 0);
	assert_int_equal(more, 1);
	assert_in_range(f.side->malformed, 400, 600);
	f.skeleton->bss->stops.wrong = 0;
	tear_down(&f);
}

static void who_comes_to_sleep_during_a_drain_that_stops_is_woken_by_the_next_one(void **state)
{
	__u64 random = seed;
	struct fixture f;
	__u32 *sleepers;
	__u32 more;

	(void)state;
	set_up(&f);
	sleepers = chute_producer_of(f.ring.producer)->wait.sleepers;
	assert_int_equal(stops_send(f.ring.producer, STOPS_PLAIN, 0, 9, &random), 9);
	f.skeleton->bss->sleep_at = 1;
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(*sleepers, 1);
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(*sleepers, 0);
	/* One that has seen the ring's end wakes it at once. */
	f.skeleton->bss->stops.every = 0;
	f.skeleton->bss->sleep_at = 7;
	assert_int_equal(drain(&f.ring, &more), 3);
	assert_int_equal(*sleepers, 0);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_once_and_in_order_from_a_receiver_that_stops),
		cmocka_unit_test(every_message_of_a_type_comes_once_and_in_order),
		cmocka_unit_test(another_receiver_goes_on_where_one_has_stopped),
		cmocka_unit_test(what_is_left_is_out_of_producers_reach),
		cmocka_unit_test(until_empty_is_one_call),
		cmocka_unit_test(a_drain_ends_however_far_the_producer_claims_to_be),
		cmocka_unit_test(
			who_comes_to_sleep_during_a_drain_that_stops_is_woken_by_the_next_one),
	};

	return cmocka_run_group_tests_name("stop_map", tests, set_up_seed, NULL);
}
