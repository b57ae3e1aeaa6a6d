// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_send: what chute send makes of its input: the formats, and errors in the
 * middle of a stream. */
#include "tool_run.h"

#include <chute/chute.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOO_LONG ", the most that this ring takes: make a larger ring"

/* Send @input; expect exit status, complaint, a summary, and these framed records. */
static void expect_sent(const char *ring, const char *format, const char *value, const void *input,
			size_t input_size, const char *complaint, long records, const void *framed,
			size_t framed_size)
{
	struct tool_output o;
	char line[512] = "";

	if (*complaint)
		snprintf(line, sizeof(line), "chute send: %s: standard input: %s", ring, complaint);
	tool_run(&o, input, input_size, ARGS("send", ring, format, value));
	tool_said_after(&o, *complaint ? 1 : 0, line, records);
	assert_int_equal(o.out_size, 0);
	tool_free(&o);
	tool_take_framed(ring, &o);
	assert_int_equal(o.out_size, framed_size);
	assert_memory_equal(o.out, framed, framed_size);
	tool_free(&o);
}

#define EXPECT_SENT(ring, format, value, input, complaint, records, framed)                        \
	expect_sent(ring, format, value, input, sizeof(input) - 1, complaint, records, framed,     \
		    sizeof(framed) - 1)

static void lines_end_in_newlines_and_hold_any_other_byte(void **state)
{
	const char *ring = tool_make_ring("lines", "4K");

	(void)state;
	EXPECT_SENT(ring, "--lines", NULL, "a\n\nb\0c\r\n\xff\n", "", 4,
		    "\1\0\0\0a\0\0\0\0\4\0\0\0b\0c\r\1\0\0\0\xff");
	EXPECT_SENT(ring, "--lines", NULL, "a\nlast", "", 2, "\1\0\0\0a\4\0\0\0last");
	EXPECT_SENT(ring, "--lines", NULL, "\n", "", 1, "\0\0\0\0");
	EXPECT_SENT(ring, "--lines", NULL, "", "", 0, "");
}

static void frames_and_fixed_sizes_are_cut_where_they_say(void **state)
{
	const char *ring = tool_make_ring("cut", "4K");

	(void)state;
	EXPECT_SENT(ring, "--framed", NULL, "\2\0\0\0a\n\0\0\0\0\1\0\0\0b", "", 3,
		    "\2\0\0\0a\n\0\0\0\0\1\0\0\0b");
	EXPECT_SENT(ring, "--framed", NULL, "", "", 0, "");
	EXPECT_SENT(ring, "--record-size", "2", "abc\nef", "", 3,
		    "\2\0\0\0ab\2\0\0\0c\n\2\0\0\0ef");
}

static void what_ends_within_a_record_is_an_error_behind_the_good_ones(void **state)
{
	const char *ring = tool_make_ring("ends", "4K");

	(void)state;
	EXPECT_SENT(ring, "--framed", NULL, "\1\0\0\0a\1\0\0", "record 2 is cut off in its length",
		    1, "\1\0\0\0a");
	EXPECT_SENT(ring, "--framed", NULL, "\1\0\0\0a\5\0\0\0bcd",
		    "record 2 is cut off: 3 of its 5 bytes are there", 1, "\1\0\0\0a");
	EXPECT_SENT(ring, "--record-size", "4", "abcde",
		    "record 2 is cut off: 1 of its 4 bytes are there", 1, "\4\0\0\0abcd");
}

