// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_handshake: no wake-up is lost: no sleep of a producer outlasts the space that it
 * waits for, although the consumer drains once and then is quiet, and although the
 * bound of a sleep, which would cover up for it, is far away. The protocol by itself is
 * in model/handshake.pml; that no wake-up is needless, in test_wakeups.
 */
#include "mring.h"

#include "consumer/drain.h"
#include "producer/producer.h"

#include <chute/drain.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLEEPS 10000
#endif
#endif
#if !defined(SLEEPS) && defined(__SANITIZE_THREAD__)
#define SLEEPS 10000
#endif
#ifndef SLEEPS
#define SLEEPS 100000
#endif

#define MS	     1000000LL
#define LATE_NS	     (5 * MS)
#define LIMIT_NS     (20000 * MS) /* of a reservation: who is not woken wakes then */
#define LOST_NS	     (19000 * MS)
#define NEVER_NS     (60000 * MS) /* the bound of a sleep */

#define RING	     4096
#define DRAINERS_MAX 2

/*
 * A turn: the producer, whose ring is full, goes to sleep for @need bytes, and each
 * drainer drains @drains times, at any moment in that. Then all of them are through.
 */
struct race {
	struct chute *c;
	struct chute_consumer *consumer; /* of a memory ring */
	int drain_fd;			 /* for a ring in a map */
	__u32 record, need;		 /* payloads */
	int drainers, drains;
	long sleeps;
	__u64 random;

	__u64 turn, done[DRAINERS_MAX]; /* turns that have begun, and are over */
	__s64 drained_ns;		/* when the last drain began */
	int end;
};

struct drainer {
	struct race *race;
	__u64 *done;
	__u64 random;
};

static int take_one(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	return 1;
}

static void drain(struct race *r)
{
	chute_store_relaxed(&r->drained_ns, now_ns());
	if (r->consumer)
		chute_drain(r->consumer, take_one, NULL, 0);
	else
		mring_run(r->drain_fd);
}

static void spin(__s64 ns)
{
	const __s64 end = now_ns() + ns;

	while (now_ns() < end)
		chute_pause();
}

/* A producer takes a few microseconds to fall asleep. */
static void delay(__u64 *random)
{
	static const unsigned int most[] = { 2000, 4000, 4000, 8000, 8000, 8000, 15000, 60000 };
	const __u64 r = next_random(random);

	spin((__s64)((r >> 8) % most[r % 8]));
}

static void *drain_in_turns(void *arg)
{
	struct drainer *d = arg;
	struct race *r = d->race;
	__u64 turn;
	int i;

	for (turn = 1;; turn++) {
		while (chute_load_acquire(&r->turn) < turn) {
			if (chute_load_relaxed(&r->end))
				return NULL;
			sched_yield();
		}
		for (i = 0; i < r->drains; i++) {
			delay(&d->random);
			drain(r);
		}
		chute_store_release(d->done, turn);
	}
}

static void fill(struct race *r)
{
	void *payload;

	while ((payload = chute_reserve(r->c, r->record)))
		chute_submit(r->c, payload);
	assert_int_equal(errno, ENOSPC);
}

/* Returns how long the producer slept on when it could have gone on. */
static __s64 take_turn(struct race *r)
{
	void *payload;
	__s64 late;
	int i;

	fill(r);
	chute_store_release(&r->turn, r->turn + 1);
	spin((__s64)(next_random(&r->random) % 1000));
	payload = chute_reserve_for(r->c, r->need, LIMIT_NS);
	late = now_ns() - chute_load_relaxed(&r->drained_ns);
	if (!payload)
		fail_msg("no space, though the ring was drained");
	chute_submit(r->c, payload);
	for (i = 0; i < r->drainers; i++)
		while (chute_load_acquire(&r->done[i]) < r->turn)
			sched_yield();
	return late;
}

/* How long this thread has been ready, and had no CPU: the second figure there. 0 where
 * the kernel does not tell. */
