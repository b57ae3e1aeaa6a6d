// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_lanes_map: lanes that are rings in BPF maps, in an array of maps that a BPF program
 * (bpf/lanes.bpf.c) drains: what arrives, whose turn it is, and who is woken.
 */
#include "lane_sender.h"

#include "lanes.skel.h"
#include "producer/producer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EACH	20000
#define SECOND	1000000000LL
#define FOREVER (1000 * SECOND) /* of a sleep */

struct fixture {
	struct lanes_bpf *skeleton;
	const struct heard *heard;
	int array_fd, side_fd;
	int fds[LANES]; /* -1: none */
	struct chute *producers[LANES];
};

static void put_ring(struct fixture *f, __u32 lane, size_t size)
{
	f->fds[lane] = chute_map("lane", size);
	assert_true(f->fds[lane] >= 0);
	assert_int_equal(bpf_map_update_elem(f->array_fd, &lane, &f->fds[lane], 0), 0);
}

static void open_lanes(struct fixture *f, __u32 count, size_t size)
{
	__u32 i;

	need_bpf();
	memset(f, 0, sizeof(*f));
	memset(f->fds, -1, sizeof(f->fds));
	f->skeleton = lanes_bpf__open_and_load();
	assert_non_null(f->skeleton);
	f->heard = &f->skeleton->bss->heard;
	f->array_fd = bpf_map__fd(f->skeleton->maps.lanes);
	f->side_fd = bpf_map__fd(f->skeleton->maps.lanes_side);
	for (i = 0; i < count; i++)
		put_ring(f, i, size);
}

/* With a producer for each, sender i on lane i. */
static void open_all(struct fixture *f, size_t size)
{
	struct chute_opts opts = { .sz = sizeof(opts) };

	open_lanes(f, LANES, size);
	opts.side_fd = (__u32)f->side_fd;
	for (opts.side_index = 0; opts.side_index < LANES; opts.side_index++) {
		f->producers[opts.side_index] = chute_open_map(f->fds[opts.side_index], &opts);
		assert_non_null(f->producers[opts.side_index]);
	}
}

static void close_lanes(struct fixture *f)
{
	int i;

	for (i = 0; i < LANES; i++) {
		chute_close(f->producers[i]);
		if (f->fds[i] >= 0)
			close(f->fds[i]);
	}
	lanes_bpf__destroy(f->skeleton);
}

static void say_many(struct fixture *f, __u32 lane, __u64 count)
{
	__u64 i;

	for (i = 0; i < count; i++)
		say(f->producers[lane], lane, lane, i);
}

static long drain(struct fixture *f, bool typed)
{
	const struct bpf_program *program = typed ? f->skeleton->progs.drain_said
						  : f->skeleton->progs.drain_any;
	__u64 before = f->heard->messages;
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	assert_int_equal(f->skeleton->bss->counted, f->heard->messages - before);
	return (int)opts.retval;
}

/* By both programs in turn. */
static void hear_all(struct fixture *f, __u64 messages)
{
	bool typed = true;

	while (f->heard->messages < messages) {
		__u64 before = f->heard->messages;
		long count = drain(f, typed);

		assert_int_equal(count, f->heard->messages - before);
		typed = !typed;
	}
}

static struct chute_lanes *open_set(const struct fixture *f, __u32 flags, __u32 side_index)
{
	struct chute_opts opts = {
		.sz = sizeof(opts),
		.flags = flags,
		.side_fd = (__u32)f->side_fd,
		.side_index = side_index,
	};
	struct chute_lanes *lanes = chute_lanes_open_map(f->array_fd, &opts);

	assert_non_null(lanes);
	return lanes;
}

static void all_that_threads_send_arrives_in_its_lanes_order(void **state)
{
	struct lane_sender s[LANES];
	struct chute_lanes *lanes;
	pthread_barrier_t seated;
	struct fixture f;
	int i, taken = 0;

	(void)state;
	open_lanes(&f, LANES, 4096);
	lanes = open_set(&f, 0, 0);
	assert_int_equal(chute_lanes_count(lanes), LANES);
	pthread_barrier_init(&seated, NULL, LANES);
	lane_senders_start(s, LANES, lanes, f.fds, EACH, &seated, NULL);
	hear_all(&f, LANES * EACH);
	for (i = 0; i < LANES; i++) {
		lane_sender_end(&s[i]);
		taken |= 1 << s[i].lane;
	}
	assert_int_equal(taken, (1 << LANES) - 1);
	assert_heard(f.heard, s, LANES);
	pthread_barrier_destroy(&seated);
	chute_lanes_close(lanes);
	close_lanes(&f);
}

