/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin_cases.c: see dropin_run.h. */
#include "dropin_run.h"

#include <chute/chute.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the drop-in answers otherwise than libbpf, line by line. */
static const struct {
	const char *libbpf, *dropin;
} deviations[] = {
	/* A record that the kernel refuses, and with it every drain from then on. */
	{ "reserve 16777216, nearly empty: ok", "reserve 16777216, nearly empty: E2BIG" },
	{ "drain: -7", "drain: 1" },
};

static bool is_deviation(const char *libbpf, const char *dropin)
{
	size_t i;

	for (i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++)
		if (!strcmp(libbpf, deviations[i].libbpf) && !strcmp(dropin, deviations[i].dropin))
			return true;
	return false;
}

/* Compares two texts line by line, and destroys both. */
static void assert_same_but_for_deviations(char *libbpf, char *dropin)
{
	char *left, *right, *left_rest = libbpf, *right_rest = dropin;

	do {
		left = strsep(&left_rest, "\n");
		right = strsep(&right_rest, "\n");
		assert_int_equal(!left, !right);
		if (left && strcmp(left, right) && !is_deviation(left, right))
			fail_msg("libbpf: \"%s\", here: \"%s\"", left, right);
	} while (left);
}

void the_six_calls_are_ours_and_the_rest_is_libbpfs(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static const char expected[] = "new: libchute-libbpf.so.0\n"
				       "reserve: libchute-libbpf.so.0\n"
				       "reserve_blocking: libchute-libbpf.so.0\n"
				       "submit: libchute-libbpf.so.0\n"
				       "discard: libchute-libbpf.so.0\n"
				       "free: libchute-libbpf.so.0\n"
				       "bpf_object__open: libbpf.so.";
	static char output[OUTPUT_MAX];

	run_program(how, "where", NULL, output);
	output[strlen(expected)] = '\0';
	assert_string_equal(output, expected);
}

void its_errors_are_libbpfs(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char rows[OUTPUT_MAX], libbpf[OUTPUT_MAX], expected[OUTPUT_MAX];

	need_bpf();
	read_source("tests/dropin/program/rows.txt", expected);
	run_program(how, "rows", NULL, rows);
	assert_string_equal(rows, expected);
	/* The table is no invention. */
	run_program(PLAIN, "rows", NULL, libbpf);
	assert_same_but_for_deviations(libbpf, rows);
}

void its_records_are_libbpfs(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char bytes[OUTPUT_MAX], libbpf[OUTPUT_MAX];

	need_bpf();
	run_program(how, "bytes", NULL, bytes);
	run_program(PLAIN, "bytes", NULL, libbpf);
	assert_string_equal(bytes, libbpf);
	assert_non_null(strstr(bytes, "reserved: position 16, header 80000007 00000000\n"
				      "submitted: position 16, header 00000007 00000000\n"
				      "drain: 1\n"));
}

/* The next number behind @name in *@text. */
static long long number_after(const char **text, const char *name)
{
	const char *at = strstr(*text, name);
	long long number;
	char *end;

	assert_non_null(at);
	at += strlen(name);
	number = strtoll(at, &end, 10);
	assert_ptr_not_equal(end, at);
	*text = end;
	return number;
}

void a_wait_on_a_nearly_full_ring_takes_no_cpu(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char output[OUTPUT_MAX];
	long long took, cpu;
	const char *at;
	int i;

	need_bpf();
	/* Whoever spins takes all of a CPU. */
	for (i = 0; i < 3; i++) {
		run_program(how, "nearly-full", NULL, output);
		at = output;
		took = number_after(&at, "took ");
		cpu = number_after(&at, "cpu ");
		assert_true(took >= 1000000);
		if (cpu < took / 4)
			return;
	}
	fail_msg("%lld us of CPU time in %lld us", cpu, took);
}

void space_that_nobody_tells_of_is_noticed(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char output[OUTPUT_MAX];
	const char *at;
	int i;

	need_bpf();
	run_program(how, "quiet-consumer", NULL, output);
	assert_null(strstr(output, "errno"));
	for (at = output, i = 0; i < 12; i++)
		number_after(&at, "late ");
}

