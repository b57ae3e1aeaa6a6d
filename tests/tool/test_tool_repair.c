// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_tool_repair: chute repair mends what dead producers have left, so that the
 * consumer gets everything that was finished before; and keeps off whoever is alive.
 */
#include "child.h"
#include "tool_json.h"
#include "tool_place.h"

#include <chute/chute.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_says(const char *ring, int status)
{
	struct tool_output o;

	tool_run(&o, "", 0, ARGS("check", ring));
	tool_said(&o, status, "");
	tool_free(&o);
}

/* Run repair; its last line of output, or "". */
static const char *repair(int status, const char *err, const char *const *args)
{
	static char line[300];
	struct tool_output o;
	char *last;

	place_run(&o, args);
	tool_said(&o, status, err);
	if (o.out_size)
		o.out[o.out_size - 1] = '\0';
	last = strrchr(o.out, '\n');
	snprintf(line, sizeof(line), "%s", last ? last + 1 : o.out);
	tool_free(&o);
	return line;
}

static void expect_mended(struct place *p, const char *what)
{
	char want[200];

	place_unmap(p);
	snprintf(want, sizeof(want), "%s: %s", p->ring, what);
	assert_string_equal(repair(0, "", ARGS("repair", p->ring, "--yes")), want);
	check_says(p->ring, 0);
	place_map(p);
}

static void a_ring_without_fault_is_left_alone(void **state)
{
	struct place *p = place_open(state, 4096);

	place_put(p, 8);
	place_put(p, 8 | CHUTE_DISCARD);
	expect_mended(p, "nothing to repair");
	assert_int_equal(place_drain(p), 1);
	place_close(p);
}

static void unfinished_records_are_discarded(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long first, last;

	first = place_put(p, 8);
	place_put(p, 8 | CHUTE_BUSY);
	place_put(p, 16 | CHUTE_BUSY);
	last = place_put(p, 24);
	check_says(p->ring, 1);
	expect_mended(p, "2 records discarded; 1 finished before the first of them stay");
	assert_int_equal(place_drain(p), 2);
	assert_int_equal(p->written[0].first, first);
	assert_int_equal(p->written[1].first, last);
	place_close(p);
}

