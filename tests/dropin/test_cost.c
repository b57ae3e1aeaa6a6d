// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_cost: reserve and submit cost at most 0.4 times as much in the drop-in as in libbpf,
 * in the same run. Being called costs the same in both, and on some machines alone more
 * than 0.4 times; calls that do nothing tell how much.
 */
#include "dropin_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 30

struct cost {
	double ours, peer, calls, ratio, net;
};

static struct cost measure(void)
{
	struct cost cost;
	char command[8192];
	FILE *f;

	snprintf(command, sizeof(command), "%s", build_path("tests/dropin/program/ratio"));
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " %s libbpf.so.1",
		 build_path("libchute-libbpf.so.0"));
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "ours %lf peer %lf calls %lf ratio %lf net %lf", &cost.ours,
				&cost.peer, &cost.calls, &cost.ratio, &cost.net),
			 5);
	assert_int_equal(pclose(f), 0);
	print_message(
		"# reserve and submit: %.2f ns, libbpf's %.2f ns, ratio %.3f; without %.2f ns "
		"for the calls %.3f\n",
		cost.ours, cost.peer, cost.ratio, cost.calls, cost.net);
	return cost;
}

static void reserve_and_submit_cost_at_most_0_4_times_libbpfs(void **state)
{
	struct cost cost;
	int i = 0;

	(void)state;
	need_bpf();
	/* Another process on the CPU's other half slows the calls, and libbpf's locked
	 * exchange hardly at all: then the rest is held to what makes 0.4 on a quiet one. */
	do {
		cost = measure();
	} while (++i < TRIES && cost.ratio > 0.4 && cost.net > 0.15);
	assert_true(cost.ratio <= 0.4 || cost.net <= 0.15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserve_and_submit_cost_at_most_0_4_times_libbpfs),
	};

	return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
