// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_recv: chute recv: what goes in comes out, ways to end, and that no record
 * is lost whatever becomes of the output or of the process. */
#include "tool_run.h"

#include <chute/format.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- round trips ---- */

/* Send @input through a small ring to a second process, and compare. */
static void round_trip(const char *ring, const char *format, const char *value, const char *input,
		       size_t size)
{
	int in = tool_file(input, size), out = tool_file("", 0);
	pid_t receiver, sender;
	size_t got_size;
	char *got;

	/* It ends when nothing has come for a while: the sender's end is no news to it. */
	receiver = tool_spawn(-1, out, -1, NULL, ARGS("recv", ring, format, value));
	sender = tool_spawn(in, -1, -1, NULL, ARGS("send", ring, format, value));
	assert_int_equal(tool_wait(sender), 0);
	kill(receiver, SIGTERM);
	tool_wait(receiver);
	/* What it had not got to, the next one gets. */
	receiver =
		tool_spawn(-1, out, -1, NULL, ARGS("recv", "--timeout", "0", ring, format, value));
	assert_int_equal(tool_wait(receiver), 0);
	got = tool_file_bytes(out, &got_size);
	assert_int_equal(got_size, size);
	assert_memory_equal(got, input, size);
	free(got);
	close(in);
	close(out);
}

/* Random bytes, framed, in sizes from nothing to the longest that the ring takes. */
static size_t random_frames(char *out, size_t room, __u32 most, __u64 *seed)
{
	size_t used = 0, i;
	__u32 size;

	while (used + 4 + most <= room) {
		switch (next_random(seed) % 8) {
		case 0:
			size = 0;
			break;
		case 1:
			size = most - (__u32)(next_random(seed) % 3);
			break;
		default:
			size = (__u32)(next_random(seed) % 100);
		}
		memcpy(out + used, &size, 4);
		for (i = 0; i < size; i++)
			out[used + 4 + i] = (char)next_random(seed);
		used += 4 + size;
	}
	return used;
}

static void binary_data_comes_through_byte_for_byte(void **state)
{
	static const struct {
		const char *size;
		__u32 most;
	} rings[] = { { "4K", 4088 }, { "1M", 300000 } };
	const size_t room = 3000000;
	char *input = malloc(room);
	const char *ring;
	__u64 seed = 1;
	size_t size, i, j;

	(void)state;
	assert_non_null(input);
	for (i = 0; i < 2; i++) {
		ring = tool_make_ring("binary", rings[i].size);
		size = random_frames(input, room, rings[i].most, &seed);
		round_trip(ring, "--framed", NULL, input, size);
		round_trip(ring, "--record-size", "7", input, size / 7 * 7);
		round_trip(ring, "--record-size", i ? "300000" : "4088", input,
			   size / rings[i].most * rings[i].most);
		/* As lines, where no line is longer than the ring takes. */
		for (j = 0; j < size; j += rings[i].most / 2)
			input[j] = '\n';
		input[size - 1] = '\n';
		round_trip(ring, "--lines", NULL, input, size);
	}
	free(input);
}

/* ---- ends ---- */

static void send_lines(const char *ring, int first, int count)
{
	char *text = malloc((size_t)count * 12);
	struct tool_output o;
	size_t used = 0;
	int i;

	for (i = 0; i < count; i++)
		used += (size_t)sprintf(text + used, "%d\n", first + i);
	tool_run(&o, text, used, ARGS("send", ring, "--timeout", "0"));
	tool_said_after(&o, 0, "", count);
	tool_free(&o);
	free(text);
}

static void it_ends_after_so_many_records(void **state)
{
	const char *ring = tool_make_ring("count", "64K");
	struct tool_output o;

	(void)state;
	send_lines(ring, 1, 5);
	tool_run(&o, "", 0, ARGS("recv", ring, "--count", "0"));
	tool_said_after(&o, 0, "", 0);
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", ring, "--count", "3"));
	tool_said_after(&o, 0, "", 3);
	assert_string_equal(o.out, "1\n2\n3\n");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", ring, "--timeout", "0"));
	tool_said_after(&o, 0, "", 2);
	assert_string_equal(o.out, "4\n5\n");
	tool_free(&o);
}

