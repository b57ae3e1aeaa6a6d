// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_many: chute send beside other producers, after others that have died, and
 * when it is killed itself. */
#include "tool_ring.h"

#include "mring.h"

#include <chute/chute.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUMBERS 30000

/* ---- shared ---- */

static void many_feed_a_shared_ring_and_no_other_beside_them(void **state)
{
	const char *ring = tool_make_ring("shared", "64K");
	struct chute_producer_page *page = tool_producer_page(ring);
	char want[300];
	struct tool_output o;
	pid_t pids[2];
	int in[2][2], i;

	(void)state;
	for (i = 0; i < 2; i++) {
		tool_pipe(in[i]);
		pids[i] = tool_spawn(in[i][0], -1, -1, NULL, ARGS("send", ring, "--shared"));
		close(in[i][0]);
		tool_write(in[i][1], i ? "two\n" : "one\n", 4);
		tool_await_pos(page, 16UL * (unsigned long)(i + 1));
	}
	snprintf(want, sizeof(want),
		 "chute send: %s: another program feeds it, and a ring has one producer: stop that "
		 "one first, or give --shared to both",
		 ring);
	tool_expect(1, want, ARGS("send", ring));
	snprintf(want, sizeof(want),
		 "chute send: %s: another program feeds it, and what is not finished is that "
		 "one's: leave out --recover, or stop that one first",
		 ring);
	tool_expect(1, want, ARGS("send", ring, "--recover"));
	/* Who shares it and mends it is let in, and spares what the others have open. */
	tool_run(&o, "three\n", 6, ARGS("send", "-q", ring, "--shared", "--recover"));
	assert_int_equal(o.status, 0);
	tool_free(&o);
	for (i = 0; i < 2; i++) {
		close(in[i][1]);
		assert_int_equal(tool_wait(pids[i]), 0);
	}
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--timeout", "0"));
	assert_string_equal(o.out, "one\ntwo\nthree\n");
	tool_free(&o);
	tool_unmap_page(page);
}

static void a_shared_sender_is_refused_beside_a_sole_one(void **state)
{
	const char *ring = tool_make_ring("sole", "4K");
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct chute *c = chute_open_memory(fd, NULL);
	char want[300];

	(void)state;
	assert_non_null(c);
	snprintf(want, sizeof(want),
		 "chute send: %s: another program feeds it, and not with --shared: stop that one "
		 "first",
		 ring);
	tool_expect(1, want, ARGS("send", ring, "--shared"));
	chute_close(c);
	close(fd);
}

/* ---- recovering ---- */

/* Die with a record open that others have been submitted behind. */
static void leave_unfinished(struct chute *(*open_ring)(int fd, const struct chute_opts *opts),
			     int fd)
{
	int status;
	struct chute *c;
	void *open_one, *later;
	pid_t pid = fork();

	if (!pid) {
		c = open_ring(fd, NULL);
		open_one = c ? chute_reserve(c, 8) : NULL;
		later = open_one ? chute_reserve(c, 5) : NULL;
		if (!later)
			_exit(1);
		memcpy(later, "later", 5);
		chute_submit(c, later);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void recover_discards_what_a_dead_producer_left(void **state)
{
	const char *ring = tool_make_ring("recover", "4K");
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct tool_output o;

	(void)state;
	leave_unfinished(chute_open_memory, fd);
	close(fd);
	tool_run(&o, "new\n", 4, ARGS("send", "-q", ring));
	tool_said(&o, 0, "");
	tool_free(&o);
	/* Nothing gets past it. */
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--timeout", "0"));
	assert_string_equal(o.out, "");
	tool_free(&o);
	tool_run(&o, "last\n", 5, ARGS("send", "-q", ring, "--recover"));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--timeout", "0"));
	assert_string_equal(o.out, "later\nnew\nlast\n");
	tool_free(&o);
}

static void send_line(const char *ring, const char *option)
{
	struct tool_output o;

	tool_run(&o, "line\n", 5, ARGS("send", "-q", ring, option));
	tool_said(&o, 0, "");
	tool_free(&o);
}

static void recover_lets_a_program_in_the_kernel_go_on(void **state)
{
	struct mring r;
	char ring[32];
	int program;

	(void)state;
	mring_open(&r, "messages", 64 * 1024);
	program = mring_program(&r, "drain_whole");
	snprintf(ring, sizeof(ring), "map:%u", tool_map_id(r.map_fd));
	leave_unfinished(chute_open_map, r.map_fd);
	send_line(ring, NULL);
	assert_int_equal(mring_run(program), 0);
	send_line(ring, "--recover");
	assert_int_equal(mring_run(program), 3);
	assert_int_equal(mring_received(&r).bytes, 5 + 4 + 4);
	mring_close(&r);
}

/* ---- killed ---- */

/* Runs of the numbers from 0 on, cut short anywhere but the last; no more than @runs. */
static void check_runs(const char *text, int runs)
{
	long next = NUMBERS, number;
	char *end;

	for (; *text; text = end + 1, next++) {
		number = strtol(text, &end, 10);
		assert_true(end > text && *end == '\n');
		if (number != next) {
			assert_int_equal(number, 0);
			assert_true(runs--);
			next = 0;
		}
	}
	assert_int_equal(next, NUMBERS);
}

/* Nine senders, each killed at any moment of its life, and a tenth that is not. */
static void kill_senders(const char *ring, const char *const *way, __u64 *seed)
{
	static char text[NUMBERS * 6];
	int in, out = tool_file("", 0), i, status;
	size_t size = 0;
	pid_t receiver, sender;
	__s64 until;
	char *got;

	for (i = 0; i < NUMBERS; i++)
		size += (size_t)sprintf(text + size, "%d\n", i);
	in = tool_file(text, size);
	receiver = tool_spawn(-1, out, -1, NULL, ARGS("recv", ring, "--messages"));
	for (i = 0; i < 10; i++) {
		lseek(in, 0, SEEK_SET);
		sender = tool_spawn(in, -1, -1, NULL, ARGS("send", ring, way[0], way[1]));
		until = now_ns() + (__s64)(next_random(seed) % 8000000);
		while (i < 9 && now_ns() < until)
			sched_yield();
		if (i < 9)
			kill(sender, SIGKILL);
		status = tool_wait(sender);
		/* One may have been done already. */
		assert_true(!status || (i < 9 && status == 128 + SIGKILL));
	}
	kill(receiver, SIGTERM);
	assert_int_equal(tool_wait(receiver), 0);
	assert_int_equal(tool_wait(tool_spawn(-1, out, -1, NULL,
					      ARGS("recv", ring, "--messages", "--timeout", "0"))),
			 0);
	got = tool_file_bytes(out, &size);
	check_runs(got, 10);
	free(got);
	close(in);
	close(out);
}

static void senders_that_are_killed_leave_whole_records_and_a_ring_that_works(void **state)
{
	static const char *const some[][2] = { { "--lines" },
					       { "--pack" },
					       { "--batch", "50" },
					       { "--shared" },
					       { "--shared", "--pack" } };
	__u64 seed = 1;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		kill_senders(tool_make_ring("killed", "64K"), some[i], &seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_feed_a_shared_ring_and_no_other_beside_them),
		cmocka_unit_test(a_shared_sender_is_refused_beside_a_sole_one),
		cmocka_unit_test(recover_discards_what_a_dead_producer_left),
		cmocka_unit_test(recover_lets_a_program_in_the_kernel_go_on),
		cmocka_unit_test(senders_that_are_killed_leave_whole_records_and_a_ring_that_works),
	};

	return cmocka_run_group_tests_name("tool_many", tests, tool_setup, tool_teardown);
}
