// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_follow: chute send --follow: a file that grows, is truncated, and is
 * replaced, in the ways in which logs are. */
#include "tool_run.h"

#include "../tools/io/follow.h"
#include "../tools/cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A folder with a log in it, a sender that follows the log, and who receives. */
struct followed {
	char dir[32], path[64], other[64];
	const char *ring;
	int out[2], err;
	pid_t sender, receiver;
};

static void open_folder(struct followed *f)
{
	strcpy(f->dir, "/tmp/chute-follow-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/log", f->dir);
	snprintf(f->other, sizeof(f->other), "%s/log.1", f->dir);
	f->err = tool_file("", 0);
}

static void close_folder(struct followed *f)
{
	unlink(f->path);
	unlink(f->other);
	rmdir(f->dir);
	close(f->err);
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	tool_write(fd, text, strlen(text));
	close(fd);
}

/* Start both; @how runs the sender where it is not the tool itself. */
static void start_by(struct followed *f, const char *program, const char *const *args)
{
	tool_pipe(f->out);
	f->receiver = tool_spawn(-1, f->out[1], -1, NULL, ARGS("recv", f->ring));
	f->sender = tool_spawn(-1, -1, f->err, program, args);
}

static void start(struct followed *f)
{
	f->ring = tool_make_ring("follow", "64K");
	start_by(f, NULL, ARGS("send", f->ring, "--follow", f->path));
}

static void expect(struct followed *f, const char *text)
{
	char got[256] = "";

	tool_read(f->out[0], got, strlen(text));
	assert_string_equal(got, text);
}

/* Until the sender has said something. */
static void await_word(const struct followed *f)
{
	const __s64 end = now_ns() + 60000000000;
	struct stat st;

	do {
		assert_true(now_ns() < end);
		sched_yield();
		assert_int_equal(fstat(f->err, &st), 0);
	} while (!st.st_size);
}

/* End both. The sender has sent so many records, and has told of the file what @says. */
static void stop(struct followed *f, int records, const char *says)
{
	struct tool_output o = { 0 };
	char want[512], summary[64];
	size_t size;

	kill(f->sender, SIGTERM);
	assert_int_equal(tool_wait(f->sender), 128 + SIGTERM);
	kill(f->receiver, SIGTERM);
	assert_int_equal(tool_wait(f->receiver), 0);
	o.err = tool_file_bytes(f->err, &size);
	snprintf(want, sizeof(want), "%s%s%s%s", *says ? "chute send: " : "", *says ? f->path : "",
		 *says ? ": " : "", says);
	if (*says)
		assert_memory_equal(o.err, want, strlen(want));
	snprintf(summary, sizeof(summary), ": %d records, ", records);
	if (!strstr(o.err, summary))
		fail_msg("not%s: %s", summary, o.err);
	free(o.err);
	close(f->out[0]);
	close(f->out[1]);
}

static void what_is_appended_is_sent_line_by_line(void **state)
{
	struct followed f;

	(void)state;
	open_folder(&f);
	append(f.path, "one\ntwo\nthr");
	start(&f);
	expect(&f, "one\ntwo\n");
	append(f.path, "ee\nfour");
	expect(&f, "three\n");
	append(f.path, "\n\n");
	expect(&f, "four\n\n");
	stop(&f, 5, "");
	close_folder(&f);
}

static void a_file_that_is_truncated_is_begun_anew(void **state)
{
	struct followed f;

	(void)state;
	open_folder(&f);
	append(f.path, "before\nunfini");
	start(&f);
	expect(&f, "before\n");
	assert_int_equal(truncate(f.path, 0), 0);
	/* Its last line is over. */
	expect(&f, "unfini\n");
	append(f.path, "after\n");
	expect(&f, "after\n");
	stop(&f, 3, "was truncated: going on at its beginning");
	close_folder(&f);
}