static void it_ends_when_nothing_comes(void **state)
{
	const char *ring = tool_make_ring("idle", "64K");
	struct tool_output o;
	char want[300];
	__s64 start = now_ns();

	(void)state;
	tool_run(&o, "", 0, ARGS("recv", ring, "--timeout", "0.3"));
	assert_true(now_ns() - start >= 300000000);
	tool_said_after(&o, 0, "", 0);
	tool_free(&o);
	/* Less than what was asked for is a failure. */
	send_lines(ring, 1, 2);
	tool_run(&o, "", 0, ARGS("recv", ring, "--timeout", "0.1", "--count", "3"));
	snprintf(want, sizeof(want),
		 "chute recv: %s: nothing has come for 0.1 s: 2 of 3 records have", ring);
	tool_said_after(&o, 1, want, 2);
	tool_free(&o);
}

static void a_signal_is_its_usual_end(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };
	const char *ring = tool_make_ring("signal", "64K");
	int out[2], err, i, counted;
	struct tool_output o;
	char got[2];
	pid_t pid;

	(void)state;
	for (i = 0; i < 4; i++) {
		counted = i / 2;
		err = tool_file("", 0);
		tool_pipe(out);
		pid = tool_spawn(-1, out[1], err, NULL,
				 ARGS("recv", ring, counted ? "--count" : NULL, "2"));
		send_lines(ring, 1, 1);
		tool_read(out[0], got, 2);
		kill(pid, signals[i % 2]);
		o.status = tool_wait(pid);
		o.out = NULL;
		o.err = tool_file_bytes(err, &o.out_size);
		/* But if it was told another, that did not come. */
		tool_said_after(&o, counted ? 128 + signals[i % 2] : 0, "", 1);
		tool_free(&o);
		close(out[0]);
		close(out[1]);
		close(err);
	}
}

static void one_at_a_time_receives(void **state)
{
	const char *ring = tool_make_ring("two", "64K");
	char want[300], got[2];
	int out[2];
	pid_t pid;

	(void)state;
	tool_pipe(out);
	pid = tool_spawn(-1, out[1], -1, NULL, ARGS("recv", ring));
	send_lines(ring, 1, 1);
	tool_read(out[0], got, 2);
	snprintf(want, sizeof(want),
		 "chute recv: %s: another 'chute recv' drains it: stop that one first", ring);
	tool_expect(1, want, ARGS("recv", ring));
	kill(pid, SIGKILL);
	tool_wait(pid);
	send_lines(ring, 1, 1);
	tool_expect(0, "", ARGS("recv", ring, "-q", "--count", "0"));
	close(out[0]);
	close(out[1]);
}

/* ---- output that fails ---- */

static void expect_lines(const char *ring, int first, int count)
{
	char *want = malloc((size_t)count * 12 + 1);
	struct tool_output o;
	size_t used = 0;
	int i;

	want[0] = '\0';
	for (i = 0; i < count; i++)
		used += (size_t)sprintf(want + used, "%d\n", first + i);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--timeout", "0"));
	tool_said(&o, 0, "");
	assert_string_equal(o.out, want);
	tool_free(&o);
	free(want);
}

static void a_full_disk_is_an_error_and_loses_nothing(void **state)
{
	const char *ring = tool_make_ring("devfull", "64K");
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), err = tool_file("", 0);
	struct tool_output o = { 0 };
	char want[300];

	(void)state;
	send_lines(ring, 1, 1000);
	o.status = tool_wait(tool_spawn(-1, full, err, NULL, ARGS("recv", ring)));
	o.err = tool_file_bytes(err, &o.out_size);
	snprintf(want, sizeof(want),
		 "chute recv: standard output: No space left on device: what was not written stays "
		 "in %s",
		 ring);
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	expect_lines(ring, 1, 1000);
	close(full);
	close(err);
}

/* The disk takes some of it: whole records leave the ring, the one that was cut does
 * not. */
