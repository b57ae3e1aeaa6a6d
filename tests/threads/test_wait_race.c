// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_wait_race: a producer that goes to sleep, and a drain in another thread that makes
 * room at that very moment. Sleeps are bounded, so that a wake-up which is lost shows only
 * as a sleep that lasts to its bound, though there was room for long.
 */
#include "plain.h"
#include "sleeps.h"

#include <chute/atomic.h>

#include <pthread.h>
#include <sched.h>

#define ROUNDS 10000

/* Within this time of the drain a wake-up has come. A BPF program's come a little later. */
#define TOLD_NS 300000

struct race {
	struct sleepy ring;
	__u64 round;	  /* the producer is about to wait for the round-th time */
	__s64 room_since; /* when the drain was back; 0 before */
	unsigned long lost;
};

static void look_for_lost_one(void *arg, bool timed_out)
{
	struct race *race = arg;
	const __s64 since = chute_load_acquire(&race->room_since);

	/* By when it was to end, not by when this thread had a CPU again. */
	race->lost += timed_out && since && since + TOLD_NS < sleeps.end_ns;
}

/* The other one has a CPU of its own, or needs ours. */
static void await(__u64 *round, __u64 value)
{
	__s64 until = now_ns() + 50000;

	while (chute_load_acquire(round) != value) {
		chute_pause();
		if (now_ns() > until)
			sched_yield();
	}
}

/* Both do it, so that a drain comes anywhere between long before the producer's first
 * look and well after it has gone to sleep: mostly close by. */
static void linger(__u64 *random)
{
	const __u64 r = next_random(random);
	const __s64 until = now_ns() + (__s64)(r >> 32) % (r & 3 ? 1500 : 12000);

	while (now_ns() < until)
		;
}

static void *drain_at_random(void *arg)
{
	struct race *race = arg;
	__u64 random = 1, round;

	for (round = 1; round <= ROUNDS; round++) {
		await(&race->round, round);
		linger(&random);
		assert_int_equal(sleepy_drain(&race->ring, 0, 1), 1);
		chute_store_release(&race->room_since, now_ns());
	}
	return NULL;
}

static void no_wake_up_is_lost(void **state)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = CHUTE_NO_SPIN };
	static struct race race;
	pthread_t thread;
	__u64 random = 2, round;
	void *payload;

	race = (struct race){ 0 };
	sleepy_open(&race.ring, *state, &opts);
	sleepy_fill(&race.ring, 0);
	sleeps.after = look_for_lost_one;
	sleeps.arg = &race;
	assert_int_equal(pthread_create(&thread, NULL, drain_at_random, &race), 0);
	for (round = 1; round <= ROUNDS; round++) {
		chute_store_release(&race.room_since, (__s64)0);
		chute_store_release(&race.round, round);
		linger(&random);
		payload = chute_reserve_for(race.ring.chute, 56, CHUTE_FOREVER);
		assert_non_null(payload);
		/* The room that was made is gone. */
		chute_submit(race.ring.chute, payload);
		/* No drain of this round is still to come. */
		while (!chute_load_acquire(&race.room_since))
			sched_yield();
	}
	pthread_join(thread, NULL);
	print_message("# %lu sleeps in %d rounds, %lu timed out, %lu lost\n", sleeps.count, ROUNDS,
		      sleeps.timed_out, race.lost);
	assert_true(sleeps.count - sleeps.timed_out > ROUNDS / 10);
	assert_int_equal(race.lost, 0);
	sleepy_close(&race.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = { ON_EVERY_KIND(no_wake_up_is_lost) };

	return cmocka_run_group_tests_name("wait_race", tests, NULL, NULL);
}