static void a_file_that_is_replaced_is_read_to_its_end_first(void **state)
{
	struct followed f;
	int old;

	(void)state;
	open_folder(&f);
	append(f.path, "first\n");
	start(&f);
	expect(&f, "first\n");
	old = open(f.path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(rename(f.path, f.other), 0);
	/* Under its old name nothing has come yet: who writes may go on with this one. */
	tool_write(old, "second\n", 7);
	expect(&f, "second\n");
	tool_write(old, "third", 5);
	close(old);
	append(f.path, "fourth\n");
	expect(&f, "third\nfourth\n");
	stop(&f, 4, "is another file now: going on at its beginning");
	close_folder(&f);
}

/* What tools/io/follow.c says goes nowhere here. */
void tool_say(const char *format, ...)
{
	(void)format;
}

int tool_complain(const char *format, ...)
{
	(void)format;
	return TOOL_FAILED;
}

/* Between its last look into the file and that at its name. */
static void what_comes_right_before_a_rename_is_read(void **state)
{
	struct followed f = { 0 };
	struct follow follow;
	char got[16];

	(void)state;
	open_folder(&f);
	append(f.path, "more");
	assert_int_equal(follow_start(&follow, f.path, true), 0);
	assert_int_equal(follow_open(&follow), 0);
	assert_int_equal(read(follow.fd, got, sizeof(got)), 4);
	assert_int_equal(read(follow.fd, got, sizeof(got)), 0);
	assert_int_equal(follow_look(&follow), FOLLOW_WAIT);
	append(f.path, "last");
	assert_int_equal(rename(f.path, f.other), 0);
	append(f.path, "new");
	assert_int_equal(follow_look(&follow), FOLLOW_AGAIN);
	assert_int_equal(read(follow.fd, got, sizeof(got)), 4);
	assert_memory_equal(got, "last", 4);
	assert_int_equal(read(follow.fd, got, sizeof(got)), 0);
	assert_int_equal(follow_look(&follow), FOLLOW_END);
	assert_int_equal(follow_open(&follow), 0);
	assert_int_equal(read(follow.fd, got, sizeof(got)), 3);
	follow_stop(&follow);
	close_folder(&f);
}

static void a_file_that_another_is_moved_over_is_left(void **state)
{
	struct followed f;

	(void)state;
	open_folder(&f);
	append(f.path, "old\n");
	append(f.other, "new\n");
	start(&f);
	expect(&f, "old\n");
	assert_int_equal(rename(f.other, f.path), 0);
	expect(&f, "new\n");
	append(f.path, "more\n");
	expect(&f, "more\n");
	stop(&f, 3, "is another file now: going on at its beginning");
	close_folder(&f);
}

static void a_file_that_is_not_there_yet_is_waited_for(void **state)
{
	struct followed f;

	(void)state;
	open_folder(&f);
	start(&f);
	await_word(&f);
	append(f.path, "here\n");
	expect(&f, "here\n");
	unlink(f.path);
	append(f.path, "again\n");
	expect(&f, "again\n");
	stop(&f, 2, "no such file yet: waiting for it");
	close_folder(&f);
}

/* inotify sees the link's folder, and the file that it led to: not that it leads
 * elsewhere through a folder on its way. */
static void what_inotify_can_not_tell_is_noticed_all_the_same(void **state)
{
	struct followed f;
	char command[512];

	(void)state;
	open_folder(&f);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir a b links && echo here >a/log && echo there >b/log && "
		 "ln -s ../a links/way && ln -s links/way/log log",
		 f.dir);
	assert_int_equal(system(command), 0);
	start(&f);
	expect(&f, "here\n");
	snprintf(command, sizeof(command), "ln -sfn ../b %s/links/way", f.dir);
	assert_int_equal(system(command), 0);
	expect(&f, "there\n");
	stop(&f, 2, "is another file now");
	snprintf(command, sizeof(command), "cd %s && rm -r a b links", f.dir);
	assert_int_equal(system(command), 0);
	close_folder(&f);
}

/* In a user namespace that may have none. */
static void without_inotify_it_looks(void **state)
{
	struct followed f;
	char command[8400];

	(void)state;
	if (system("unshare -r sh -c 'echo 0 >/proc/sys/user/max_inotify_instances' 2>/dev/null"))
		skip_because("no user namespace can be made");
	open_folder(&f);
	append(f.path, "one\n");
	f.ring = tool_make_ring("blind", "64K");
	snprintf(command, sizeof(command),
		 "echo 0 >/proc/sys/user/max_inotify_instances; exec '%s' send %s --follow %s",
		 build_path("tools/chute"), f.ring, f.path);
	start_by(&f, "unshare", ARGS("-r", "sh", "-c", command));
	expect(&f, "one\n");
	append(f.path, "two\n");
	expect(&f, "two\n");
	assert_int_equal(rename(f.path, f.other), 0);
	append(f.path, "three\n");
	expect(&f, "three\n");
	stop(&f, 3, "is another file now");
	close_folder(&f);
}

