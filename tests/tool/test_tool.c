// SPDX-License-Identifier: BSD-2-Clause
/* test_tool: the tool as a whole, its command line, and chute create. */
#include "tool_run.h"

#include "cli/size.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEE(verb) ": see 'chute " verb "--help'"

static void sizes_take_k_m_and_g(void **state)
{
	static const struct {
		const char *text;
		int err;
		__u64 size;
	} cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "4096", 0, 4096 },
		{ "4K", 0, 4096 },
		{ "1k", 0, 1024 },
		{ "1M", 0, 1 << 20 },
		{ "3m", 0, 3 << 20 },
		{ "2G", 0, 1ULL << 31 },
		{ "17179869183G", 0, 17179869183ULL << 30 },
		{ "17179869184G", -ERANGE, 0 },
		{ "18446744073709551615", 0, ~0ULL },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1T", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
	};
	__u64 size;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(size_parse(cases[i].text, &size), cases[i].err);
		if (!cases[i].err)
			assert_true(size == cases[i].size);
	}
	assert_int_equal(rate_parse("3k", &size), 0);
	assert_true(size == 3000);
	assert_int_equal(rate_parse("2M", &size), 0);
	assert_true(size == 2000000);
	assert_int_equal(rate_parse("1.5k", &size), -EINVAL);
	assert_int_equal(rate_parse("18446744073709552k", &size), -ERANGE);
	assert_int_equal(count_parse("1K", &size), -EINVAL);
	assert_int_equal(count_parse("12", &size), 0);
	assert_true(size == 12);
}

static void seconds_take_fractions(void **state)
{
	static const struct {
		const char *text;
		int err;
		__s64 ns;
	} cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, NS_PER_S },
		{ "0.5", 0, NS_PER_S / 2 },
		{ ".25", 0, NS_PER_S / 4 },
		{ "2.", 0, 2 * NS_PER_S },
		{ "1.000000001", 0, NS_PER_S + 1 },
		{ "1.0000000019", 0, NS_PER_S + 1 },
		{ "1000000001", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1s", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
	};
	__s64 ns;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(seconds_parse(cases[i].text, &ns), cases[i].err);
		if (!cases[i].err)
			assert_true(ns == cases[i].ns);
	}
}

static void sizes_are_written_as_they_are_read(void **state)
{
	(void)state;
	assert_string_equal(size_exact(0).text, "0");
	assert_string_equal(size_exact(4095).text, "4095");
	assert_string_equal(size_exact(4096).text, "4K");
	assert_string_equal(size_exact(3 << 20).text, "3M");
	assert_string_equal(size_exact(1ULL << 31).text, "2G");
	assert_string_equal(size_bytes(1023).text, "1023 B");
	assert_string_equal(size_bytes(1023.9).text, "1.0 KiB");
	assert_string_equal(size_bytes(1234567).text, "1.2 MiB");
	assert_string_equal(size_count(999).text, "999");
	assert_string_equal(size_count(1234567).text, "1.23 M");
}

static void every_verb_has_help_with_an_example(void **state)
{
	static const char *const verbs[] = {
		"",    "create", "send", "recv", "list", "stat", "bench",
#ifdef TOOL_TOP
		"top",
#endif
	};
	struct tool_output o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (i)
			tool_run(&o, "", 0, ARGS(verbs[i], "--help"));
		else
			tool_run(&o, "", 0, ARGS("--help"));
		tool_said(&o, 0, "");
		assert_memory_equal(o.out, "usage: chute ", 13);
		assert_non_null(strstr(o.out, "\nExample:"));
		assert_true(o.out[o.out_size - 1] == '\n');
		tool_free(&o);
	}
}

static void every_verb_tells_its_version(void **state)
{
	static const char *const verbs[] = { "create", "send", "recv", "bench" };
	struct tool_output o, of_verb;
	size_t i;

	(void)state;
	tool_run(&o, "", 0, ARGS("--version"));
	tool_said(&o, 0, "");
	assert_memory_equal(o.out, "chute ", 6);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		tool_run(&of_verb, "", 0, ARGS(verbs[i], "--version"));
		tool_said(&of_verb, 0, "");
		assert_string_equal(of_verb.out, o.out);
		tool_free(&of_verb);
	}
	tool_free(&o);
	tool_expect(2, "chute send: --version=1: that option takes no value" SEE("send "),
		    ARGS("send", "--version=1"));
	tool_expect(2, "chute send: --json=1: that option takes no value" SEE("send "),
		    ARGS("send", "--json=1"));
}

