// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_wakeups: a drain wakes only who sleeps, or has been killed in its sleep, once.
 * Wake-ups are counted, without waiting for what might not come.
 */
#include "mring.h"

#include "consumer/drain.h"
#include "producer/producer.h"

#include <chute/drain.h>

#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RING	 4096
#define NEVER_NS 60000000000LL /* the bound of a sleep */

static void send_some(struct chute *c)
{
	int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(chute_send(c, "message", 8, 0), 0);
}

static int take_all(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	return 0;
}

static void a_drain_of_a_memory_ring_wakes_only_who_sleeps(void **state)
{
	int fd = chute_memory("handshake", RING), i;
	struct chute *c = open_sleepy(fd, NULL);
	struct chute_consumer *consumer = chute_consumer_open(fd);
	__u32 *sleepers = &consumer->ring.producer->sleepers;
	const __u32 *wakes = &consumer->ring.consumer->space_seq;

	(void)state;
	for (i = 0; i < 100; i++) {
		send_some(c);
		assert_int_equal(chute_drain(consumer, take_all, NULL, 0), 10);
		assert_int_equal(*wakes, i);
		send_some(c);
		*sleepers = 1;
		assert_int_equal(chute_drain(consumer, take_all, NULL, CHUTE_NO_WAKEUP), 10);
		assert_int_equal(*wakes, i);
		/* Nothing to consume, nothing to tell. */
		assert_int_equal(chute_drain(consumer, take_all, NULL, 0), 0);
		assert_int_equal(*wakes, i);
		send_some(c);
		assert_int_equal(chute_drain(consumer, take_all, NULL, 0), 10);
		assert_int_equal(*wakes, i + 1);
		assert_int_equal(*sleepers, 0);
	}
	chute_close(c);
	chute_consumer_close(consumer);
	close(fd);
}

struct watch {
	struct mring ring;
	int drain_fd, fence_fd;
	int epoll_fd, fence_epoll_fd; /* edge-triggered */
	cpu_set_t cpus;
};

static bool edge(int epoll_fd, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, timeout_ms) == 1;
}

static int watch_edges(int map_fd)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	assert_int_equal(epoll_ctl(fd, EPOLL_CTL_ADD, map_fd, &event), 0);
	while (edge(fd, 0))
		;
	return fd;
}

/* Drain, and see whether that woke anyone. A wake-up is an interrupt that the drain
 * sends to its own CPU: once a later one on the fence's ring has come, so has this. */
static bool drain_wakes(struct watch *w, long messages)
{
	assert_int_equal(mring_run(w->drain_fd), messages);
	mring_run(w->fence_fd);
	assert_true(edge(w->fence_epoll_fd, 60000));
	return edge(w->epoll_fd, 0);
}

static void watch_open(struct watch *w)
{
	cpu_set_t here;

	mring_open(&w->ring, "messages", RING);
	w->drain_fd = mring_program(&w->ring, "drain_ends");
	w->fence_fd = mring_program(&w->ring, "fence");
	w->epoll_fd = watch_edges(w->ring.map_fd);
	w->fence_epoll_fd = watch_edges(mring_map(&w->ring, "fence_ring"));
	sched_getaffinity(0, sizeof(w->cpus), &w->cpus);
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
}

static void watch_close(struct watch *w)
{
	sched_setaffinity(0, sizeof(w->cpus), &w->cpus);
	close(w->epoll_fd);
	close(w->fence_epoll_fd);
	mring_close(&w->ring);
}

static void a_drain_of_a_map_wakes_only_who_sleeps(void **state)
{
	struct watch w;
	struct chute *c;
	__u32 *sleepers;
	int i;

	(void)state;
	watch_open(&w);
	c = open_sleepy(-1, &w.ring);
	sleepers = chute_producer_of(c)->wait.sleepers;
	for (i = 0; i < 200; i++) {
		send_some(c);
		assert_false(drain_wakes(&w, 10));
		assert_false(drain_wakes(&w, 0));
		send_some(c);
		*sleepers = 1;
		assert_true(drain_wakes(&w, 10));
		assert_int_equal(*sleepers, 0);
		assert_false(drain_wakes(&w, 0));
		/* A map's drain does not know what was consumed, and tells anyway. */
		*sleepers = 1;
		assert_true(drain_wakes(&w, 0));
		assert_int_equal(*sleepers, 0);
	}
	chute_close(c);
	watch_close(&w);
}

static pid_t sleep_in_child(int fd, const __u32 *sleepers)
{
	const struct timespec moment = { .tv_nsec = 100000 };
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (!pid) {
		struct chute *c = open_sleepy(fd, NULL);

		chute_producer_of(c)->wait.sleep_min_ns = NEVER_NS;
		chute_submit(c, chute_reserve(c, RING - 8));
		chute_reserve_for(c, RING - 8, CHUTE_FOREVER);
		_exit(1);
	}
	while (!chute_load_acquire(sleepers))
		nanosleep(&moment, NULL);
	return pid;
}

static void who_is_killed_in_its_sleep_costs_one_needless_wake_up(void **state)
{
	int fd = chute_memory("handshake", RING), i;
	struct chute_consumer *consumer = chute_consumer_open(fd);
	const __u32 *sleepers = &consumer->ring.producer->sleepers;
	const __u32 *wakes = &consumer->ring.consumer->space_seq;
	struct chute *c;
	pid_t pid;

	(void)state;
	for (i = 1; i <= 20; i++) {
		pid = sleep_in_child(fd, sleepers);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(chute_drain(consumer, take_all, NULL, 0), 1);
		assert_int_equal(*wakes, i);
		c = open_sleepy(fd, NULL);
		send_some(c);
		assert_int_equal(chute_drain(consumer, take_all, NULL, 0), 10);
		assert_int_equal(*wakes, i);
		chute_close(c);
	}
	chute_consumer_close(consumer);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_of_a_memory_ring_wakes_only_who_sleeps),
		cmocka_unit_test(a_drain_of_a_map_wakes_only_who_sleeps),
		cmocka_unit_test(who_is_killed_in_its_sleep_costs_one_needless_wake_up),
	};

	return cmocka_run_group_tests_name("wakeups", tests, NULL, NULL);
}