/* It prints the same with libbpf. */
static void assert_as_libbpf(enum how_run how, const char *command, const char *expected)
{
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(how, command, NULL, output);
	assert_string_equal(output, expected);
	run_program(PLAIN, command, NULL, output);
	assert_string_equal(output, expected);
}

void a_wait_ends_where_libbpfs_does(void **state)
{
	assert_as_libbpf(*(enum how_run *)*state, "ended",
			 "a signal: EINTR\n"
			 "a cancellation: canceled\n"
			 "a signal with SA_RESTART: EINTR\n");
}

void closed_descriptors_are_ebadf(void **state)
{
	assert_as_libbpf(*(enum how_run *)*state, "closed", "EBADF\n");
}

void positions_that_cant_be_true_are_waited_out(void **state)
{
	static char output[OUTPUT_MAX];
	const char *at = output;

	need_bpf();
	run_program(*(enum how_run *)*state, "untrue", NULL, output);
	assert_true(number_after(&at, "took ") >= 100000);
}

void a_handle_has_one_descriptor_and_no_low_one(void **state)
{
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(*(enum how_run *)*state, "descriptors", NULL, output);
	assert_string_equal(output, "one more: yes, low: no\n");
}

void failures_are_told_to_libbpfs_callback(void **state)
{
	static char output[OUTPUT_MAX];

	run_program(*(enum how_run *)*state, "told", NULL, output);
	assert_string_equal(output, "level 0: libbpf: user ringbuf (chute): map fd -1: "
				    "File descriptor in bad state\nkept\n");
}

void what_is_discarded_stays_so_and_nothing_is_finished(void **state)
{
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(*(enum how_run *)*state, "twice", NULL, output);
	assert_string_equal(output, "discarded, then submitted: drain 0\n"
				    "submitted, then NULL: drain 1\n");
}

void a_timeout_of_0_makes_no_system_call(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(how, "not-at-all", NULL, output);
	assert_string_equal(output, "lived\n");
	/* The trap closes: libbpf asks epoll. */
	run_program(PLAIN, "not-at-all", NULL, output);
	assert_string_equal(output, "killed\n");
}

void a_lock_around_reserve_is_enough_for_threads(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(how, "threads", NULL, output);
	assert_string_equal(output, "sender 0: 200000\nsender 1: 200000\nsender 2: 200000\n"
				    "wrong: 0\n");
}

void two_handles_may_take_turns(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(how, "two-handles", NULL, output);
	assert_string_equal(output, "sender 0: 20000\nsender 1: 20000\nsender 2: 2858\nwrong: 0\n");
}

void a_forked_child_may_take_turns(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	static char output[OUTPUT_MAX];

	need_bpf();
	run_program(how, "two-processes", NULL, output);
	assert_string_equal(output, "sender 0: 20000\nsender 1: 20000\nsender 2: 0\nwrong: 0\n"
				    "drain: 1\n");
}

void a_ring_that_a_chute_handle_has_is_ebusy(void **state)
{
	const enum how_run how = *(enum how_run *)*state;
	const struct chute_opts shared = { .sz = sizeof(shared), .flags = CHUTE_SHARED };
	static char output[OUTPUT_MAX];
	char fd_text[16];
	struct chute *c;
	int fd, i;

	need_bpf();
	fd = chute_map("dropin", 4096);
	assert_true(fd >= 0);
	snprintf(fd_text, sizeof(fd_text), "%d", dup(fd));
	for (i = 0; i < 2; i++) {
		c = chute_open_map(fd, i ? &shared : NULL);
		assert_non_null(c);
		run_program(how, "open", fd_text, output);
		assert_string_equal(output, "new, inherited: EBUSY\n");
		chute_close(c);
		run_program(how, "open", fd_text, output);
		assert_string_equal(output, "new, inherited: ok\n");
	}
	close(atoi(fd_text));
	close(fd);
}