static void help_that_can_not_be_written_is_an_error(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), err = tool_file("", 0);
	size_t size;
	char *text;

	(void)state;
	assert_int_equal(tool_wait(tool_spawn(-1, full, err, NULL, ARGS("--help"))), 1);
	text = tool_file_bytes(err, &size);
	assert_string_equal(text, "chute: standard output: No space left on device\n");
	free(text);
	close(err);
	close(full);
}

static void a_wrong_command_line_is_one_line_and_exit_2(void **state)
{
	struct tool_output o;

	(void)state;
	tool_run(&o, "", 0, (const char *const[]){ NULL });
	tool_said(&o, 2, "chute: no verb given: see 'chute --help'");
	tool_free(&o);
	tool_expect(2, "chute: fly is no verb" SEE(""), ARGS("fly"));
	tool_expect(2, "chute: --fly is no verb" SEE(""), ARGS("--fly"));
	tool_expect(2, "chute create: no RING given" SEE("create "), ARGS("create"));
	tool_expect(2, "chute create: how big? Give --size SIZE" SEE("create "),
		    ARGS("create", "mem:x"));
	tool_expect(2, "chute create: --size needs a value" SEE("create "),
		    ARGS("create", "mem:x", "--size"));
	tool_expect(2, "chute create: --sise is no option" SEE("create "),
		    ARGS("create", "mem:x", "--sise", "4K"));
	tool_expect(2, "chute create: y is one argument too many" SEE("create "),
		    ARGS("create", "mem:x", "y", "--size", "4K"));
	tool_expect(2, "chute create: -q is no option" SEE("create "), ARGS("create", "-q"));
	tool_expect(2, "chute send: no RING given" SEE("send "), ARGS("send"));
	tool_expect(2, "chute send: -x is no option" SEE("send "), ARGS("send", "-x", "mem:x"));
	tool_expect(2, "chute send: --lines=1: that option takes no value" SEE("send "),
		    ARGS("send", "--lines=1", "mem:x"));
	tool_expect(2, "chute send: --timeout 1s: not a number of seconds" SEE("send "),
		    ARGS("send", "mem:x", "--timeout", "1s"));
	tool_expect(2,
		    "chute send: --lines, --framed and --record-size: give one of them, once" SEE(
			    "send "),
		    ARGS("send", "mem:x", "--lines", "--framed"));
	tool_expect(2, "chute recv: no RING given" SEE("recv "), ARGS("recv"));
	tool_expect(2, "chute recv: --rate 1/s: not a number of records a second" SEE("recv "),
		    ARGS("recv", "mem:x", "--rate", "1/s"));
	tool_expect(2, "chute recv: --count -1: not a number" SEE("recv "),
		    ARGS("recv", "mem:x", "--count", "-1"));
	tool_expect(2, "chute recv: --timeout : not a number of seconds" SEE("recv "),
		    ARGS("recv", "mem:x", "--timeout", ""));
	tool_expect(2, "chute recv: mem:y is one argument too many" SEE("recv "),
		    ARGS("recv", "mem:x", "mem:y"));
}

static void options_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	tool_expect(2, "chute send: --rate 0: from 1 to 1G records a second" SEE("send "),
		    ARGS("send", "mem:x", "--rate", "0"));
	tool_expect(2, "chute send: --rate 2G: from 1 to 1G records a second" SEE("send "),
		    ARGS("send", "mem:x", "--rate", "2G"));
	tool_expect(2, "chute send: --batch 0: not a number of records, from 1" SEE("send "),
		    ARGS("send", "mem:x", "--batch", "0"));
	tool_expect(2,
		    "chute send: --batch and --shared: a shared ring's records are there as soon "
		    "as they are finished; --pack puts many into one" SEE("send "),
		    ARGS("send", "mem:x", "--batch", "2", "--shared"));
}

