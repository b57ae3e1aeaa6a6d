// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_share: who may produce beside whom: many handles, processes, children of fork(),
 * namespaces, sole producers. Threads are in test_share_threads, deaths in
 * test_share_death, batches and packed records in test_share_batches, hostile neighbours in
 * test_share_hostile.
 */
#include "container.h"
#include "shared_ring.h"

#include "owner.h"
#include "producer/heal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct chute_opts shared = { .sz = sizeof(shared), .flags = CHUTE_SHARED };

static void cannot_open(struct shared_ring *s, const struct chute_opts *opts, int error)
{
	errno = 0;
	assert_null(shared_open(s, opts));
	assert_int_equal(errno, error);
}

static void heal(struct shared_ring *s)
{
	chute_heal(&s->ring, CHUTE_HEAL_ALL);
}

/* ---- handles ---- */

static void handles_take_turns_and_keep_their_order(void **state)
{
	struct shared_ring *s = *state;
	struct chute *a = shared_producer(s), *b = shared_producer(s);
	__u64 *first, *second;

	first = chute_reserve(a, 8);
	second = chute_reserve(b, 8);
	*first = 1;
	*second = 2;
	chute_submit(b, second);
	/* The first one holds it up. */
	shared_expect(s, 0, NULL);
	chute_submit(a, first);
	shared_send(a, 3);
	shared_expect(s, NUMBERS(1, 2, 3));
	chute_close(a);
	shared_send(b, 4);
	shared_expect_one(s, 4);
	chute_close(b);
}

static void what_is_full_for_one_is_full_for_all(void **state)
{
	struct shared_ring *s = *state;
	struct chute *a = shared_producer(s), *b = shared_producer(s);
	__u32 half = SHARED_BYTES / 2 - CHUTE_HEADER_SIZE;
	char *payload;

	payload = chute_reserve(a, half);
	memset(payload, 7, half);
	chute_submit(a, payload);
	payload = chute_reserve(b, half);
	memset(payload, 7, half);
	chute_submit(b, payload);
	errno = 0;
	assert_null(chute_reserve(a, 0));
	assert_int_equal(errno, ENOSPC);
	errno = 0;
	assert_null(chute_reserve_for(b, 0, 1000000));
	assert_int_equal(errno, ENOSPC);
	errno = 0;
	assert_null(chute_reserve(b, SHARED_BYTES));
	assert_int_equal(errno, E2BIG);
	assert_int_equal(chute_used(a), SHARED_BYTES);
	shared_expect(s, NUMBERS(0x0707070707070707, 0x0707070707070707));
	shared_send(a, 1);
	shared_expect_one(s, 1);
	chute_close(a);
	chute_close(b);
}

static void discarded_records_are_skipped(void **state)
{
	struct shared_ring *s = *state;
	struct chute *a = shared_producer(s), *b = shared_producer(s);

	chute_discard(a, chute_reserve(a, 100));
	shared_send(b, 1);
	chute_discard(b, chute_reserve(b, 0));
	shared_send(a, 2);
	shared_expect(s, NUMBERS(1, 2));
	chute_close(a);
	chute_close(b);
}

static void there_are_192_handles_at_a_time(void **state)
{
	struct shared_ring *s = *state;
	struct chute *handles[CHUTE_SLOTS];
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++)
		handles[i] = shared_producer(s);
	cannot_open(s, &shared, EUSERS);
	chute_close(handles[100]);
	handles[100] = shared_producer(s);
	cannot_open(s, &shared, EUSERS);
	for (i = 0; i < CHUTE_SLOTS; i++)
		shared_send(handles[i], (__u64)i);
	s->count = 0;
	for (i = 0; i < CHUTE_SLOTS; i++)
		chute_close(handles[i]);
}

static int open_all(void *arg)
{
	struct shared_ring *s = arg;
	int i;

	for (i = 0; i < CHUTE_SLOTS; i++)
		chute_reserve(shared_producer(s), 8);
	return 0;
}

static void the_slots_of_the_dead_are_taken_again(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c;

	assert_int_equal(in_child(open_all, s), 0);
	c = shared_producer(s);
	shared_send(c, 1);
	heal(s);
	shared_expect_one(s, 1);
	chute_close(c);
}

static void what_a_handle_leaves_open_is_discarded_when_its_slot_is_anothers(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);
	int i;

	chute_reserve(c, 8);
	chute_close(c);
	for (i = 0; i < 10; i++) {
		c = shared_producer(s);
		shared_send(c, (__u64)i);
		if (i < 9)
			chute_close(c);
	}
	heal(s);
	shared_expect(s, NUMBERS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
	chute_close(c);
}

static void what_the_living_have_open_is_left_alone(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);
	__u64 *number = chute_reserve(c, 8);

	heal(s);
	assert_int_equal(shared_head(s)->len, 8 | CHUTE_BUSY);
	*number = 5;
	chute_submit(c, number);
	shared_expect_one(s, 5);
	chute_close(c);
}