static void a_disk_that_fills_up_gets_whole_records_and_loses_nothing(void **state)
{
	const char *ring = tool_make_ring("filling", "1M");
	char dir[] = "/tmp/chute-disk-XXXXXX", path[64], *got, *last;
	struct tool_output o = { 0 };
	int fd, err = tool_file("", 0), count;
	size_t size;

	(void)state;
	tool_need_mounts();
	assert_non_null(mkdtemp(dir));
	assert_return_code(mount("tmpfs", dir, "tmpfs", 0, "size=8k"), errno);
	snprintf(path, sizeof(path), "%s/out", dir);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	send_lines(ring, 10000, 10000);
	o.status = tool_wait(tool_spawn(-1, fd, err, NULL, ARGS("recv", ring)));
	o.err = tool_file_bytes(err, &size);
	got = tool_file_bytes(fd, &size);
	/* 8192 bytes are 1365 lines of 6, and 2 of the next one. */
	assert_int_equal(size, 8192);
	last = strrchr(got, '\n');
	assert_string_equal(last + 1, "11");
	*last = '\0';
	count = atoi(strrchr(got, '\n') + 1) - 10000 + 1;
	assert_int_equal(count, 1365);
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err, ": 1365 records, "));
	expect_lines(ring, 10000 + count, 10000 - count);
	tool_free(&o);
	free(got);
	close(fd);
	close(err);
	umount(dir);
	rmdir(dir);
}

static void closed_standard_output_is_an_error_and_loses_nothing(void **state)
{
	const char *ring = tool_make_ring("closed", "64K");
	struct tool_output o;
	char command[8192], want[300];

	(void)state;
	send_lines(ring, 1, 1000);
	/* The ring's file must not become standard output. */
	snprintf(command, sizeof(command), "exec '%s' recv %s <&- >&-", build_path("tools/chute"),
		 ring);
	tool_run_as("sh", &o, "", 0, ARGS("-c", command));
	snprintf(want, sizeof(want),
		 "chute recv: standard output: Bad file descriptor: what was not written stays in "
		 "%s",
		 ring);
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	expect_lines(ring, 1, 1000);
}

/* `recv | head`: an end, and no error. What the pipe has not taken is still there. */
static void a_reader_that_leaves_is_an_end(void **state)
{
	const char *ring = tool_make_ring("left", "1M");
	int out[2], err = tool_file("", 0), taken;
	struct tool_output o = { 0 };
	char got[60];
	pid_t pid;

	(void)state;
	send_lines(ring, 10000, 50000);
	tool_pipe(out);
	assert_true(fcntl(out[0], F_SETPIPE_SZ, 4096) > 0);
	pid = tool_spawn(-1, out[1], err, NULL, ARGS("recv", ring));
	close(out[1]);
	tool_read(out[0], got, sizeof(got));
	assert_memory_equal(got, "10000\n10001\n", 12);
	/* Until it is blocked in the middle of a write. */
	do {
		sched_yield();
		assert_int_equal(ioctl(out[0], FIONREAD, &taken), 0);
	} while (taken < 4000);
	assert_int_equal(ioctl(out[0], FIONREAD, &taken), 0);
	close(out[0]);
	o.status = tool_wait(pid);
	o.err = tool_file_bytes(err, &o.out_size);
	taken = (taken + 60) / 6;
	tool_said_after(&o, 0, "", taken);
	expect_lines(ring, 10000 + taken, 50000 - taken);
	tool_free(&o);

	/* While there is nothing to write, too. */
	tool_pipe(out);
	send_lines(ring, 1, 1);
	pid = tool_spawn(-1, out[1], -1, NULL, ARGS("recv", ring));
	close(out[1]);
	tool_read(out[0], got, 2);
	close(out[0]);
	assert_int_equal(tool_wait(pid), 0);
	close(err);
}