/* A poisoned header: nothing behind it can be told apart. */
static void what_comes_before_a_poisoned_header_is_delivered(void **state)
{
	struct place *p = place_open(state, 65536);
	unsigned long pos[3];
	int i;

	for (i = 0; i < 3; i++)
		pos[i] = place_put(p, 8);
	place_set_header(p, place_put(p, 8), 0x3ffffff0);
	place_put(p, 8);
	check_says(p->ring, 1);
	expect_mended(p, "1 record discarded; 3 finished before the first of them stay");
	assert_int_equal(place_drain(p), 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(p->written[i].first, pos[i]);
	/* And it goes on. */
	pos[0] = place_put(p, 8);
	assert_int_equal(place_drain(p), 1);
	assert_int_equal(p->written[0].first, pos[0]);
	place_close(p);
}

static void positions_that_cannot_be_true_are_put_right(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long pos = p->bytes.consumer->consumer_pos;
	char want[200];

	place_put(p, 8);
	place_set_producer_pos(p, pos + 17);
	expect_mended(p, "0 records discarded, and producer_pos put to 4080; 0 finished before "
			 "the first of them stay");
	assert_int_equal(p->bytes.producer->producer_pos, pos + 16);
	assert_int_equal(place_drain(p), 1);
	place_set_producer_pos(p, pos + 100000);
	snprintf(want, sizeof(want),
		 "0 records discarded, and producer_pos put to %lu; 0 finished before the first of "
		 "them stay",
		 pos + 16);
	expect_mended(p, want);
	place_put(p, 8);
	assert_int_equal(place_drain(p), 1);
	place_close(p);
}

static void a_consumer_position_that_cannot_be_true_is_beyond_repair(void **state)
{
	struct place *p = place_open(state, 4096);
	char want[200];

	p->bytes.consumer->consumer_pos += 4;
	snprintf(want, sizeof(want),
		 "chute repair: %s: can't be mended: consumer_pos is not a multiple of 8: make the "
		 "ring anew",
		 p->ring);
	repair(1, want, ARGS("repair", p->ring, "--yes"));
	place_close(p);
}

/* ---- who is alive, and who has died ---- */

static int chute_reserves(void *place)
{
	struct chute *c = place_produce(place, CHUTE_SHARED);

	return chute_send(c, "12345678", 8, 0) || !chute_reserve(c, 8);
}

static void a_live_producer_of_chutes_is_named_and_left_alone(void **state)
{
	struct place *p = place_open(state, 4096);
	pid_t pid = child_that_stays(chute_reserves, p);
	char want[200];

	snprintf(want, sizeof(want),
		 "chute repair: %s: busy: process %d feeds it: stop it first, or let it finish",
		 p->ring, pid);
	repair(1, want, ARGS("repair", p->ring, "--yes"));
	repair(1, want, ARGS("repair", p->ring, "--yes", "--force"));
	assert_int_equal(place_drain(p), 1);
	assert_int_equal(place_drain(p), 0);
	assert_int_equal(child_kill(pid, SIGKILL), -SIGKILL);
	expect_mended(p, "1 record discarded; 0 finished before the first of them stay");
	place_close(p);
}

/* A word of unknown namespaces, that shows nothing: see owner.h. */
#define UNKNOWN_PROCESS 77ULL

static void only_force_takes_it_from_who_cant_be_judged(void **state)
{
	struct place *p = place_open(state, 4096);
	struct tool_output o;
	char want[300];

	p->bytes.producer->owner = UNKNOWN_PROCESS;
	p->bytes.producer->slots[3].owner = UNKNOWN_PROCESS + 1;
	p->bytes.producer->lock = UNKNOWN_PROCESS + 1;
	if (!p->in_map)
		p->bytes.consumer->drainer = UNKNOWN_PROCESS + 2;
	place_unmap(p);
	place_run(&o, ARGS("repair", p->ring, "--yes", "--force"));
	tool_said(&o, 0, "");
	assert_non_null(
		strstr(o.out, "taken from process 77 of other namespaces, which feeds it\n"));
	assert_non_null(
		strstr(o.out, "taken from process 78 of other namespaces, which feeds it\n"));
	assert_non_null(strstr(o.out, "process 78 of other namespaces, which has its lock\n"));
	assert_int_equal(!strstr(o.out, "process 79 of other namespaces, which drains it\n"),
			 p->in_map);
	tool_free(&o);
	place_map(p);
	assert_true(!p->bytes.producer->owner && !p->bytes.producer->slots[3].owner);
	assert_true(!p->bytes.producer->lock && (p->in_map || !p->bytes.consumer->drainer));
	place_put(p, 8 | CHUTE_BUSY);
	p->bytes.producer->owner = UNKNOWN_PROCESS;
	place_unmap(p);
	snprintf(want, sizeof(want),
		 "chute repair: %s: busy: process 77 of other namespaces feeds it, and does not "
		 "show "
		 "whether it lives: if it is dead, or must not have the ring, say --force",
		 p->ring);
	repair(1, want, ARGS("repair", p->ring, "--yes"));
	repair(0, "", ARGS("repair", p->ring, "--yes", "--force"));
	check_says(p->ring, 0);
	place_map(p);
	place_close(p);
}

/* ---- asking ---- */

static void without_a_terminal_it_does_not_go_ahead(void **state)
{
	struct place *p = place_open(state, 4096);
	char want[200];

	place_put(p, 8 | CHUTE_BUSY);
	snprintf(want, sizeof(want),
		 "chute repair: %s: asks before it discards anything, and standard input is no "
		 "terminal: say --yes",
		 p->ring);
	place_unmap(p);
	repair(1, want, ARGS("repair", p->ring));
	check_says(p->ring, 1);
	place_close(p);
}

/* Answer on a terminal, after @meanwhile; returns the exit status. */
static int answer_after(const char *ring, void (*meanwhile)(const char *ring), const char *text)
{
	char shown[4096] = "";
	int terminal, slave;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(openpty(&terminal, &slave, NULL, NULL, NULL), 0);
	pid = tool_spawn(slave, slave, slave, NULL, ARGS("repair", ring));
	close(slave);
	while (!strstr(shown, "[y/N] ") && used < sizeof(shown) - 1) {
		n = read(terminal, shown + used, sizeof(shown) - 1 - used);
		if (n <= 0)
			fail_msg("did not ask: %s", shown);
		used += (size_t)n;
		shown[used] = '\0';
	}
	if (meanwhile)
		meanwhile(ring);
	tool_write(terminal, text, strlen(text));
	/* Until it has ended. */
	while (read(terminal, shown, sizeof(shown)) > 0)
		;
	close(terminal);
	return tool_wait(pid);
}

static int answer(const char *ring, const char *text)
{
	return answer_after(ring, NULL, text);
}

static void on_a_terminal_it_asks(void **state)
{
	struct place *p = place_open(state, 4096);

	place_put(p, 8 | CHUTE_BUSY);
	place_unmap(p);
	assert_int_equal(answer(p->ring, "\n"), 1);
	assert_int_equal(answer(p->ring, "no\n"), 1);
	check_says(p->ring, 1);
	assert_int_equal(answer(p->ring, "y\n"), 0);
	check_says(p->ring, 0);
	place_close(p);
}

static const char *other_ring;

/* The name is another ring's now, by a link. */
static void put_a_link_in_its_place(const char *ring)
{
	char file[300];

	snprintf(file, sizeof(file), "%s", tool_ring_file(ring));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink(tool_ring_file(other_ring), file), 0);
}

