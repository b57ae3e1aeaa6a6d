// SPDX-License-Identifier: BSD-2-Clause
/* program_none.c: in place of program.c where libbpf is missing. */
#include "bpf/program.h"
#include "cli/tool.h"

#include <errno.h>
#include <stddef.h>

struct program *program_open(const struct program_choice *choice)
{
	tool_complain("%s: this build of chute has no libbpf, and can't load or find BPF programs: "
		      "build it where libbpf, clang and bpftool are",
		      choice->ring);
	return NULL;
}

void program_close(struct program *program)
{
	(void)program;
}

int program_run(struct program *program, int *returned)
{
	(void)program;
	(void)returned;
	return -EOPNOTSUPP;
}