static __s64 waited_for_a_cpu(int schedstat_fd)
{
	char text[64] = "";
	long long waited = 0;

	if (pread(schedstat_fd, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%*d %lld", &waited);
	return waited;
}

static long sleeps_of_this_thread(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/*
 * A lost wake-up shows as the whole of the limit. What else is late is printed, without
 * the time without a CPU, which is not the handshake's.
 */
static void sleep_often(struct race *r)
{
	const int schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY);
	const long start = sleeps_of_this_thread();
	long turns = 0, late = 0;
	__s64 ns, waited, worst = 0;

	while (sleeps_of_this_thread() - start < r->sleeps) {
		waited = waited_for_a_cpu(schedstat_fd);
		ns = take_turn(r);
		if (ns > LOST_NS)
			fail_msg("a wake-up was lost, after %ld turns (%lld us)", turns,
				 (long long)ns / 1000);
		ns -= waited_for_a_cpu(schedstat_fd) - waited;
		worst = ns > worst ? ns : worst;
		late += ns > LATE_NS;
		if (++turns > 20 * r->sleeps)
			fail_msg("it hardly ever sleeps");
	}
	close(schedstat_fd);
	print_message("# %ld turns, %ld disturbed, the longest %lld us\n", turns, late,
		      (long long)worst / 1000);
}

static void race(struct race *r)
{
	struct chute_wait *wait = &chute_producer_of(r->c)->wait;
	struct drainer drainers[DRAINERS_MAX];
	pthread_t threads[DRAINERS_MAX];
	int i;

	wait->sleep_min_ns = wait->sleep_max_ns = NEVER_NS;
	for (i = 0; i < r->drainers; i++) {
		drainers[i] = (struct drainer){ r, &r->done[i], next_random(&r->random) };
		assert_int_equal(pthread_create(&threads[i], NULL, drain_in_turns, &drainers[i]),
				 0);
	}
	sleep_often(r);
	chute_store_relaxed(&r->end, 1);
	for (i = 0; i < r->drainers; i++)
		pthread_join(threads[i], NULL);
}

static void race_on_memory(struct race *r)
{
	int fd = chute_memory("handshake", RING);

	r->random = (__u64)now_ns();
	r->c = open_sleepy(fd, NULL);
	r->consumer = chute_consumer_open(fd);
	assert_non_null(r->consumer);
	race(r);
	chute_close(r->c);
	chute_consumer_close(r->consumer);
	close(fd);
}

static void race_on_a_map(struct race *r)
{
	struct mring ring;

	mring_open(&ring, "messages", RING);
	r->random = (__u64)now_ns();
	r->c = open_sleepy(-1, &ring);
	r->drain_fd = mring_program(&ring, "drain_ends");
	race(r);
	chute_close(r->c);
	mring_close(&ring);
}

static void no_wake_up_is_lost_on_a_memory_ring(void **state)
{
	struct race r = {
		.record = RING - 8,
		.need = RING - 8,
		.drainers = 1,
		.drains = 1,
		.sleeps = SLEEPS,
	};

	(void)state;
	race_on_memory(&r);
}

/* Woken by each drain but the last, it has to sleep again. */
static void no_wake_up_is_lost_when_space_comes_bit_by_bit(void **state)
{
	struct race r = {
		.record = 504,
		.need = 3 * 512 - 8,
		.drainers = 1,
		.drains = 3,
		.sleeps = SLEEPS,
	};

	(void)state;
	race_on_memory(&r);
}

static void no_wake_up_is_lost_with_two_drains_at_once_on_a_memory_ring(void **state)
{
	struct race r = {
		.record = RING - 8,
		.need = RING - 8,
		.drainers = 2,
		.drains = 1,
		.sleeps = SLEEPS / 5,
	};

	(void)state;
	race_on_memory(&r);
}

static void no_wake_up_is_lost_on_a_map(void **state)
{
	struct race r = {
		.record = RING - 8,
		.need = RING - 8,
		.drainers = 1,
		.drains = 1,
		.sleeps = SLEEPS,
	};

	(void)state;
	race_on_a_map(&r);
}

/* The one that has made space may find the other one draining when it goes to wake. */
static void no_wake_up_is_lost_with_two_drains_at_once_on_a_map(void **state)
{
	struct race r = {
		.record = RING - 8,
		.need = RING - 8,
		.drainers = 2,
		.drains = 1,
		.sleeps = SLEEPS / 5,
	};

	(void)state;
	race_on_a_map(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost_on_a_memory_ring),
		cmocka_unit_test(no_wake_up_is_lost_when_space_comes_bit_by_bit),
		cmocka_unit_test(no_wake_up_is_lost_with_two_drains_at_once_on_a_memory_ring),
		cmocka_unit_test(no_wake_up_is_lost_on_a_map),
		cmocka_unit_test(no_wake_up_is_lost_with_two_drains_at_once_on_a_map),
	};

	return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