static void what_takes_the_name_while_it_asks_is_left_alone(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct place *p = place_open(state, 4096);
	const __u32 header[2] = { 8 | CHUTE_BUSY, 0 };
	const __u64 producer_pos = 16;
	char other[64];
	int fd;

	place_put(p, 8 | CHUTE_BUSY);
	snprintf(other, sizeof(other), "%s", tool_make_ring("other", "4K"));
	fd = open(tool_ring_file(other), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, header, 8, 2 * (off_t)page), 8);
	assert_int_equal(pwrite(fd, &producer_pos, 8, (off_t)page), 8);
	close(fd);
	other_ring = other;
	assert_int_equal(answer_after(p->ring, put_a_link_in_its_place, "y\n"), 0);
	check_says(other, 1);
	assert_int_equal(place_drain(p), 0);
	assert_int_equal(p->bytes.consumer->consumer_pos, p->bytes.producer->producer_pos);
	unlink(tool_ring_file(other));
	place_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(a_ring_without_fault_is_left_alone),
		ON_BOTH(unfinished_records_are_discarded),
		ON_BOTH(what_comes_before_a_poisoned_header_is_delivered),
		ON_BOTH(positions_that_cannot_be_true_are_put_right),
		cmocka_unit_test_prestate(a_consumer_position_that_cannot_be_true_is_beyond_repair,
					  &place_in_memory),
		ON_BOTH(a_live_producer_of_chutes_is_named_and_left_alone),
		ON_BOTH(only_force_takes_it_from_who_cant_be_judged),
		ON_BOTH(without_a_terminal_it_does_not_go_ahead),
		ON_BOTH(on_a_terminal_it_asks),
		cmocka_unit_test_prestate(what_takes_the_name_while_it_asks_is_left_alone,
					  &place_in_memory),
	};

	return cmocka_run_group_tests_name("tool_repair", tests, tool_setup, tool_teardown);
}
