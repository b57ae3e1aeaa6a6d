// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_preload: a program that was built against the system's libbpf, and knows nothing of
 * chute, has the six calls from a preloaded drop-in, and they keep libbpf's contract.
 */
#include "dropin_run.h"

#include <string.h>

static enum how_run how = PRELOADED;

static void without_it_they_are_libbpfs(void **state)
{
	static char output[OUTPUT_MAX];

	(void)state;
	run_program(PLAIN, "where", NULL, output);
	assert_null(strstr(output, "chute"));
	assert_non_null(strstr(output, "reserve: libbpf.so."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_it_they_are_libbpfs),
		DROPIN_CASES(&how),
	};

	return cmocka_run_group_tests_name("preload", tests, NULL, NULL);
}
