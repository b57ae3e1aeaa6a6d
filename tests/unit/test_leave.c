// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_leave: calls that don't return: a callback whose thread ends or is cancelled in
 * it, and waits that are cancelled. C++ exceptions are in leave_by_throw.cc.
 */
#include "support.h"

#include "drain_ring.h"
#include "producer/producer.h"

#include <chute/inspect.h>
#include <chute/lanes.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <unistd.h>

enum leave { EXIT, CANCEL, STAY };

static struct drain_ring *ring_of(void **state)
{
	return *state;
}

static enum leave leave;
static unsigned int delivered;

static int leave_once(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	if (leave == EXIT)
		pthread_exit(NULL);
	while (leave == CANCEL)
		pause();
	delivered++;
	return 0;
}

static int leave_message(const void *msg, __u32 size, void *ctx)
{
	return leave_once(msg, size, ctx);
}

static int leave_lane(__u32 lane, const void *msg, __u32 size, void *ctx)
{
	(void)lane;
	return leave_once(msg, size, ctx);
}

/* A drain of each kind. */
static void *drain(void *arg)
{
	struct drain_ring *ring = arg;

	chute_drain(ring->consumer, leave_once, NULL, 0);
	return NULL;
}

static void *drain_messages(void *arg)
{
	struct drain_ring *ring = arg;

	chute_drain_messages(ring->consumer, leave_message, NULL, 0, NULL);
	return NULL;
}

static void *drain_lanes(void *arg)
{
	struct drain_ring *ring = arg;

	chute_drain_lanes(&ring->consumer, 1, leave_lane, NULL, 0, NULL);
	return NULL;
}

static void *(*const drains[])(void *) = { drain, drain_messages, drain_lanes };

static void leave_each_drain(struct drain_ring *ring, enum leave how)
{
	struct chute_consumer *other;
	pthread_t thread;
	size_t i;

	for (i = 0; i < sizeof(drains) / sizeof(drains[0]); i++) {
		send_number(ring, 1);
		send_number(ring, 2);
		leave = how;
		delivered = 0;
		assert_int_equal(pthread_create(&thread, NULL, drains[i], ring), 0);
		if (how == CANCEL)
			assert_int_equal(pthread_cancel(thread), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		leave = STAY;
		/* Nobody is kept out, and nothing was consumed. */
		other = chute_consumer_open(ring->fd);
		assert_non_null(other);
		assert_int_equal(chute_drain(other, leave_once, NULL, 0), 2);
		chute_consumer_close(other);
		assert_int_equal(chute_drain(ring->consumer, leave_once, NULL, 0), 0);
		assert_int_equal(delivered, 2);
	}
}

static void a_thread_may_end_in_a_callback(void **state)
{
	leave_each_drain(ring_of(state), EXIT);
}

static void a_thread_may_be_cancelled_in_a_callback(void **state)
{
	leave_each_drain(ring_of(state), CANCEL);
}

static jmp_buf before_the_drain;

static int jump(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	longjmp(before_the_drain, 1);
}

static void a_callback_that_jumps_keeps_the_ring_until_its_handle_is_closed(void **state)
{
	struct drain_ring *ring = ring_of(state);
	struct chute_consumer *jumper = chute_consumer_open(ring->fd);

	assert_non_null(jumper);
	send_number(ring, 1);
	leave = STAY;
	if (!setjmp(before_the_drain))
		chute_drain(jumper, jump, NULL, 0);
	assert_int_equal(chute_drain(ring->consumer, leave_once, NULL, 0), -EBUSY);
	chute_consumer_close(jumper);
	assert_int_equal(chute_drain(ring->consumer, leave_once, NULL, 0), 1);
}

static void *send_for_ever(void *arg)
{
	chute_send(arg, "full", 4, CHUTE_FOREVER);
	return arg;
}

/* Cancelled when the ring says that it is blocked. */
static void cancel_a_wait_for_space(int fd, __u32 flags)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	struct chute_stat stat = { .sz = sizeof(stat) };
	struct chute_view *view;
	struct chute *c = chute_open_memory(fd, &opts);
	pthread_t thread;
	void *result;
	int i, files;

	assert_non_null(c);
	view = chute_view_open_memory(fd);
	assert_non_null(view);
	while (!chute_send(c, "full", 4, 0))
		;
	files = open_files();
	for (i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, send_for_ever, c), 0);
		do
			assert_int_equal(chute_view_stat(view, &stat), 0);
		while (!stat.blocked);
		assert_int_equal(pthread_cancel(thread), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_ptr_equal(result, PTHREAD_CANCELED);
		assert_int_equal(chute_view_stat(view, &stat), 0);
		assert_int_equal(stat.blocked, 0);
		assert_int_equal(open_files(), files);
	}
	/* The handle is as it was. */
	assert_int_equal(chute_send(c, "full", 4, 0), -ENOSPC);
	chute_view_close(view);
	chute_close(c);
}

static void a_wait_for_space_may_be_cancelled(void **state)
{
	static const __u32 flags[] = { 0, CHUTE_SHARED };
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		fd = chute_memory("leave", RING);
		assert_true(fd >= 0);
		cancel_a_wait_for_space(fd, flags[i]);
		close(fd);
	}
}

static void *wait_for_data(void *arg)
{
	chute_drain_wait(arg, CHUTE_FOREVER);
	return arg;
}

static void a_wait_for_data_may_be_cancelled(void **state)
{
	struct drain_ring *ring = ring_of(state);
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, wait_for_data, ring->consumer), 0);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	send_number(ring, 1);
	assert_int_equal(chute_drain_wait(ring->consumer, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_thread_may_end_in_a_callback, drain_ring_open,
						drain_ring_close),
		cmocka_unit_test_setup_teardown(a_thread_may_be_cancelled_in_a_callback,
						drain_ring_open, drain_ring_close),
		cmocka_unit_test_setup_teardown(
			a_callback_that_jumps_keeps_the_ring_until_its_handle_is_closed,
			drain_ring_open, drain_ring_close),
		cmocka_unit_test(a_wait_for_space_may_be_cancelled),
		cmocka_unit_test_setup_teardown(a_wait_for_data_may_be_cancelled, drain_ring_open,
						drain_ring_close),
	};

	return cmocka_run_group_tests_name("leave", tests, NULL, NULL);
}
