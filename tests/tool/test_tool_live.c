// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_live: chute send and what goes on around it: a full ring, slow input,
 * signals, other producers, and its progress line. */
#include "tool_ring.h"

#include <chute/atomic.h>
#include <chute/chute.h>
#include <chute/drain.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_full_ring_is_an_error_at_the_timeout(void **state)
{
	const char *ring = tool_make_ring("full", "4K");
	static char text[16 * 1000];
	struct tool_output o;
	char want[300];
	__s64 start;

	(void)state;
	memset(text, 'x', sizeof(text));
	/* 24 bytes a record: 170 fit. */
	snprintf(want, sizeof(want),
		 "chute send: %s: full for 0.3 s (--timeout): is anything draining it?", ring);
	start = now_ns();
	tool_run(&o, text, sizeof(text),
		 ARGS("send", ring, "--record-size", "16", "--timeout", "0.3"));
	assert_true(now_ns() - start >= 300000000);
	tool_said_after(&o, 1, want, 170);
	tool_free(&o);
	tool_take_framed(ring, &o);
	assert_int_equal(o.out_size, 170 * 20);
	tool_free(&o);

	snprintf(want, sizeof(want),
		 "chute send: %s: full for 0 s (--timeout): is anything draining it?", ring);
	tool_run(&o, text, sizeof(text),
		 ARGS("send", ring, "--record-size", "16", "--timeout", "0"));
	tool_said_after(&o, 1, want, 170);
	tool_free(&o);
}

static int keep(const void *payload, __u32 size, void *ctx)
{
	strncat(ctx, payload, size);
	return 0;
}

/* No sender may sit on records: not while it waits for input. */
static void what_has_been_read_is_published_before_waiting_for_more(void **state)
{
	const char *ring = tool_make_ring("slow", "4K");
	struct chute_consumer *consumer = tool_consumer(ring);
	struct chute_producer_page *producer = tool_producer_page(ring);
	char got[64] = "";
	int in[2];
	pid_t pid;

	(void)state;
	tool_pipe(in);
	pid = tool_spawn(in[0], -1, -1, NULL, ARGS("send", ring));
	close(in[0]);
	chute_store_relaxed(&producer->data_sleepers, 1U);
	tool_write(in[1], "one\ntw", 6);
	assert_int_equal(chute_drain_wait(consumer, 60000000000), 0);
	assert_int_equal(chute_drain(consumer, keep, got, 0), 1);
	assert_string_equal(got, "one");
	chute_store_relaxed(&producer->data_sleepers, 1U);
	tool_write(in[1], "o\n", 2);
	assert_int_equal(chute_drain_wait(consumer, 60000000000), 0);
	assert_int_equal(chute_drain(consumer, keep, got, 0), 1);
	assert_string_equal(got, "onetwo");
	close(in[1]);
	assert_int_equal(tool_wait(pid), 0);
	/* A receiver that sleeps has been told of both, and not only by its clock. */
	assert_true(chute_load_relaxed(&producer->data_seq) >= 2);
	tool_unmap_page(producer);
	chute_consumer_close(consumer);
}

/* A record that comes a byte at a time, in the middle of others. */
static void records_come_in_pieces_of_any_size(void **state)
{
	static const char input[] = "first\nsecond\n\nfourth";
	const char *ring = tool_make_ring("pieces", "4K");
	struct tool_output o;
	int in[2];
	size_t i;
	pid_t pid;

	(void)state;
	tool_pipe(in);
	/* It is handed over empty-handed as well. */
	assert_int_equal(fcntl(in[0], F_SETFL, O_NONBLOCK), 0);
	pid = tool_spawn(in[0], -1, -1, NULL, ARGS("send", ring));
	close(in[0]);
	for (i = 0; i < sizeof(input) - 1; i++)
		tool_write(in[1], input + i, 1);
	close(in[1]);
	assert_int_equal(tool_wait(pid), 0);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--count", "4"));
	assert_string_equal(o.out, "first\nsecond\n\nfourth\n");
	tool_free(&o);
}

static void read_all(int fd, struct tool_output *o)
{
	o->err = tool_file_bytes(fd, &o->out_size);
	o->out = NULL;
}

