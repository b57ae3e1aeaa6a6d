// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_drain_wait: a consumer of a memory ring waits: what ends it, and what does not.
 */
#include "support.h"

#include "consumer/drain.h"
#include "drain_ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define MS 1000000LL

static void a_wait_of_0_only_looks(void **state)
{
	struct drain_ring *f = *state;
	__u64 sum = 0;

	assert_int_equal(chute_drain_wait(f->consumer, 0), -ETIMEDOUT);
	send_number(f, 1);
	assert_int_equal(chute_drain_wait(f->consumer, 0), 0);
	assert_int_equal(chute_drain_wait(f->consumer, 0), 0);
	assert_int_equal(chute_drain_wait(f->consumer, CHUTE_FOREVER), 0);
	assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), 1);
	assert_int_equal(chute_drain_wait(f->consumer, 0), -ETIMEDOUT);
}

static void other_negative_waits_are_EINVAL(void **state)
{
	struct drain_ring *f = *state;

	send_number(f, 1);
	assert_int_equal(chute_drain_wait(f->consumer, -2), -EINVAL);
	assert_int_equal(chute_drain_wait(f->consumer, INT64_MIN), -EINVAL);
}

static void a_wait_ends_for_what_a_drain_would_do_something_about(void **state)
{
	static const struct {
		__u32 len;
		long producer;
		int ret;
	} heads[] = {
		{ 8, 16, 0 },
		{ 0, 8, 0 },
		{ CHUTE_DISCARD | 8, 16, 0 },
		{ CHUTE_DISCARD | CHUTE_BUSY, 8, 0 },
		{ CHUTE_BUSY | 8, 16, -ETIMEDOUT },
		{ 8, 0, -ETIMEDOUT },
		{ 8, -8, -ETIMEDOUT },
		{ 9, 16, 0 },		   /* an error */
		{ 8, 17, 0 },		   /* an error */
		{ RING, RING + 8, 0 },	   /* an error */
		{ CHUTE_BUSY | 9, 16, 0 }, /* an error */
	};
	struct drain_ring *f = *state;
	const struct chute_ring *ring = &f->consumer->ring;
	size_t i;

	ring->consumer->consumer_pos = 3 * RING;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		*(__u32 *)ring->data = heads[i].len;
		ring->producer->producer_pos = 3 * RING + (unsigned long)heads[i].producer;
		assert_int_equal(chute_drain_wait(f->consumer, MS), heads[i].ret);
	}
}

static void a_wait_lasts_until_its_time_is_up(void **state)
{
	struct drain_ring *f = *state;
	static const __s64 waits[] = { 1, 50000, 3 * MS, 40 * MS };
	__s64 start;
	size_t i;

	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		start = now_ns();
		assert_int_equal(chute_drain_wait(f->consumer, waits[i]), -ETIMEDOUT);
		assert_in_range(now_ns() - start, waits[i], 60000 * MS);
	}
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

static void signals_do_not_shorten_a_wait(void **state)
{
	const struct itimerval every_2_ms = { { 0, 2000 }, { 0, 2000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = count_signal }; /* no SA_RESTART */
	struct drain_ring *f = *state;
	__s64 start = now_ns();

	signals = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every_2_ms, NULL);
	assert_int_equal(chute_drain_wait(f->consumer, 100 * MS), -ETIMEDOUT);
	setitimer(ITIMER_REAL, &never, NULL);
	assert_in_range(now_ns() - start, 100 * MS, 60000 * MS);
	assert_in_range(signals, 5, 1000);
}

struct waiter {
	struct drain_ring *f;
	pid_t tid;
	int ret;
	__s64 end;
};

static void *wait_for_data(void *arg)
{
	struct waiter *w = arg;

	chute_store_release(&w->tid, (pid_t)syscall(SYS_gettid));
	w->ret = chute_drain_wait(w->f->consumer, CHUTE_FOREVER);
	w->end = now_ns();
	return NULL;
}

static long sleeps_of(pid_t tid)
{
	char path[64], line[256];
	long sleeps = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &sleeps) == 1)
			break;
	if (file)
		fclose(file);
	return sleeps;
}

/* How long a wait goes on after a record has come, at the start of one of its longest
 * sleeps. */
static __s64 lateness(struct drain_ring *f, bool kick)
{
	struct waiter w = { .f = f };
	__u64 sum = 0;
	pthread_t thread;
	__s64 start;
	long sleeps;

	assert_int_equal(pthread_create(&thread, NULL, wait_for_data, &w), 0);
	while (!chute_load_acquire(&w.tid))
		sched_yield();
	for (sleeps = sleeps_of(w.tid); sleeps_of(w.tid) < sleeps + 8;)
		sched_yield();
	send_number(f, 1);
	start = now_ns();
	if (kick)
		assert_int_equal(chute_kick(f->producer), 0);
	pthread_join(thread, NULL);
	assert_int_equal(w.ret, 0);
	assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), 1);
	return w.end - start;
}

static int by_value(const void *a, const void *b)
{
	const __s64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

#define ROUNDS 9

static void a_kick_ends_a_wait_at_once(void **state)
{
	__s64 late[ROUNDS];
	int i;

	for (i = 0; i < ROUNDS; i++)
		late[i] = lateness(*state, true);
	qsort(late, ROUNDS, sizeof(late[0]), by_value);
	/* The sleep would have ended by itself after 10 ms. */
	assert_in_range(late[ROUNDS / 2], 0, 5 * MS);
}

static void a_record_without_a_kick_is_noticed_within_10_ms(void **state)
{
	__s64 late[ROUNDS];
	int i;

	for (i = 0; i < ROUNDS; i++)
		late[i] = lateness(*state, false);
	qsort(late, ROUNDS, sizeof(late[0]), by_value);
	/* And what it takes to run on a busy machine: so the best of them. */
	assert_in_range(late[0], 0, 14 * MS);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, drain_ring_open, drain_ring_close)
	const struct CMUnitTest tests[] = {
		CASE(a_wait_of_0_only_looks),
		CASE(other_negative_waits_are_EINVAL),
		CASE(a_wait_ends_for_what_a_drain_would_do_something_about),
		CASE(a_wait_lasts_until_its_time_is_up),
		CASE(signals_do_not_shorten_a_wait),
		CASE(a_kick_ends_a_wait_at_once),
		CASE(a_record_without_a_kick_is_noticed_within_10_ms),
	};

	return cmocka_run_group_tests_name("drain_wait", tests, NULL, NULL);
}
