// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dropin: a program that is linked with -lchute-libbpf before -lbpf has the six calls
 * from the one and all else from the other, and they keep libbpf's contract.
 */
#include "dropin_run.h"

#include <string.h>

static enum how_run how = LINKED;

static void the_six_calls_are_ours_and_the_rest_is_libbpfs(void **state)
{
	static const char expected[] = "new: libchute-libbpf.so.0\n"
				       "reserve: libchute-libbpf.so.0\n"
				       "reserve_blocking: libchute-libbpf.so.0\n"
				       "submit: libchute-libbpf.so.0\n"
				       "discard: libchute-libbpf.so.0\n"
				       "free: libchute-libbpf.so.0\n"
				       "bpf_object__open: libbpf.so.";
	static char output[OUTPUT_MAX];

	(void)state;
	run_program(how, "where", NULL, output);
	output[strlen(expected)] = '\0';
	assert_string_equal(output, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_six_calls_are_ours_and_the_rest_is_libbpfs),
		DROPIN_CASES(&how),
	};

	return cmocka_run_group_tests_name("dropin", tests, NULL, NULL);
}