static void a_signal_ends_it_with_a_summary(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const char *ring = tool_make_ring("signal", "4K");
	struct chute_consumer *consumer = tool_consumer(ring);
	int in[2], err = tool_file("", 0);
	struct tool_output o;
	char got[64];
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < 3; i++) {
		/* Waiting for input. */
		tool_pipe(in);
		pid = tool_spawn(in[0], -1, err, NULL, ARGS("send", ring));
		tool_write(in[1], "a\nb", 3);
		assert_int_equal(chute_drain_wait(consumer, 60000000000), 0);
		kill(pid, signals[i]);
		o.status = tool_wait(pid);
		read_all(err, &o);
		tool_said_after(&o, 128 + signals[i], "", 1);
		tool_free(&o);
		got[0] = '\0';
		assert_int_equal(chute_drain(consumer, keep, got, 0), 1);
		assert_string_equal(got, "a");
		assert_int_equal(ftruncate(err, 0), 0);
		lseek(err, 0, SEEK_SET);
		close(in[0]);
		close(in[1]);
	}
	close(err);
	chute_consumer_close(consumer);
}

static void a_signal_ends_it_while_the_ring_is_full(void **state)
{
	const char *ring = tool_make_ring("fullsig", "4K");
	struct chute_producer_page *producer = tool_producer_page(ring);
	static char text[16 * 1000];
	int in = tool_file(text, sizeof(text)), err = tool_file("", 0);
	struct tool_output o;
	pid_t pid;

	(void)state;
	pid = tool_spawn(in, -1, err, NULL, ARGS("send", ring, "--record-size", "16"));
	tool_await_pos(producer, 170 * 24);
	kill(pid, SIGINT);
	o.status = tool_wait(pid);
	read_all(err, &o);
	tool_said_after(&o, 128 + SIGINT, "", 170);
	tool_free(&o);
	close(in);
	close(err);
	tool_unmap_page(producer);
}

static void one_that_is_killed_leaves_whole_records_and_the_ring_to_the_next(void **state)
{
	const char *ring = tool_make_ring("killed", "4K");
	struct tool_output o;
	int in[2], out[2];
	pid_t sender, receiver;
	char got[16];

	(void)state;
	tool_pipe(in);
	tool_pipe(out);
	sender = tool_spawn(in[0], -1, -1, NULL, ARGS("send", ring));
	receiver = tool_spawn(-1, out[1], -1, NULL, ARGS("recv", ring));
	close(out[1]);
	tool_write(in[1], "one\ntwo\nthr", 11);
	tool_read(out[0], got, 8);
	kill(sender, SIGKILL);
	assert_int_equal(tool_wait(sender), 128 + SIGKILL);
	tool_run(&o, "three\n", 6, ARGS("send", ring));
	tool_said_after(&o, 0, "", 1);
	tool_free(&o);
	tool_read(out[0], got + 8, 6);
	assert_memory_equal(got, "one\ntwo\nthree\n", 14);
	kill(receiver, SIGTERM);
	assert_int_equal(tool_wait(receiver), 0);
	close(in[0]);
	close(in[1]);
	close(out[0]);
}

static void a_ring_that_another_program_feeds_is_refused(void **state)
{
	const char *ring = tool_make_ring("fed", "4K");
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct chute *c = chute_open_memory(fd, NULL);
	char want[300];

	(void)state;
	assert_non_null(c);
	snprintf(want, sizeof(want),
		 "chute send: %s: another program feeds it, and a ring has one producer: stop that "
		 "one first, or give --shared to both",
		 ring);
	tool_expect(1, want, ARGS("send", ring));
	chute_close(c);
	close(fd);
}

/* A producer that knows nothing of chute moves the position under our feet. */
static void a_second_producer_is_noticed_and_what_is_lost_is_not_counted(void **state)
{
	const char *ring = tool_make_ring("second", "4K");
	struct chute_producer_page *producer = tool_producer_page(ring);
	int in[2], err = tool_file("", 0);
	struct tool_output o;
	char want[300];
	pid_t pid;

	(void)state;
	tool_pipe(in);
	pid = tool_spawn(in[0], -1, err, NULL, ARGS("send", ring));
	close(in[0]);
	tool_write(in[1], "a\nb\n", 4);
	tool_await_pos(producer, 32);
	chute_store_release(&producer->producer_pos, 40UL);
	tool_write(in[1], "c\nd\n", 4);
	close(in[1]);
	o.status = tool_wait(pid);
	read_all(err, &o);
	snprintf(want, sizeof(want),
		 "chute send: %s: another program feeds it too, and a ring has one producer; "
		 "records lost: 0",
		 ring);
	tool_said_after(&o, 1, want, 2);
	tool_free(&o);
	tool_unmap_page(producer);
	close(err);
}

/* The same in the midst of sending: how many records were published before the position
 * moved tells how many the summary must count. False if the sender did not notice. */