static void threads_that_share_lanes_spread_and_all_they_send_arrives(void **state)
{
	int i, of_lane[LANES] = { 0 };
	struct lane_sender s[SENDERS];
	struct chute_lanes *lanes;
	pthread_barrier_t seated;
	struct fixture f;

	(void)state;
	open_lanes(&f, LANES, 8192);
	lanes = open_set(&f, CHUTE_SHARED, 0);
	pthread_barrier_init(&seated, NULL, SENDERS);
	lane_senders_start(s, SENDERS, lanes, f.fds, EACH / 4, &seated, NULL);
	hear_all(&f, SENDERS * (EACH / 4));
	for (i = 0; i < SENDERS; i++) {
		lane_sender_end(&s[i]);
		of_lane[s[i].lane]++;
	}
	for (i = 0; i < LANES; i++)
		assert_int_equal(of_lane[i], SENDERS / LANES);
	assert_heard(f.heard, s, SENDERS);
	pthread_barrier_destroy(&seated);
	chute_lanes_close(lanes);
	close_lanes(&f);
}

static void a_ring_that_is_put_in_later_is_a_lane_and_disturbs_nobody(void **state)
{
	struct chute_lanes *lanes, *none;
	pthread_barrier_t seated, done;
	struct lane_sender s[3];
	struct fixture f;
	int i, files;

	(void)state;
	need_bpf();
	files = open_files();
	open_lanes(&f, 0, 4096);
	none = open_set(&f, 0, 0);
	assert_null(chute_lane(none));
	assert_int_equal(errno, EBUSY);
	put_ring(&f, 0, 4096);
	put_ring(&f, 2, 4096);
	lanes = open_set(&f, 0, 0);
	pthread_barrier_init(&seated, NULL, 3);
	pthread_barrier_init(&done, NULL, 3);
	lane_senders_start(s, 2, lanes, f.fds, EACH, &seated, &done);
	pthread_barrier_wait(&seated);
	hear_all(&f, EACH / 4);
	assert_int_equal(lane_of_another_thread(lanes, f.fds), -EBUSY);
	put_ring(&f, 1, 4096);
	assert_int_equal(lane_of_another_thread(lanes, f.fds), 1);
	assert_int_equal(lane_of_another_thread(none, f.fds), 1);
	chute_lanes_close(none);
	hear_all(&f, EACH / 2);
	put_ring(&f, 3, 8192);
	/* This thread has lane 1, so that the last sender gets the new one. */
	none = open_set(&f, 0, 0);
	assert_int_equal(lane_of(chute_lane(none), f.fds), 1);
	s[2] = (struct lane_sender){
		.lanes = lanes,
		.fds = f.fds,
		.sender = 2,
		.count = EACH,
		.done = &done,
	};
	lane_sender_start(&s[2]);
	hear_all(&f, 3 * EACH);
	for (i = 0; i < 3; i++)
		lane_sender_end(&s[i]);
	assert_int_equal(s[0].lane + s[1].lane, 2);
	assert_int_equal(s[2].lane, 3);
	assert_heard(f.heard, s, 3);
	pthread_barrier_destroy(&seated);
	pthread_barrier_destroy(&done);
	chute_lanes_close(lanes);
	chute_lanes_close(none);
	close_lanes(&f);
	assert_int_equal(open_files(), files);
}

static __u64 turn(const struct heard *heard, __u64 at, __u8 lane, int count)
{
	for (; count; count--)
		assert_int_equal(heard->log[at++], lane);
	return at;
}

static __u32 *sleepers(const struct fixture *f, __u32 lane)
{
	return chute_producer_of(f->producers[lane])->wait.sleepers;
}

