// SPDX-License-Identifier: BSD-2-Clause
/* none.c: in place of the rest of this folder where libbpf, or what builds BPF programs, is
 * missing. */
#include "bpf/kernel.h"
#include "bpf/program.h"
#include "cli/tool.h"
#include "ring/users.h"

#include <errno.h>

#pragma GCC diagnostic ignored "-Wunused-parameter"

struct program *program_open(const struct ring *ring, const char *name)
{
	tool_complain(
		"%s: this build of chute has no libbpf, and can't find BPF programs: build it "
		"where libbpf, clang and bpftool are",
		ring->given);
	return NULL;
}

void program_close(struct program *program)
{
}

int program_run(struct program *program, int *returned)
{
	return -EOPNOTSUPP;
}

struct kernel_ring *kernel_ring_open(size_t size, unsigned long pos)
{
	tool_complain("--kernel: this build of chute has no BPF programs: build it where libbpf, "
		      "clang and bpftool are");
	return NULL;
}

void kernel_ring_close(struct kernel_ring *k)
{
}

int kernel_ring_fill(struct kernel_ring *k, int fd, size_t offset, unsigned long producer_pos)
{
	return TOOL_FAILED;
}

int kernel_ring_drain(struct kernel_ring *k, struct kernel_drained *drained)
{
	return TOOL_FAILED;
}

void users_add_programs(struct users *users)
{
}
