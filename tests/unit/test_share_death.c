// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_share_death: what a producer that died is in the way of: a record that it has not
 * finished, and the lock; and who does away with it. tests/torture kills at any
 * instruction; here, each death is a known one.
 */
#include "child.h"
#include "shared_ring.h"

#include "clock.h"
#include "consumer/drain.h"
#include "owner.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/* A case that waits for ever ends here. */
#define PATIENCE 30 /* s */

/* One record that is not finished, and behind it one that is. */
static int send_one_of_two(void *arg)
{
	struct chute *c = shared_producer(arg);

	chute_reserve(c, 8);
	shared_send(c, 1);
	return 0;
}

static void die(struct shared_ring *s)
{
	alarm(PATIENCE);
	assert_int_equal(in_child(send_one_of_two, s), 0);
}

static int take_lock(void *arg)
{
	struct shared_ring *s = arg;

	chute_store_release(&s->ring.producer->lock, chute_owner_self());
	return 0;
}

/* As if the consumer had stood there for long. */
static void drain_later(struct shared_ring *s)
{
	s->consumer->stuck_pos = s->ring.consumer->consumer_pos;
	s->consumer->stuck_ns = chute_now_ns() - 10 * CHUTE_NS_PER_MS;
	shared_expect(s, 0, NULL);
}

static void a_drain_discards_the_record_of_the_dead(void **state)
{
	struct shared_ring *s = *state;

	die(s);
	drain_later(s);
	shared_expect_one(s, 1);
	assert_int_equal(s->ring.producer->recovered, 1);
}

static void a_drain_takes_the_lock_of_the_dead(void **state)
{
	struct shared_ring *s = *state;

	die(s);
	assert_int_equal(in_child(take_lock, s), 0);
	drain_later(s);
	shared_expect_one(s, 1);
	assert_int_equal(s->ring.producer->lock, 0);
	assert_int_equal(s->ring.producer->takeovers, 1);
}

/* It lives, and will not give it back for a long time. */
static void a_drain_does_not_wait_for_a_lock(void **state)
{
	struct shared_ring *s = *state;
	pid_t pid;

	die(s);
	pid = child_that_stays(take_lock, s);
	child_stop(pid);
	drain_later(s);
	s->consumer->stuck_ns -= 10 * CHUTE_NS_PER_MS;
	assert_int_equal(chute_drain_wait(s->consumer, CHUTE_NS_PER_MS), -ETIMEDOUT);
	shared_expect(s, 0, NULL);
	assert_int_equal(s->ring.producer->recovered, 0);
	assert_int_equal(s->ring.producer->takeovers, 0);
	child_kill(pid, SIGKILL);
	drain_later(s);
	shared_expect_one(s, 1);
}

static void a_producer_takes_the_lock_of_the_dead(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);

	alarm(PATIENCE);
	assert_int_equal(in_child(take_lock, s), 0);
	shared_send(c, 1);
	shared_expect_one(s, 1);
	assert_int_equal(s->ring.producer->takeovers, 1);
	chute_close(c);
}

static void a_kick_discards_the_record_of_the_dead(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);

	die(s);
	chute_kick(c);
	shared_expect_one(s, 1);
	chute_close(c);
}

static void so_does_who_waits_for_space(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);

	die(s);
	while (chute_send(c, s, 1000, 0) == 0)
		;
	/* The consumer does nothing. */
	errno = 0;
	assert_null(chute_reserve_for(c, 1000, 15 * CHUTE_NS_PER_MS));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(s->ring.producer->recovered, 1);
	chute_close(c);
}

/* What chute_drain() does about it, and what a producer does on a ring of any kind. */
#define DRAIN(name)    cmocka_unit_test_setup_teardown(name, shared_ring_open, shared_ring_close)
#define PRODUCER(name) ON_EVERY_KIND_WITH(name, shared_ring_open, shared_ring_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRAIN(a_drain_discards_the_record_of_the_dead),
		DRAIN(a_drain_takes_the_lock_of_the_dead),
		DRAIN(a_drain_does_not_wait_for_a_lock),
		PRODUCER(a_producer_takes_the_lock_of_the_dead),
		PRODUCER(a_kick_discards_the_record_of_the_dead),
		PRODUCER(so_does_who_waits_for_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