static void a_bad_name_is_one_line_and_exit_1(void **state)
{
	char longest[300] = "mem:", want[400];

	(void)state;
	tool_expect(1,
		    "chute send: demo: not the name of a ring: give map:ID, map:NAME, mem:NAME or "
		    "the path of a pinned map",
		    ARGS("send", "demo"));
	tool_expect(1,
		    "chute recv: mem:a/b: NAME in mem:NAME is a file's name in /dev/shm, without a "
		    "slash",
		    ARGS("recv", "mem:a/b"));
	tool_expect(1,
		    "chute create: mem:..: NAME in mem:NAME is a file's name in /dev/shm, without "
		    "a slash",
		    ARGS("create", "mem:..", "--size", "4K"));
	tool_expect(1, "chute send: map:: which map? Give its id or its name",
		    ARGS("send", "map:"));
	tool_expect(1, "chute send: map:4294967296: ids of maps end at 4294967295",
		    ARGS("send", "map:4294967296"));
	/* Whatever stands in a name, the line stays one. */
	tool_expect(1,
		    "chute send: a?b?: not the name of a ring: give map:ID, map:NAME, mem:NAME or "
		    "the path of a pinned map",
		    ARGS("send", "a\nb\x1b"));
	memset(longest + 4, 'x', 256);
	snprintf(want, sizeof(want),
		 "chute send: %.40s...: NAME in mem:NAME has 256 bytes: 255 is the most", longest);
	tool_expect(1, want, ARGS("send", longest));
}

static void a_ring_that_is_not_there_is_one_line_and_exit_1(void **state)
{
	const char *ring = tool_ring("none");
	char want[300];

	(void)state;
	snprintf(want, sizeof(want),
		 "chute send: %s: no such ring: 'chute create %s --size SIZE' makes it", ring,
		 ring);
	tool_expect(1, want, ARGS("send", ring));
	memcpy(want, "chute recv", 10);
	tool_expect(1, want, ARGS("recv", ring));
}

static void a_file_that_is_not_a_ring_is_refused(void **state)
{
	const char *ring = tool_ring("text"), *file = tool_ring_file(ring);
	int fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	char want[300];

	(void)state;
	assert_true(fd >= 0);
	tool_write(fd, "no ring\n", 8);
	snprintf(want, sizeof(want),
		 "chute send: %s: %s is not a memory ring: 'chute create' makes one under another "
		 "name",
		 ring, file);
	tool_expect(1, want, ARGS("send", ring));
	memcpy(want, "chute recv", 10);
	tool_expect(1, want, ARGS("recv", ring));
	snprintf(want, sizeof(want), "chute create: %s: exists already: 'rm %s' removes it", ring,
		 file);
	tool_expect(1, want, ARGS("create", ring, "--size", "4K"));
	close(fd);
}

static void a_bad_size_is_one_line_and_exit_1(void **state)
{
	const char *ring = tool_ring("size");

	(void)state;
	tool_expect(1,
		    "chute create: --size 5K: a ring's size is a power of two and at least 4K: 8K "
		    "is the next that is",
		    ARGS("create", ring, "--size", "5K"));
	tool_expect(1,
		    "chute create: --size 0: a ring's size is a power of two and at least 4K: 4K "
		    "is the next that is",
		    ARGS("create", ring, "--size", "0"));
	tool_expect(1,
		    "chute create: --size 1MB: not a size: give bytes, or a number with K, M or G",
		    ARGS("create", ring, "--size", "1MB"));
	tool_expect(1, "chute create: --size 2147483649: too big: a ring has at most 2G",
		    ARGS("create", ring, "--size", "2147483649"));
	tool_expect(1, "chute create: --size 99999999999G: too big: a ring has at most 2G",
		    ARGS("create", ring, "--size", "99999999999G"));
	tool_expect(1, "chute send: --record-size 0: a record has from 1 to 16777215 bytes",
		    ARGS("send", ring, "--record-size", "0"));
	tool_expect(1, "chute recv: --record-size 16M: a record has from 1 to 16777215 bytes",
		    ARGS("recv", ring, "--record-size", "16M"));
	assert_int_equal(access(tool_ring_file(ring), F_OK), -1);
}