static bool move_under_its_feet(const char *ring, int in)
{
	struct chute_producer_page *producer = tool_producer_page(ring);
	const unsigned long from = chute_load_acquire(&producer->producer_pos), bytes = 16384 + 8;
	unsigned long pos;
	const __s64 end = now_ns() + 60000000000;
	int err = tool_file("", 0);
	struct tool_output o;
	bool noticed;
	char want[300];
	pid_t pid;

	pid = tool_spawn(in, -1, err, NULL,
			 ARGS("send", ring, "--record-size", "16K", "--timeout", "0"));
	/* It has begun, and not just now. */
	do {
		assert_true(now_ns() < end);
		pos = chute_load_acquire(&producer->producer_pos);
	} while (pos - from < 10 * bytes ||
		 !chute_compare_exchange(&producer->producer_pos, &pos, pos + 8));
	o.status = tool_wait(pid);
	read_all(err, &o);
	noticed = strstr(o.err, "feeds it too") != NULL;
	snprintf(want, sizeof(want), ": %lu records, ", (pos - from) / bytes);
	if (noticed && !strstr(o.err, want))
		fail_msg("not%s but %s", want, o.err);
	tool_free(&o);
	tool_unmap_page(producer);
	close(err);
	return noticed;
}

static void what_another_producer_has_made_vain_is_not_counted(void **state)
{
	const size_t size = 400 * 16384;
	char *input = calloc(1, size);
	int in = tool_file(input, size), tries, noticed = 0;

	(void)state;
	for (tries = 0; tries < 100 && noticed < 20; tries++) {
		lseek(in, 0, SEEK_SET);
		noticed += move_under_its_feet(tool_make_ring("vain", "8M"), in);
	}
	assert_true(noticed > 0);
	free(input);
	close(in);
}

/* Reads from a terminal until @text has come; all of it in @seen. */
static void read_until(int fd, const char *text, char *seen, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t used = strlen(seen);
	ssize_t n;

	while (!strstr(seen, text)) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		n = read(fd, seen + used, size - used - 1);
		assert_true(n > 0);
		used += (size_t)n;
		seen[used] = '\0';
	}
}

static size_t longest_drawn(const char *seen)
{
	size_t longest = 0, length;

	for (; *seen; seen += length + !!seen[length]) {
		length = strcspn(seen, "\r\n");
		longest = length > longest ? length : longest;
	}
	return longest;
}

static void a_terminal_shows_progress_that_fits_it_and_then_the_summary(void **state)
{
	const struct winsize wide = { .ws_row = 24, .ws_col = 80 };
	const struct winsize narrow = { .ws_row = 24, .ws_col = 30 };
	const char *ring = tool_make_ring("progress", "4K");
	int in[2], master, slave, i;
	char seen[8192], *summary;
	pid_t pid;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(openpty(&master, &slave, NULL, NULL, i ? &narrow : &wide), 0);
		fcntl(master, F_SETFD, FD_CLOEXEC);
		tool_pipe(in);
		pid = tool_spawn(in[0], -1, slave, NULL, ARGS("send", ring));
		close(slave);
		close(in[0]);
		tool_write(in[1], "one\ntwo\n", 8);
		seen[0] = '\0';
		read_until(master, "\r2 records, 6 B, ", seen, sizeof(seen));
		if (!i)
			read_until(master, "/s, ring 0 % full", seen, sizeof(seen));
		close(in[1]);
		read_until(master, "\n", seen, sizeof(seen));
		assert_int_equal(tool_wait(pid), 0);
		/* The line has been wiped out before. */
		summary = strstr(seen, "chute send: ");
		assert_non_null(summary);
		assert_memory_equal(summary - 6, "     \r", 6);
		summary[-1] = '\0';
		assert_in_range(longest_drawn(seen), 10, i ? 29 : 79);
		close(master);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_is_an_error_at_the_timeout),
		cmocka_unit_test(what_has_been_read_is_published_before_waiting_for_more),
		cmocka_unit_test(records_come_in_pieces_of_any_size),
		cmocka_unit_test(a_signal_ends_it_with_a_summary),
		cmocka_unit_test(a_signal_ends_it_while_the_ring_is_full),
		cmocka_unit_test(one_that_is_killed_leaves_whole_records_and_the_ring_to_the_next),
		cmocka_unit_test(a_ring_that_another_program_feeds_is_refused),
		cmocka_unit_test(a_second_producer_is_noticed_and_what_is_lost_is_not_counted),
		cmocka_unit_test(what_another_producer_has_made_vain_is_not_counted),
		cmocka_unit_test(a_terminal_shows_progress_that_fits_it_and_then_the_summary),
	};

	return cmocka_run_group_tests_name("tool_live", tests, tool_setup, tool_teardown);
}