/* Such as libbpf's, of whom nobody can tell whether he lives. */
static void what_no_producer_of_chutes_has_open_is_left_alone(void **state)
{
	struct shared_ring *s = *state;
	struct chute_header *header = shared_head(s);

	header->pad = 0;
	header->len = 8 | CHUTE_BUSY;
	chute_store_release(&s->ring.producer->producer_pos, 16UL);
	heal(s);
	assert_int_equal(header->len, 8 | CHUTE_BUSY);
	assert_int_equal(s->ring.producer->recovered, 0);
}

/* ---- sole producers ---- */

static void a_sole_producer_and_many_exclude_each_other(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_open(s, NULL);

	assert_non_null(c);
	cannot_open(s, &shared, EBUSY);
	chute_close(c);
	c = shared_producer(s);
	cannot_open(s, NULL, EBUSY);
	chute_close(c);
	c = shared_open(s, NULL);
	assert_non_null(c);
	chute_close(c);
}

static int open_sole(void *arg)
{
	return !shared_open(arg, NULL);
}

static int open_shared(void *arg)
{
	return !shared_open(arg, &shared);
}

static void so_do_those_of_other_processes_until_they_die(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c;
	pid_t pid;

	pid = child_that_stays(open_sole, s);
	cannot_open(s, &shared, EBUSY);
	child_kill(pid, SIGKILL);
	pid = child_that_stays(open_shared, s);
	cannot_open(s, NULL, EBUSY);
	child_kill(pid, SIGKILL);
	c = shared_open(s, NULL);
	assert_non_null(c);
	chute_close(c);
}

static int leave_open(void *arg)
{
	struct chute *c = shared_producer(arg);

	chute_reserve(c, 8);
	shared_send(c, 1);
	chute_reserve(c, 8);
	return 0;
}

/* It could not be had later: a sole producer asks nobody. */
static void a_sole_producer_finds_nothing_that_many_have_left_open(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c;

	assert_int_equal(in_child(leave_open, s), 0);
	c = shared_open(s, NULL);
	shared_send(c, 2);
	shared_expect(s, NUMBERS(1, 2));
	chute_close(c);
}

/* ---- fork ---- */

struct forked {
	struct shared_ring *s;
	struct chute *c;
	int ready, go; /* pipes' ends */
};

static int use_and_leave_open(void *arg)
{
	struct forked *f = arg;

	shared_send(f->c, 1);
	chute_reserve(f->c, 8);
	return 0;
}

static int close_only(void *arg)
{
	chute_close(((struct forked *)arg)->c);
	return 0;
}

static void a_child_of_fork_is_a_producer_of_its_own(void **state)
{
	struct shared_ring *s = *state;
	struct forked f = { .s = s, .c = shared_producer(s) };
	__u64 *open;

	assert_int_equal(in_child(use_and_leave_open, &f), 0);
	shared_send(f.c, 2);
	heal(s);
	shared_expect(s, NUMBERS(1, 2));
	/* One that never uses the handle leaves its parent's alone. */
	open = chute_reserve(f.c, 8);
	assert_int_equal(in_child(close_only, &f), 0);
	heal(s);
	*open = 3;
	chute_submit(f.c, open);
	shared_expect_one(s, 3);
	chute_close(f.c);
}

static int send_flush_and_close(void *arg)
{
	struct forked *f = arg;
	__u64 *number;

	chute_flush(f->c);
	number = chute_reserve(f->c, 8);
	*number = 9;
	chute_submit(f->c, number);
	chute_close(f->c);
	return 0;
}

static void a_child_finishes_nothing_of_what_its_parent_packs(void **state)
{
	struct shared_ring *s = *state;
	struct forked f = { .s = s, .c = shared_producer(s) };

	*(__u64 *)chute_pack(f.c, 8) = 1;
	assert_int_equal(in_child(send_flush_and_close, &f), 0);
	shared_expect(s, 0, NULL);
	*(__u64 *)chute_pack(f.c, 8) = 2;
	chute_flush(f.c);
	shared_expect(s, NUMBERS(1, 2, 9));
	chute_close(f.c);
}

static int try_twice(void *arg)
{
	struct forked *f = arg;
	unsigned long pos;
	char byte;
	int i;

	if (write(f->ready, "x", 1) != 1 || read(f->go, &byte, 1) != 1)
		return 1;
	pos = f->s->ring.producer->producer_pos;
	for (i = 0; i < 2; i++) {
		errno = 0;
		if (chute_reserve(f->c, 8) || errno != EBUSY)
			return 2;
	}
	return f->s->ring.producer->producer_pos != pos;
}

static void a_child_that_may_not_join_is_refused_each_time(void **state)
{
	struct shared_ring *s = *state;
	struct forked f = { .s = s, .c = shared_producer(s) };
	int ready[2], go[2];
	struct chute *sole;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready) | pipe(go), 0);
	f.ready = ready[1];
	f.go = go[0];
	pid = child_start(try_twice, &f);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	chute_close(f.c);
	sole = shared_open(s, NULL);
	assert_non_null(sole);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(child_wait(pid), 0);
	shared_send(sole, 1);
	shared_expect_one(s, 1);
	chute_close(sole);
}

