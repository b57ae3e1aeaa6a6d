// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_wait: a producer that waits for space sleeps, notices space in time, keeps its
 * deadline, and goes on over signals.
 */
#include "plain.h"
#include "sleeps.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define US 1000LL
#define MS (1000 * US)

/* How long a wait for more than there is takes, and with how much CPU time. */
static __s64 wait_in_vain(struct sleepy *e, __s64 timeout_ns, __s64 *cpu_ns)
{
	const __s64 start = now_ns();
	__s64 took;

	*cpu_ns = -thread_cpu_ns();
	errno = 0;
	assert_null(chute_reserve_for(e->chute, 256, timeout_ns));
	took = now_ns() - start;
	*cpu_ns += thread_cpu_ns();
	assert_int_equal(errno, ENOSPC);
	assert_true(took >= timeout_ns);
	return took;
}

/* Whoever spins takes all of a CPU; a sleeper hardly any, also where the CPU is emulated. */
static void assert_sleeps_for(struct sleepy *e, __s64 timeout_ns)
{
	__s64 took, cpu;
	int i;

	for (i = 0; i < 3; i++) {
		took = wait_in_vain(e, timeout_ns, &cpu);
		if (cpu < took / 4)
			return;
	}
	fail_msg("%lld us of CPU time in %lld us", (long long)(cpu / US), (long long)(took / US));
}

static void a_nearly_full_ring_takes_no_cpu(void **state)
{
	struct sleepy e;

	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 128);
	assert_sleeps_for(&e, 500 * MS);
	sleepy_close(&e);
}

/* Another thread that drains one record, at a given time. */
struct drainer {
	struct sleepy *e;
	__u64 flags;
	__u32 records;
	__s64 at_ns, drained_at_ns;
	pthread_t thread;
};

static void *drain_at(void *arg)
{
	struct drainer *d = arg;
	struct timespec ts = { d->at_ns / 1000000000, d->at_ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	sleepy_drain(d->e, d->flags, d->records);
	d->drained_at_ns = now_ns();
	return NULL;
}

static void drain_later(struct drainer *d, struct sleepy *e, __u64 flags, __u32 records,
			__s64 in_ns)
{
	*d = (struct drainer){ e, flags, records, now_ns() + in_ns, 0, 0 };
	assert_int_equal(pthread_create(&d->thread, NULL, drain_at, d), 0);
}

/* Space that a drain makes is noticed. */
static void notice(struct sleepy *e, __u64 flags, __s64 in_ns)
{
	struct drainer d;
	void *payload;

	drain_later(&d, e, flags, 2, in_ns);
	errno = UNTOUCHED;
	payload = chute_reserve_for(e->chute, 120, 20000 * MS);
	assert_non_null(payload);
	assert_int_equal(errno, UNTOUCHED);
	pthread_join(d.thread, NULL);
	chute_submit(e->chute, payload);
	sleepy_drain(e, 0, 0);
	sleepy_fill(e, 64);
}

/* No sleep is longer: whoever has a CPU then looks. */
static void space_that_nobody_tells_of_is_looked_for_within_20_ms(void **state)
{
	struct sleepy e;
	int i;

	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 64);
	/* After each of the sleeps that grow, and between two of the longest. */
	for (i = 0; i < 16; i++) {
		/* It may have told of what was before. */
		if (i % 2)
			notice(&e, 0, 2 * MS);
		notice(&e, CHUTE_NO_WAKEUP, (i * 37 % 16) * 6 * MS);
	}
	assert_in_range(sleeps.longest_ns, 1, 20 * MS);
	sleepy_close(&e);
}

/* Where a sandbox does not know the call that sleeps (of Linux 5.11). */
static void a_sleep_that_is_refused_takes_no_cpu(void **state)
{
	struct chute_wait *wait;
	struct sleepy e;
	int i;

	(void)state;
	sleepy_open(&e, &map_ring, NULL);
	sleepy_fill(&e, 64);
	for (i = 0; i < 2; i++) {
		sleeps.refuse = i % 2 ? EPERM : ENOSYS;
		sleeps.count = 0;
		assert_sleeps_for(&e, 200 * MS);
		assert_in_range(sleeps.count, 1, 300);
	}
	/* And is woken all the same: without that the time would be up before the sleep. */
	wait = &chute_producer_of(e.chute)->wait;
	wait->sleep_min_ns = wait->sleep_max_ns = 60000 * MS;
	for (i = 0; i < 5; i++)
		notice(&e, 0, 9 * MS);
	sleepy_close(&e);
}

static void a_wake_up_ends_a_sleep_at_once(void **state)
{
	unsigned long timed_out;
	int i, at_once = 0;
	struct sleepy e;

	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 64);
	for (i = 0; i < 40 && at_once < 5; i++) {
		timed_out = sleeps.timed_out;
		/* In the first half of a sleep of 8 ms: after 1, 2 and 4. */
		notice(&e, 0, 9 * MS);
		at_once += sleeps.timed_out <= timed_out + 3;
	}
	assert_true(at_once >= 5);
	sleepy_close(&e);
}

static unsigned long signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