static __s64 cpu_ns(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &ts), 0);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void while_nothing_comes_it_costs_next_to_nothing(void **state)
{
	struct followed f;
	__s64 before;

	(void)state;
	open_folder(&f);
	append(f.path, "one\n");
	start(&f);
	expect(&f, "one\n");
	before = cpu_ns(f.sender);
	poll(NULL, 0, 1000);
	assert_true(cpu_ns(f.sender) - before < 20000000);
	append(f.path, "two\n");
	expect(&f, "two\n");
	stop(&f, 2, "");
	close_folder(&f);
}

static void one_that_is_killed_leaves_whole_lines(void **state)
{
	struct tool_output o;
	struct followed f;

	(void)state;
	open_folder(&f);
	append(f.path, "one\ntw");
	start(&f);
	expect(&f, "one\n");
	kill(f.sender, SIGKILL);
	assert_int_equal(tool_wait(f.sender), 128 + SIGKILL);
	tool_run(&o, "next\n", 5, ARGS("send", f.ring));
	tool_said_after(&o, 0, "", 1);
	tool_free(&o);
	expect(&f, "next\n");
	kill(f.receiver, SIGTERM);
	assert_int_equal(tool_wait(f.receiver), 0);
	close(f.out[0]);
	close(f.out[1]);
	close_folder(&f);
}

static void a_record_that_a_truncation_cuts_off_is_an_error(void **state)
{
	struct followed f;
	struct tool_output o = { 0 };
	char want[300];

	(void)state;
	open_folder(&f);
	append(f.path, "abcdef");
	f.ring = tool_make_ring("cut", "64K");
	start_by(&f, NULL, ARGS("send", "-q", f.ring, "--record-size", "4", "--follow", f.path));
	expect(&f, "abcd\n");
	assert_int_equal(truncate(f.path, 0), 0);
	o.status = tool_wait(f.sender);
	o.err = tool_file_bytes(f.err, &o.out_size);
	snprintf(want, sizeof(want),
		 "chute send: %s: %s: record 2 is cut off: 2 of its 4 bytes are there", f.ring,
		 f.path);
	tool_said(&o, 1, want);
	tool_free(&o);
	kill(f.receiver, SIGTERM);
	assert_int_equal(tool_wait(f.receiver), 0);
	close(f.out[0]);
	close(f.out[1]);
	close_folder(&f);
}

static void what_can_not_be_followed_is_one_line(void **state)
{
	const char *ring = tool_make_ring("none", "4K");
	struct tool_output o;
	struct followed f;
	char want[300];

	(void)state;
	open_folder(&f);
	assert_int_equal(mkfifo(f.path, 0600), 0);
	snprintf(want, sizeof(want),
		 "chute send: --follow %s: not a regular file: what grows otherwise is read to its "
		 "end without --follow",
		 f.path);
	tool_run(&o, "", 0, ARGS("send", ring, "--follow", f.path));
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	snprintf(want, sizeof(want),
		 "chute send: --follow %s/none/log: its directory: No such file or directory",
		 f.dir);
	snprintf(f.other, sizeof(f.other), "%s/none/log", f.dir);
	tool_run(&o, "", 0, ARGS("send", ring, "--follow", f.other));
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	close_folder(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_is_sent_line_by_line),
		cmocka_unit_test(a_file_that_is_truncated_is_begun_anew),
		cmocka_unit_test(a_file_that_is_replaced_is_read_to_its_end_first),
		cmocka_unit_test(what_comes_right_before_a_rename_is_read),
		cmocka_unit_test(a_file_that_another_is_moved_over_is_left),
		cmocka_unit_test(a_file_that_is_not_there_yet_is_waited_for),
		cmocka_unit_test(what_inotify_can_not_tell_is_noticed_all_the_same),
		cmocka_unit_test(without_inotify_it_looks),
		cmocka_unit_test(while_nothing_comes_it_costs_next_to_nothing),
		cmocka_unit_test(one_that_is_killed_leaves_whole_lines),
		cmocka_unit_test(a_record_that_a_truncation_cuts_off_is_an_error),
		cmocka_unit_test(what_can_not_be_followed_is_one_line),
	};

	return cmocka_run_group_tests_name("tool_follow", tests, tool_setup, tool_teardown);
}