/* ---- namespaces ---- */

static int open_errno(void *arg)
{
	errno = 0;
	return shared_open(arg, &shared) ? 0 : errno;
}

/* Open it, when those who have had it before are known to be dead. */
static struct chute *open_after_the_dead(struct shared_ring *s, const struct chute_opts *opts)
{
	struct chute *c;

	while (!(c = shared_open(s, opts))) {
		assert_int_equal(errno, EBUSY);
		usleep(1000);
	}
	return c;
}

static void other_namespaces_are_as_ours(void **state, const struct container *there)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);

	assert_int_equal(in_container(there, open_errno, s), 0);
	chute_close(c);
	c = open_after_the_dead(s, NULL);
	assert_int_equal(in_container(there, open_errno, s), EBUSY);
	chute_close(c);
	/* It was left open there. */
	assert_int_equal(in_container(there, leave_open, s), 0);
	c = open_after_the_dead(s, NULL);
	chute_close(c);
	shared_expect_one(s, 1);
}

static void a_process_of_another_pid_namespace_shares(void **state)
{
	const struct container pids = { .namespaces = CLONE_NEWPID };

	other_namespaces_are_as_ours(state, &pids);
}

/* There a process seems to have started at another time, and so to be another one. */
static void a_process_of_another_time_namespace_shares(void **state)
{
	const struct container later = { .boottime = 1000 };

	other_namespaces_are_as_ours(state, &later);
}

/* As a process has it that can't show that it lives: see owner.h. */
#define FOREIGN(word) (((word) ^ 1ULL << 63) & ~(1ULL << 47))

static void who_cant_be_judged_is_told_apart_from_who_lives(void **state)
{
	struct shared_ring *s = *state;
	struct chute_producer_page *page = s->ring.producer;
	struct chute *c;

	page->owner = FOREIGN(chute_owner_self());
	cannot_open(s, &shared, EXDEV);
	cannot_open(s, NULL, EXDEV);
	page->owner = 0;
	page->slots[7].owner = FOREIGN(chute_owner_self());
	cannot_open(s, &shared, EXDEV);
	cannot_open(s, NULL, EXDEV);
	page->slots[8].owner = chute_owner_self();
	cannot_open(s, NULL, EBUSY);
	page->slots[7].owner = 0;
	page->slots[8].owner = 0;
	c = shared_open(s, NULL);
	assert_non_null(c);
	chute_close(c);
}

/* Nobody takes a lock of which nobody else could tell that its owner has died. */
static void who_is_foreign_to_a_producer_does_not_take_the_lock(void **state)
{
	struct shared_ring *s = *state;
	struct chute_producer_page *page = s->ring.producer;

	assert_int_equal(in_child(leave_open, s), 0);
	page->slots[191].owner = FOREIGN(chute_owner_self());
	/* It would wait for ever. */
	page->lock = chute_owner_self();
	heal(s);
	page->lock = 0;
	assert_int_equal(shared_head(s)->len, 8 | CHUTE_BUSY);
	page->slots[191].owner = 0;
	page->lock = FOREIGN(chute_owner_self());
	cannot_open(s, &shared, EXDEV);
	page->lock = 0;
	heal(s);
	shared_expect_one(s, 1);
}

#define CASE(name) ON_EVERY_KIND_WITH(name, shared_ring_open, shared_ring_close)
/* Messages are taken apart in memory. */
#define PACKED(name) cmocka_unit_test_setup_teardown(name, shared_ring_open, shared_ring_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(handles_take_turns_and_keep_their_order),
		CASE(what_is_full_for_one_is_full_for_all),
		CASE(discarded_records_are_skipped),
		CASE(there_are_192_handles_at_a_time),
		CASE(the_slots_of_the_dead_are_taken_again),
		CASE(what_a_handle_leaves_open_is_discarded_when_its_slot_is_anothers),
		CASE(what_the_living_have_open_is_left_alone),
		CASE(what_no_producer_of_chutes_has_open_is_left_alone),
		CASE(a_sole_producer_and_many_exclude_each_other),
		CASE(so_do_those_of_other_processes_until_they_die),
		CASE(a_sole_producer_finds_nothing_that_many_have_left_open),
		CASE(a_child_of_fork_is_a_producer_of_its_own),
		PACKED(a_child_finishes_nothing_of_what_its_parent_packs),
		CASE(a_child_that_may_not_join_is_refused_each_time),
		CASE(a_process_of_another_pid_namespace_shares),
		CASE(a_process_of_another_time_namespace_shares),
		CASE(who_cant_be_judged_is_told_apart_from_who_lives),
		CASE(who_is_foreign_to_a_producer_does_not_take_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
