// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_torture: a short torture: some hundred processes are killed, and those that live
 * get on, lose nothing and see nothing torn. `make torture` is the long one.
 */
#include "support.h"

#include "torture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define KILLS  100
#define STRIDE 101

static void open_sink(struct sink *sink, bool kernel)
{
	if (kernel)
		need_bpf();
	assert_int_equal(sink_open(sink, kernel), 0);
}

static void check_and_close(struct sink *sink, const struct report *report)
{
	sink_close(sink);
	if (!report_is_good(report))
		report_print(stderr, sink->name, report);
	assert_true(report_is_good(report));
	/* It is about something. */
	assert_true(report->kills && report->delivered);
}

static void at_random(bool kernel)
{
	const __u64 seed = (__u64)time(NULL);
	struct report report = { 0 };
	struct sink sink;

	open_sink(&sink, kernel);
	print_message("# seed %llu\n", (unsigned long long)seed);
	kill_at_random(&sink, KILLS, seed, &report);
	check_and_close(&sink, &report);
	assert_int_equal(report.kills, KILLS);
}

static void at_instructions(bool kernel)
{
	struct report report = { 0 };
	struct sink sink;
	bool works;

	open_sink(&sink, kernel);
	works = kill_at_every_instruction(&sink, STRIDE, &report);
	if (!works) {
		sink_close(&sink);
		skip_because("processes can't be stepped through here (ptrace(2), or the CPU)");
	}
	check_and_close(&sink, &report);
	assert_true(report.takeovers && report.recovered);
}

static void producers_killed_at_random_harm_nobody(void **state)
{
	(void)state;
	at_random(false);
}

static void producers_killed_at_random_harm_nobody_in_the_kernel(void **state)
{
	(void)state;
	at_random(true);
}

static void a_producer_killed_at_any_instruction_harms_nobody(void **state)
{
	(void)state;
	at_instructions(false);
}

static void a_producer_killed_at_any_instruction_harms_nobody_in_the_kernel(void **state)
{
	(void)state;
	at_instructions(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(producers_killed_at_random_harm_nobody),
		cmocka_unit_test(producers_killed_at_random_harm_nobody_in_the_kernel),
		cmocka_unit_test(a_producer_killed_at_any_instruction_harms_nobody),
		cmocka_unit_test(a_producer_killed_at_any_instruction_harms_nobody_in_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