static void create_makes_a_ring_that_is_its_owners_alone(void **state)
{
	const char *ring = tool_make_ring("made", "64K");
	struct stat st;
	char want[300];

	(void)state;
	assert_int_equal(stat(tool_ring_file(ring), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 65536 + 2 * sysconf(_SC_PAGESIZE));
	snprintf(want, sizeof(want), "chute create: %s: exists already: 'rm %s' removes it", ring,
		 tool_ring_file(ring));
	tool_expect(1, want, ARGS("create", ring, "--size", "64K"));
	tool_expect(1,
		    "chute create: map:made: a map lives only as long as something holds it: give "
		    "a path in a bpffs to pin it at, such as /sys/fs/bpf/NAME",
		    ARGS("create", "map:made", "--size", "64K"));
}

/* Whoever opens it while it is made finds it whole, or not at all. */
static void an_opener_never_sees_a_half_made_ring(void **state)
{
	const char *ring = tool_ring("race"), *file = tool_ring_file(ring);
	__s64 end = now_ns() + 60000000000;
	struct tool_output o;
	char none[300];
	int i, found = 0;
	pid_t pid;

	(void)state;
	snprintf(none, sizeof(none),
		 "chute recv: %s: no such ring: 'chute create %s --size SIZE' makes it", ring,
		 ring);
	for (i = 0; i < 100; i++) {
		unlink(file);
		pid = tool_spawn(-1, -1, -1, NULL, ARGS("create", ring, "--size", "1M"));
		do {
			assert_true(now_ns() < end);
			tool_run(&o, "", 0, ARGS("recv", ring, "--count", "0"));
			if (!o.status)
				tool_said_after(&o, 0, "", 0);
			else
				tool_said(&o, 1, none);
			found += !o.status;
			tool_free(&o);
		} while (access(file, F_OK));
		assert_int_equal(tool_wait(pid), 0);
	}
	assert_true(found > 0);
}

static void a_full_file_system_is_an_error_and_leaves_nothing(void **state)
{
	const char *ring = tool_ring("full");
	char want[300];

	(void)state;
	tool_need_mounts();
	assert_return_code(mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64k"), errno);
	snprintf(want, sizeof(want),
		 "chute create: %s: no space for 1M in /dev/shm: give a smaller --size, or remove "
		 "what is not needed there",
		 ring);
	tool_expect(1, want, ARGS("create", ring, "--size", "1M"));
	assert_int_equal(count_files("/dev/shm"), 2);
	tool_expect(0, "", ARGS("create", ring, "--size", "4K"));
	assert_int_equal(count_files("/dev/shm"), 3);
	assert_return_code(umount("/dev/shm"), errno);
}

static void a_limit_on_file_sizes_is_an_error_and_no_signal(void **state)
{
	const struct rlimit small = { 65536, RLIM_INFINITY };
	const char *ring = tool_ring("limit");
	struct rlimit old;
	char want[300];

	(void)state;
	snprintf(want, sizeof(want),
		 "chute create: %s: 1M is more than the limit of a file's size here: see 'ulimit "
		 "-f'",
		 ring);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	tool_expect(1, want, ARGS("create", ring, "--size", "1M"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(access(tool_ring_file(ring), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_take_k_m_and_g),
		cmocka_unit_test(seconds_take_fractions),
		cmocka_unit_test(sizes_are_written_as_they_are_read),
		cmocka_unit_test(every_verb_has_help_with_an_example),
		cmocka_unit_test(every_verb_tells_its_version),
		cmocka_unit_test(help_that_can_not_be_written_is_an_error),
		cmocka_unit_test(a_wrong_command_line_is_one_line_and_exit_2),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(a_bad_name_is_one_line_and_exit_1),
		cmocka_unit_test(a_ring_that_is_not_there_is_one_line_and_exit_1),
		cmocka_unit_test(a_file_that_is_not_a_ring_is_refused),
		cmocka_unit_test(a_bad_size_is_one_line_and_exit_1),
		cmocka_unit_test(create_makes_a_ring_that_is_its_owners_alone),
		cmocka_unit_test(an_opener_never_sees_a_half_made_ring),
		cmocka_unit_test(a_full_file_system_is_an_error_and_leaves_nothing),
		cmocka_unit_test(a_limit_on_file_sizes_is_an_error_and_no_signal),
	};

	return cmocka_run_group_tests_name("tool", tests, tool_setup, tool_teardown);
}