/* And neither does the wake-up that a drain sends to a producer on it. */
static void a_busy_lane_does_not_keep_the_others_waiting(void **state)
{
	int quota = 64, typed, asleep;
	struct fixture f;
	__u64 at;

	(void)state;
	for (typed = 0; typed < 2; typed++) {
		for (asleep = 0; asleep < 2; asleep++) {
			open_all(&f, 512 * 1024);
			say_many(&f, 0, 10000);
			say_many(&f, 1, 1);
			say_many(&f, 3, 100);
			chute_exchange(sleepers(&f, 0), (__u32)asleep);
			assert_int_equal(drain(&f, typed), 10101);
			assert_int_equal(*sleepers(&f, 0), 0);
			at = turn(f.heard, 0, 0, quota);
			at = turn(f.heard, at, 1, 1);
			at = turn(f.heard, at, 3, quota);
			at = turn(f.heard, at, 0, quota);
			at = turn(f.heard, at, 3, 100 - quota);
			turn(f.heard, at, 0, 10000 - 2 * quota);
			assert_int_equal(f.heard->wrong, 0);
			assert_int_equal(drain(&f, typed), 0);
			close_lanes(&f);
		}
	}
}

static void poison(struct fixture *f, __u32 lane, __u32 len, size_t published)
{
	struct chute_ring *ring = &chute_producer_of(f->producers[lane])->ring;
	unsigned long pos = ring->producer->producer_pos;

	((struct chute_header *)(ring->data + (pos & (ring->size - 1))))->len = len;
	ring->producer->producer_pos = pos + published;
}

static void a_broken_lane_does_not_keep_the_others_from_being_drained(void **state)
{
	struct fixture f;
	int typed;
	__u32 i;

	(void)state;
	for (typed = 0; typed < 2; typed++) {
		open_all(&f, 64 * 1024);
		for (i = 0; i < LANES; i++)
			say_many(&f, i, i == 1 ? 3 : 200);
		poison(&f, 1, 1000, 16);
		poison(&f, 2, 64 * 1024, 128 * 1024);
		assert_int_equal(drain(&f, typed), -EINVAL);
		assert_int_equal(f.heard->messages, 603);
		assert_int_equal(f.heard->wrong, 0);
		say(f.producers[3], 3, 3, 200);
		assert_int_equal(drain(&f, typed), -EINVAL);
		assert_int_equal(f.heard->messages, 604);
		/* Without the first one, the second one's error is told. */
		i = 1;
		assert_int_equal(bpf_map_delete_elem(f.array_fd, &i), 0);
		assert_int_equal(drain(&f, typed), -E2BIG);
		close_lanes(&f);
	}
}

struct sleeper {
	struct chute_lanes *lanes;
	const int *fds;
	__u32 *word; /* where it says that it sleeps; when its ring is full */
	__u32 lane;
	bool woken;
};

/* Its sleeps have no bound: nothing but a wake-up ends them. */
static void *fill_and_sleep(void *arg)
{
	struct sleeper *s = arg;
	struct chute *c = chute_lane(s->lanes);
	struct chute_producer *p = chute_producer_of(c);
	void *payload;

	if (!c)
		return NULL;
	s->lane = lane_of(c, s->fds);
	p->wait.sleep_min_ns = p->wait.sleep_max_ns = FOREVER;
	while ((payload = chute_reserve(c, 1000)))
		chute_submit(c, payload);
	chute_store_release(&s->word, p->wait.sleepers);
	s->woken = chute_reserve_for(c, 1000, 20 * SECOND) != NULL;
	return NULL;
}

static void a_producer_that_sleeps_on_lane_3_is_woken(void **state)
{
	struct sleeper s = { 0 };
	pthread_t thread;
	struct fixture f;
	__u32 i, *word;

	(void)state;
	open_all(&f, 4096);
	chute_close(f.producers[3]);
	f.producers[3] = NULL;
	s.lanes = open_set(&f, CHUTE_NO_SPIN, 0);
	s.fds = f.fds;
	assert_int_equal(pthread_create(&thread, NULL, fill_and_sleep, &s), 0);
	while (!(word = chute_load_acquire(&s.word)))
		sched_yield();
	while (!chute_load_acquire(word))
		sched_yield();
	for (i = 0; i < 3; i++)
		assert_int_equal(*sleepers(&f, i), 0);
	/* The messages are not of the right size: counted elsewhere. */
	assert_int_equal(drain(&f, true), 0);
	pthread_join(thread, NULL);
	assert_int_equal(s.lane, 3);
	assert_true(s.woken);
	chute_lanes_close(s.lanes);
	close_lanes(&f);
}

