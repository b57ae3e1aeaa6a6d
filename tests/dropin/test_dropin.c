// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dropin: a program that is linked with -lchute-libbpf before -lbpf has the six calls
 * from the one and all else from the other, and they keep libbpf's contract.
 */
#include "dropin_run.h"

static enum how_run how = LINKED;

int main(void)
{
	const struct CMUnitTest tests[] = {
		DROPIN_CASES(&how),
	};

	return cmocka_run_group_tests_name("dropin", tests, NULL, NULL);
}