static void what_can_never_fit_is_an_error_behind_the_good_ones(void **state)
{
	const char *ring = tool_make_ring("fit", "4K");
	static char text[300000];
	struct tool_output o;
	char want[300];

	(void)state;
	EXPECT_SENT(ring, "--framed", NULL, "\1\0\0\0a\xf9\x0f\0\0",
		    "record 2, of 4089 bytes, is longer than 4088 bytes" TOO_LONG, 1, "\1\0\0\0a");
	EXPECT_SENT(ring, "--framed", NULL, "\xff\xff\xff\xff",
		    "record 1, of 4294967295 bytes, is longer than 4088 bytes" TOO_LONG, 0, "");
	/* With its newline in the buffer, far off, and nowhere. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "a\nb\n", 4);
	text[4 + 4089] = '\n';
	expect_sent(ring, "--lines", NULL, text, 4 + 4090,
		    "line 3 is longer than 4088 bytes" TOO_LONG, 2, "\1\0\0\0a\1\0\0\0b", 10);
	text[4 + 4089] = 'x';
	expect_sent(ring, "--lines", NULL, text, sizeof(text),
		    "line 3 is longer than 4088 bytes" TOO_LONG, 2, "\1\0\0\0a\1\0\0\0b", 10);
	snprintf(want, sizeof(want),
		 "chute send: --record-size: %s takes at most 4088 bytes a record: make a larger "
		 "ring",
		 ring);
	tool_run(&o, text, sizeof(text), ARGS("send", ring, "--record-size", "4089"));
	tool_said(&o, 1, want);
	tool_free(&o);
}

static void the_longest_line_of_all_fits_and_one_more_byte_does_not(void **state)
{
	const char *ring = tool_make_ring("long", "32M");
	size_t size = CHUTE_PAYLOAD_MAX + 2;
	char *text = malloc(size), want[300];
	struct tool_output o;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[CHUTE_PAYLOAD_MAX] = '\n';
	tool_run(&o, text, CHUTE_PAYLOAD_MAX + 1, ARGS("send", ring));
	tool_said_after(&o, 0, "", 1);
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--count", "1"));
	tool_said(&o, 0, "");
	assert_int_equal(o.out_size, CHUTE_PAYLOAD_MAX + 1);
	assert_memory_equal(o.out, text, CHUTE_PAYLOAD_MAX + 1);
	tool_free(&o);
	text[CHUTE_PAYLOAD_MAX] = 'x';
	tool_run(&o, text, size, ARGS("send", ring));
	snprintf(want, sizeof(want),
		 "chute send: %s: standard input: line 1 is longer than 16777215 bytes, the most "
		 "that any ring takes",
		 ring);
	tool_said_after(&o, 1, want, 0);
	tool_free(&o);
	free(text);
}

static void files_are_sent_in_turn_up_to_one_that_can_not_be_read(void **state)
{
	const char *ring = tool_make_ring("files", "4K");
	int fd = tool_file("1\n2", 3);
	struct tool_output o;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	tool_run(&o, "in\n", 3, ARGS("send", ring, path, "-", path));
	tool_said_after(&o, 0, "", 5);
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--count", "5"));
	assert_string_equal(o.out, "1\n2\nin\n1\n2\n");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("send", ring, path, "/no/such/file", path));
	tool_said_after(&o, 1, "chute send: /no/such/file: No such file or directory", 2);
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("send", ring, path, "/", path));
	tool_said_after(&o, 1, "chute send: /: Is a directory", 2);
	tool_free(&o);
	tool_take_framed(ring, &o);
	assert_int_equal(o.out_size, 4 * 5);
	tool_free(&o);
	close(fd);
}

static void closed_standard_input_is_an_error(void **state)
{
	const char *ring = tool_make_ring("closed", "4K");
	struct tool_output o;
	char command[8192];

	(void)state;
	snprintf(command, sizeof(command), "exec '%s' send %s <&-", build_path("tools/chute"),
		 ring);
	tool_run_as("sh", &o, "", 0, ARGS("-c", command));
	tool_said_after(&o, 1, "chute send: standard input: Bad file descriptor", 0);
	tool_free(&o);
}

static void quiet_is_quiet(void **state)
{
	const char *ring = tool_make_ring("quiet", "4K");
	struct tool_output o;

	(void)state;
	tool_run(&o, "one\n", 4, ARGS("send", "--quiet", ring));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", ring, "-q", "--count", "1"));
	tool_said(&o, 0, "");
	assert_string_equal(o.out, "one\n");
	tool_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_in_newlines_and_hold_any_other_byte),
		cmocka_unit_test(frames_and_fixed_sizes_are_cut_where_they_say),
		cmocka_unit_test(what_ends_within_a_record_is_an_error_behind_the_good_ones),
		cmocka_unit_test(what_can_never_fit_is_an_error_behind_the_good_ones),
		cmocka_unit_test(the_longest_line_of_all_fits_and_one_more_byte_does_not),
		cmocka_unit_test(files_are_sent_in_turn_up_to_one_that_can_not_be_read),
		cmocka_unit_test(closed_standard_input_is_an_error),
		cmocka_unit_test(quiet_is_quiet),
	};

	return cmocka_run_group_tests_name("tool_send", tests, tool_setup, tool_teardown);
}