/* Its reader takes its time: a signal still ends it, and not in half a record. */
static void a_signal_while_output_is_blocked_waits_for_the_end_of_the_record(void **state)
{
	const char *ring = tool_make_ring("blocked", "1M");
	static char got[1 << 16];
	size_t size = 0;
	int out[2], taken;
	ssize_t n;
	pid_t pid;

	(void)state;
	send_lines(ring, 10000, 10000);
	tool_pipe(out);
	assert_true(fcntl(out[0], F_SETPIPE_SZ, 4096) > 0);
	pid = tool_spawn(-1, out[1], -1, NULL, ARGS("recv", "-q", ring));
	close(out[1]);
	do {
		sched_yield();
		assert_int_equal(ioctl(out[0], FIONREAD, &taken), 0);
	} while (taken < 4000);
	kill(pid, SIGTERM);
	while ((n = read(out[0], got + size, sizeof(got) - size - 1)) > 0)
		size += (size_t)n;
	assert_int_equal(tool_wait(pid), 0);
	assert_true(size < 60000 && size % 6 == 0);
	expect_lines(ring, 10000 + (int)size / 6, 10000 - (int)size / 6);
	close(out[0]);
}

/* Nobody reads: it gives up, says so, and keeps the record. */
static void a_signal_while_output_is_stuck_ends_it_all_the_same(void **state)
{
	const char *ring = tool_make_ring("stuck", "1M");
	int out[2], err = tool_file("", 0), taken;
	struct tool_output o = { 0 };
	char want[300];
	pid_t pid;

	(void)state;
	send_lines(ring, 10000, 10000);
	tool_pipe(out);
	assert_true(fcntl(out[0], F_SETPIPE_SZ, 4096) > 0);
	pid = tool_spawn(-1, out[1], err, NULL, ARGS("recv", ring));
	do {
		sched_yield();
		assert_int_equal(ioctl(out[0], FIONREAD, &taken), 0);
	} while (taken < 4000);
	kill(pid, SIGTERM);
	o.status = tool_wait(pid);
	o.err = tool_file_bytes(err, &o.out_size);
	snprintf(
		want, sizeof(want),
		"chute recv: standard output: blocked: it ends in part of a record, which stays in "
		"%s",
		ring);
	/* 4096 bytes are 682 lines of 6, and 4 of the next one. */
	tool_said_after(&o, 1, want, 682);
	expect_lines(ring, 10682, 10000 - 682);
	tool_free(&o);
	close(out[0]);
	close(out[1]);
	close(err);
}

/* A ring of nothing but discarded records, and a position that makes them never end. */
static void discarded_records_without_end_do_not_hold_it_up(void **state)
{
	const char *ring = tool_make_ring("endless", "64K");
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const unsigned long far = (~0UL >> 2) + 1;
	__u32 header[2] = { CHUTE_DISCARD, 0 };
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct tool_output o;
	char want[200];
	off_t at;

	(void)state;
	for (at = 0; at < 64 * 1024; at += 8)
		assert_int_equal(pwrite(fd, header, 8, 2 * (off_t)page + at), 8);
	assert_int_equal(pwrite(fd, &far, sizeof(far), (off_t)page), sizeof(far));
	close(fd);
	tool_run(&o, "", 0, ARGS("recv", ring, "-q", "--timeout", "0.1", "--count", "1"));
	snprintf(want, sizeof(want),
		 "chute recv: %s: nothing has come for 0.1 s: 0 of 1 records have", ring);
	tool_said(&o, 1, want);
	tool_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binary_data_comes_through_byte_for_byte),
		cmocka_unit_test(it_ends_after_so_many_records),
		cmocka_unit_test(it_ends_when_nothing_comes),
		cmocka_unit_test(a_signal_is_its_usual_end),
		cmocka_unit_test(one_at_a_time_receives),
		cmocka_unit_test(a_full_disk_is_an_error_and_loses_nothing),
		cmocka_unit_test(a_disk_that_fills_up_gets_whole_records_and_loses_nothing),
		cmocka_unit_test(closed_standard_output_is_an_error_and_loses_nothing),
		cmocka_unit_test(a_reader_that_leaves_is_an_end),
		cmocka_unit_test(a_signal_while_output_is_blocked_waits_for_the_end_of_the_record),
		cmocka_unit_test(a_signal_while_output_is_stuck_ends_it_all_the_same),
		cmocka_unit_test(discarded_records_without_end_do_not_hold_it_up),
	};

	return cmocka_run_group_tests_name("tool_recv", tests, tool_setup, tool_teardown);
}