static void a_drain_wakes_on_the_lanes_where_somebody_sleeps_and_no_others(void **state)
{
	struct epoll_event event;
	int epoll_fd = epoll_create1(0);
	struct fixture f;
	__u32 i;

	(void)state;
	open_all(&f, 4096);
	for (i = 0; i < LANES; i++) {
		say(f.producers[i], i, i, 0);
		event = (struct epoll_event){ .events = EPOLLOUT | EPOLLET, .data.u32 = i };
		assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, f.fds[i], &event), 0);
		assert_int_equal(epoll_wait(epoll_fd, &event, 1, 0), 1);
	}
	assert_int_equal(drain(&f, true), LANES);
	assert_int_equal(epoll_wait(epoll_fd, &event, 1, 0), 0);
	for (i = 0; i < LANES; i++) {
		say(f.producers[0], 0, 0, i + 1);
		chute_exchange(sleepers(&f, i), 1U);
		assert_int_equal(drain(&f, false), 1);
		assert_int_equal(epoll_wait(epoll_fd, &event, 1, 10000), 1);
		assert_int_equal(event.data.u32, i);
		assert_int_equal(*sleepers(&f, i), 0);
		assert_int_equal(epoll_wait(epoll_fd, &event, 1, 0), 0);
	}
	assert_int_equal(f.heard->wrong, 0);
	close(epoll_fd);
	close_lanes(&f);
}

static void rings_of_both_kinds_are_added_to_a_set(void **state)
{
	struct chute_lanes *lanes;
	struct fixture f;
	int fd, i;

	(void)state;
	open_lanes(&f, 2, 4096);
	lanes = chute_lanes_open(NULL);
	fd = chute_memory("lane", 4096);
	assert_int_equal(chute_lanes_add(lanes, f.fds[0]), 0);
	assert_int_equal(chute_lanes_add(lanes, fd), 1);
	assert_int_equal(lane_of(chute_lane(lanes), f.fds), 0);
	assert_int_equal(lane_of_another_thread(lanes, f.fds), LANES); /* the memory ring */
	chute_lanes_close(lanes);
	/* A lane of nobody's array goes behind those that the array may have. */
	lanes = open_set(&f, 0, 0);
	assert_int_equal(chute_lanes_add(lanes, fd), LANES);
	assert_int_equal(chute_lanes_count(lanes), LANES + 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(lane_of_another_thread(lanes, f.fds), i < 2 ? i : LANES);
	chute_lanes_close(lanes);
	close(fd);
	close_lanes(&f);
}

static void bad_arguments_are_refused(void **state)
{
	struct chute_opts opts = { .sz = sizeof(opts), .flags = 1U << 30 };
	struct chute_lanes *lanes;
	struct fixture f;

	(void)state;
	open_lanes(&f, LANES, 4096);
	assert_null(chute_lanes_open_map(f.array_fd, &opts));
	assert_int_equal(errno, EINVAL);
	assert_null(chute_lanes_open_map(f.side_fd, NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(chute_lanes_open_map(f.fds[0], NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(chute_lanes_open_map(-1, NULL));
	assert_int_equal(errno, EBADFD);
	/* The last lane's element would be past the array's end. */
	lanes = open_set(&f, 0, 1);
	assert_int_equal(lane_of(chute_lane(lanes), f.fds), 0);
	assert_int_equal(lane_of_another_thread(lanes, f.fds), 1);
	assert_int_equal(lane_of_another_thread(lanes, f.fds), 2);
	chute_lanes_close(lanes);
	lanes = open_set(&f, 0, LANES);
	assert_null(chute_lane(lanes));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(chute_lanes_add(lanes, f.array_fd), -EINVAL);
	chute_lanes_close(lanes);
	close_lanes(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_threads_send_arrives_in_its_lanes_order),
		cmocka_unit_test(threads_that_share_lanes_spread_and_all_they_send_arrives),
		cmocka_unit_test(a_ring_that_is_put_in_later_is_a_lane_and_disturbs_nobody),
		cmocka_unit_test(a_busy_lane_does_not_keep_the_others_waiting),
		cmocka_unit_test(a_broken_lane_does_not_keep_the_others_from_being_drained),
		cmocka_unit_test(a_producer_that_sleeps_on_lane_3_is_woken),
		cmocka_unit_test(a_drain_wakes_on_the_lanes_where_somebody_sleeps_and_no_others),
		cmocka_unit_test(rings_of_both_kinds_are_added_to_a_set),
		cmocka_unit_test(bad_arguments_are_refused),
	};

	return cmocka_run_group_tests_name("lanes_map", tests, NULL, NULL);
}
