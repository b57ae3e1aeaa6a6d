/* SPDX-License-Identifier: BSD-2-Clause */
/* runner_none.c: in place of the kernel's runner and cases where BPF programs could
 * not be built. What runs in user space runs all the same. */
#include "support.h"

#include "kernel_cases.h"
#include "runner.h"

struct runner *runner_open_kernel(size_t size)
{
	(void)size;
	skip_because("built without the BPF programs");
	return NULL;
}

const struct kernel_case kernel_cases[] = { { 0 } };
const size_t kernel_case_count = 0;