static void signal_every(__s64 us)
{
	const struct itimerval timer = { { 0, us }, { 0, us } };
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void a_signal_nsleepy_shortens_nor_lengthens_a_wait(void **state)
{
	struct sleepy e;
	__s64 cpu;
	int i;

	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 64);
	signals = 0;
	signal_every(3000);
	/* If each one began it anew, it would not end. */
	for (i = 0; i < 20 && signals < 10; i++)
		wait_in_vain(&e, 100 * MS, &cpu);
	assert_true(signals >= 10);
	/* Space ends it as ever. */
	for (i = 0; i < 5; i++)
		notice(&e, i % 2 ? CHUTE_NO_WAKEUP : 0, 20 * MS);
	signal_every(0);
	sleepy_close(&e);
}

/* Not rounded to milliseconds, as epoll_wait(2) has them. */
static void no_sleep_is_longer_than_the_time_that_is_left(void **state)
{
	static const __s64 timeouts[] = { 1, 10 * US, 300 * US, 1300 * US, 3700 * US };
	struct sleepy e;
	__s64 cpu;
	size_t t;

	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 64);
	for (t = 0; t < sizeof(timeouts) / sizeof(timeouts[0]); t++) {
		sleeps.longest_ns = 0;
		wait_in_vain(&e, timeouts[t], &cpu);
		assert_true(sleeps.longest_ns <= timeouts[t]);
	}
	/* It did sleep. */
	assert_true(sleeps.longest_ns > 0);
	sleepy_close(&e);
}

static void without_a_deadline_it_waits_until_there_is_space(void **state)
{
	static const __s64 timeouts[] = { CHUTE_FOREVER, INT64_MAX };
	struct drainer d;
	struct sleepy e;
	void *payload;
	int i;

	sleepy_open(&e, *state, NULL);
	for (i = 0; i < 2; i++) {
		sleepy_fill(&e, 0);
		/* What is staged is published first, or nobody could make room. */
		drain_later(&d, &e, 0, 0, 30 * MS);
		payload = chute_reserve_for(e.chute, 4096 - 8, timeouts[i]);
		assert_non_null(payload);
		pthread_join(d.thread, NULL);
		chute_stage(e.chute, payload);
	}
	drain_later(&d, &e, 0, 0, 5 * MS);
	assert_non_null(chute_reserve_for(e.chute, 0, 2000 * MS));
	pthread_join(d.thread, NULL);
	sleepy_close(&e);
}

/* In a child that any system call but write(2) and _exit(2) kills. */
static int run_without_system_calls(struct sleepy *e, __s64 timeout_ns)
{
	pid_t pid = fork();
	int status, i;

	assert_true(pid >= 0);
	if (!pid) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			syscall(SYS_exit, 77);
		for (i = 0; i < 10; i++) {
			if (chute_reserve_for(e->chute, 256, timeout_ns))
				syscall(SYS_exit, 1);
			if (chute_reserve(e->chute, 256))
				syscall(SYS_exit, 2);
		}
		/* All that there is room for, in every way to finish one. */
		chute_submit(e->chute, chute_reserve(e->chute, 8));
		chute_discard(e->chute, chute_reserve_for(e->chute, 8, 0));
		chute_stage(e->chute, chute_reserve(e->chute, 8));
		chute_publish(e->chute);
		syscall(SYS_exit, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_call_that_does_not_block_makes_no_system_call(void **state)
{
	struct sleepy e;
	int status;

	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 64);
	status = run_without_system_calls(&e, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip_because("no strict seccomp(2) here");
	assert_int_equal(status, 0);
	sleepy_close(&e);
	/* The same trap closes on a call that sleeps. */
	sleepy_open(&e, *state, NULL);
	sleepy_fill(&e, 64);
	status = run_without_system_calls(&e, 5 * MS);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	sleepy_close(&e);
}

static void drain_two(void *arg)
{
	assert_int_equal(sleepy_drain(arg, 0, 2), 2);
	sleeps.before = NULL;
}

/* Between the last look at the consumer and the sleep: the worst moment there is. */
static void a_wake_up_before_the_sleep_is_not_lost(void **state)
{
	struct sleepy e;
	void *payload;
	int i;

	sleepy_open(&e, *state, NULL);
	for (i = 0; i < 100; i++) {
		sleepy_fill(&e, 64);
		/* The first sleep of all ends at once on a map. */
		assert_null(chute_reserve_for(e.chute, 256, 100 * US));
		sleeps.count = sleeps.timed_out = 0;
		sleeps.before = drain_two;
		sleeps.arg = &e;
		payload = chute_reserve_for(e.chute, 120, CHUTE_FOREVER);
		assert_non_null(payload);
		assert_int_equal(sleeps.count, 1);
		assert_int_equal(sleeps.timed_out, 0);
		chute_submit(e.chute, payload);
		sleepy_drain(&e, 0, 0);
	}
	sleepy_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_EVERY_KIND(a_nearly_full_ring_takes_no_cpu),
		ON_EVERY_KIND(space_that_nobody_tells_of_is_looked_for_within_20_ms),
		cmocka_unit_test(a_sleep_that_is_refused_takes_no_cpu),
		ON_EVERY_KIND(a_wake_up_ends_a_sleep_at_once),
		ON_EVERY_KIND(a_signal_nsleepy_shortens_nor_lengthens_a_wait),
		ON_EVERY_KIND(no_sleep_is_longer_than_the_time_that_is_left),
		ON_EVERY_KIND(without_a_deadline_it_waits_until_there_is_space),
		ON_EVERY_KIND(a_call_that_does_not_block_makes_no_system_call),
		ON_EVERY_KIND(a_wake_up_before_the_sleep_is_not_lost),
	};

	return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
