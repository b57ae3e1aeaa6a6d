// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_trouble: chute recv when things go wrong around it: it is killed, others
 * drain the ring too, records are discarded, the ring is damaged; and users without
 * privileges. */
#include "tool_run.h"

#include "ring/ring.h"

#include <chute/atomic.h>
#include <chute/chute.h>
#include <chute/drain.h>
#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_ring_file(const char *ring)
{
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct chute *open_producer(const char *ring)
{
	int fd = open_ring_file(ring);
	struct chute *c = chute_open_memory(fd, NULL);

	assert_non_null(c);
	close(fd);
	return c;
}

static struct chute_consumer *open_consumer(const char *ring)
{
	int fd = open_ring_file(ring);
	struct chute_consumer *consumer = chute_consumer_open(fd);

	assert_non_null(consumer);
	close(fd);
	return consumer;
}

static void discard(struct chute *c)
{
	void *payload = chute_reserve_for(c, 0, 60000000000);

	assert_non_null(payload);
	chute_discard(c, payload);
}

/* ---- killed ---- */

#define NUMBERS 200000

/* Mark the numbers in the lines that a receiver left behind; they must be whole, and
 * follow each other. The last line may be cut off. Returns how many there are. */
static int mark_lines(const char *text, char *seen)
{
	long last = -1, number;
	char *end;
	int count;

	for (count = 0; strchr(text, '\n'); count++) {
		number = strtol(text, &end, 10);
		assert_int_equal(*end, '\n');
		assert_in_range(number, 0, NUMBERS - 1);
		if (last >= 0)
			assert_int_equal(number, last + 1);
		last = number;
		seen[number] = 1;
		text = end + 1;
	}
	return count;
}

/* Start a receiver, let it write @bytes, kill it, and take what it has written. */
static int kill_one(const char *ring, size_t bytes, char *seen)
{
	static char text[1 << 20];
	int out[2];
	size_t used;
	ssize_t n;
	pid_t pid;

	tool_pipe(out);
	pid = tool_spawn(-1, out[1], -1, NULL, ARGS("recv", ring, "--timeout", "1"));
	close(out[1]);
	for (used = 0; used < bytes; used += (size_t)n) {
		n = read(out[0], text + used, bytes - used);
		assert_true(n >= 0);
		if (!n)
			break;
	}
	kill(pid, SIGKILL);
	while ((n = read(out[0], text + used, sizeof(text) - used - 1)) > 0)
		used += (size_t)n;
	tool_wait(pid);
	close(out[0]);
	text[used] = '\0';
	return mark_lines(text, seen);
}

static void receivers_that_are_killed_lose_nothing(void **state)
{
	const char *ring = tool_make_ring("killed", "64K");
	char *seen = calloc(1, NUMBERS), *text = malloc(NUMBERS * 8);
	int in, i, rounds = 0;
	__u64 seed = 1;
	size_t used = 0;
	pid_t sender;

	(void)state;
	for (i = 0; i < NUMBERS; i++)
		used += (size_t)sprintf(text + used, "%d\n", i);
	in = tool_file(text, used);
	sender = tool_spawn(in, -1, -1, NULL, ARGS("send", ring));
	while (kill_one(ring, 10000 + next_random(&seed) % 60000, seen))
		rounds++;
	assert_true(rounds > 10);
	assert_int_equal(tool_wait(sender), 0);
	for (i = 0; i < NUMBERS; i++)
		if (!seen[i])
			fail_msg("%d is lost", i);
	close(in);
	free(seen);
	free(text);
}

/* ---- discarded records ---- */

static void discarded_records_are_skipped_and_give_their_space_back(void **state)
{
	const char *ring = tool_make_ring("discard", "4K");
	struct chute *c = open_producer(ring);
	char got[4];
	int i, out[2];
	pid_t pid;

	(void)state;
	tool_pipe(out);
	pid = tool_spawn(-1, out[1], -1, NULL, ARGS("recv", ring, "--count", "2"));
	/* Many times the ring, and no record that would take them along. */
	for (i = 0; i < 5000; i++)
		discard(c);
	assert_int_equal(chute_send(c, "a", 1, 60000000000), 0);
	for (i = 0; i < 5000; i++)
		discard(c);
	assert_int_equal(chute_send(c, "b", 1, 60000000000), 0);
	assert_int_equal(tool_wait(pid), 0);
	tool_read(out[0], got, 4);
	assert_memory_equal(got, "a\nb\n", 4);
	chute_close(c);
	close(out[0]);
	close(out[1]);
}

static void more_discarded_records_than_a_drain_takes_are_skipped(void **state)
{
	const char *ring = tool_make_ring("manydiscards", "4M");
	struct chute *c = open_producer(ring);
	struct tool_output o;
	int i;

	(void)state;
	assert_int_equal(chute_send(c, "a", 1, 0), 0);
	for (i = 0; i < 3 * CHUTE_DRAIN_MAX; i++)
		discard(c);
	assert_int_equal(chute_send(c, "b", 1, 0), 0);
	chute_close(c);
	tool_run(&o, "", 0, ARGS("recv", ring, "--timeout", "0"));
	tool_said_after(&o, 0, "", 2);
	assert_string_equal(o.out, "a\nb\n");
	tool_free(&o);
}

static void spin_for(__s64 ns)
{
	__s64 end = now_ns() + ns;

	while (now_ns() < end)
		chute_pause();
}

/*
 * A record can come between the look, which saw discarded ones only, and the drain.
 * That takes well under a microsecond, somewhere in the first twenty or so after the
 * kick that wakes the receiver: so, many times, at any moment in there.
 */
static void a_record_right_behind_discarded_ones_is_not_lost(void **state)
{
	enum { TIMES = 20000 };
	const char *ring = tool_make_ring("behind", "4K");
	struct chute *c = open_producer(ring);
	int i, out = tool_file("", 0);
	__s64 end = now_ns() + 60000000000;
	__u64 seed = 1;
	char *got, *p;
	size_t size;
	pid_t pid;

	(void)state;
	pid = tool_spawn(-1, out, -1, NULL, ARGS("recv", ring, "--timeout", "1"));
	for (i = 0; i < TIMES; i++) {
		discard(c);
		chute_kick(c);
		spin_for((__s64)(next_random(&seed) % 20000));
		assert_int_equal(chute_send(c, &i, sizeof(i), 60000000000), 0);
		chute_kick(c);
		while (chute_used(c)) {
			assert_true(now_ns() < end);
			sched_yield();
		}
	}
	assert_int_equal(tool_wait(pid), 0);
	p = got = tool_file_bytes(out, &size);
	assert_int_equal(size, TIMES * 5);
	for (i = 0; i < TIMES; i++, p += 5)
		assert_memory_equal(p, &i, 4);
	free(got);
	close(out);
	chute_close(c);
}

/* ---- others ---- */

static int ignore(const void *payload, __u32 size, void *ctx)
{
	(void)payload, (void)size, (void)ctx;
	return 0;
}

static void a_consumer_beside_it_is_noticed(void **state)
{
	const char *ring = tool_make_ring("beside", "64K");
	struct chute_consumer *consumer = open_consumer(ring);
	struct chute *c = open_producer(ring);
	int out[2], err = tool_file("", 0), taken, i;
	struct tool_output o = { 0 };
	char got[8192], want[300];
	pid_t pid;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(chute_send(c, got, 4000, 0), 0);
	tool_pipe(out);
	assert_true(fcntl(out[0], F_SETPIPE_SZ, 4096) > 0);
	pid = tool_spawn(-1, out[1], err, NULL, ARGS("recv", ring));
	/* It writes both, and we take them away meanwhile, and make another. */
	do {
		sched_yield();
		assert_int_equal(ioctl(out[0], FIONREAD, &taken), 0);
	} while (taken < 4000);
	assert_int_equal(chute_drain(consumer, ignore, NULL, 0), 2);
	assert_int_equal(chute_send(c, "other", 5, 0), 0);
	tool_read(out[0], got, 8002);
	o.status = tool_wait(pid);
	o.err = tool_file_bytes(err, &o.out_size);
	snprintf(want, sizeof(want),
		 "chute recv: %s: another program drains it too: some records went there instead, "
		 "or as well",
		 ring);
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	/* What was not its to take is still there. */
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--timeout", "0"));
	tool_said(&o, 0, "");
	assert_string_equal(o.out, "other\n");
	tool_free(&o);
	chute_consumer_close(consumer);
	chute_close(c);
	close(out[0]);
	close(out[1]);
	close(err);
}

static void records_of_another_size_stay_in_the_ring(void **state)
{
	const char *ring = tool_make_ring("othersize", "4K");
	struct tool_output o;
	char want[300];

	(void)state;
	tool_run(&o, "ab\ncd\nefg\nhi\n", 13, ARGS("send", "-q", ring));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", ring, "--record-size", "2"));
	snprintf(want, sizeof(want),
		 "chute recv: %s: the next record has 3 bytes and not 2: it stays in the ring; "
		 "--framed takes any",
		 ring);
	tool_said_after(&o, 1, want, 2);
	assert_string_equal(o.out, "abcd");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--timeout", "0"));
	assert_string_equal(o.out, "efg\nhi\n");
	tool_free(&o);
}

static void a_damaged_ring_is_an_error_behind_the_good_records(void **state)
{
	const char *ring = tool_make_ring("damaged", "4K");
	const long page = sysconf(_SC_PAGESIZE);
	struct chute_header bad = { .len = 5000 };
	int fd = open_ring_file(ring);
	unsigned long crooked = 12;
	struct tool_output o;
	char want[300];

	(void)state;
	tool_run(&o, "a\nb\nc\n", 6, ARGS("send", "-q", ring));
	tool_free(&o);
	assert_int_equal(pwrite(fd, &bad, sizeof(bad), 2 * page + 16), sizeof(bad));
	snprintf(want, sizeof(want),
		 "chute recv: %s: damaged: what is next in it is not a record: make the ring anew",
		 ring);
	tool_run(&o, "", 0, ARGS("recv", ring));
	tool_said_after(&o, 1, want, 1);
	assert_string_equal(o.out, "a\n");
	tool_free(&o);
	assert_int_equal(pwrite(fd, &crooked, sizeof(crooked), page), sizeof(crooked));
	tool_run(&o, "", 0, ARGS("recv", ring));
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	snprintf(
		want, sizeof(want),
		"chute send: %s: its positions can't be true, something has overwritten them: make "
		"the ring anew",
		ring);
	tool_expect(1, want, ARGS("send", ring));
	close(fd);
}

static void a_ring_that_is_truncated_is_an_error_and_no_crash(void **state)
{
	const char *ring = tool_make_ring("truncated", "4K");
	int fd = open_ring_file(ring), out[2], err = tool_file("", 0);
	struct tool_output o = { 0 };
	char want[300], got[2];
	pid_t pid;

	(void)state;
	tool_pipe(out);
	pid = tool_spawn(-1, out[1], err, NULL, ARGS("recv", ring));
	tool_run(&o, "a\n", 2, ARGS("send", "-q", ring));
	tool_free(&o);
	tool_read(out[0], got, 2);
	assert_int_equal(ftruncate(fd, 0), 0);
	o.status = tool_wait(pid);
	o.err = tool_file_bytes(err, &o.out_size);
	snprintf(want, sizeof(want), "chute recv: %s: %s was truncated: make the ring anew", ring,
		 tool_ring_file(ring));
	tool_said(&o, 1, want);
	free(o.err);
	close(fd);
	close(err);
	close(out[0]);
	close(out[1]);
}

/* ---- without privileges ---- */

static void nobody_can_use_rings_of_their_own_and_no_others(void **state)
{
	const char *others = tool_make_ring("others", "4K"), *own = tool_ring("own");
	char dir[] = "/tmp/chute-tool-XXXXXX", path[64], want[300];
	struct tool_output o;

	(void)state;
	tool_copy(dir, path, sizeof(path));
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "create", own, "--size", "64K"));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run_as("setpriv", &o, "one\ntwo\n", 8, TOOL_NOBODY(path, "send", own));
	tool_said_after(&o, 0, "", 2);
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "recv", own, "--count", "2"));
	tool_said_after(&o, 0, "", 2);
	assert_string_equal(o.out, "one\ntwo\n");
	tool_free(&o);

	snprintf(want, sizeof(want), "chute send: %s: no permission to read and write %s", others,
		 tool_ring_file(others));
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "send", others));
	tool_said(&o, 1, want);
	tool_free(&o);
	memcpy(want, "chute recv", 10);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "recv", others));
	tool_said(&o, 1, want);
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "send", "map:1"));
	tool_said(&o, 1,
		  "chute send: map:1: no permission: finding a map by id or name needs "
		  "CAP_SYS_ADMIN: become root, or give the path where it is pinned");
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "send", "map:lines"));
	tool_said(&o, 1,
		  "chute send: map:lines: no permission: finding a map by id or name needs "
		  "CAP_SYS_ADMIN: become root, or give the path where it is pinned");
	tool_free(&o);
	tool_copy_remove(dir, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receivers_that_are_killed_lose_nothing),
		cmocka_unit_test(discarded_records_are_skipped_and_give_their_space_back),
		cmocka_unit_test(more_discarded_records_than_a_drain_takes_are_skipped),
		cmocka_unit_test(a_record_right_behind_discarded_ones_is_not_lost),
		cmocka_unit_test(a_consumer_beside_it_is_noticed),
		cmocka_unit_test(records_of_another_size_stay_in_the_ring),
		cmocka_unit_test(a_damaged_ring_is_an_error_behind_the_good_records),
		cmocka_unit_test(a_ring_that_is_truncated_is_an_error_and_no_crash),
		cmocka_unit_test(nobody_can_use_rings_of_their_own_and_no_others),
	};

	return cmocka_run_group_tests_name("tool_trouble", tests, tool_setup, tool_teardown);
}
