/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_cases.h: what the kernel alone promises: the map and its memory. */
#ifndef CHUTE_TESTS_KERNEL_CASES_H
#define CHUTE_TESTS_KERNEL_CASES_H

#include <stddef.h>

struct kernel_case {
	const char *name;
	void (*run)(void **state); /* starts with need_bpf() */
};

extern const struct kernel_case kernel_cases[];
extern const size_t kernel_case_count;

#endif
