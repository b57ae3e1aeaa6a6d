// SPDX-License-Identifier: BSD-2-Clause
/* replay_none.c: in place of replay.c where BPF programs can't be built. */
#include "bpf/replay.h"
#include "cli/tool.h"

struct replay_kernel *replay_kernel_open(size_t size, unsigned long pos)
{
	(void)size;
	(void)pos;
	tool_complain("--kernel: this build of chute has no BPF programs: build it where libbpf, "
		      "clang and bpftool are");
	return NULL;
}

void replay_kernel_close(struct replay_kernel *k)
{
	(void)k;
}

int replay_kernel_fill(struct replay_kernel *k, int fd, size_t offset, unsigned long producer_pos)
{
	(void)k;
	(void)fd;
	(void)offset;
	(void)producer_pos;
	return TOOL_CANT_LOOK;
}

int replay_kernel_drain(struct replay_kernel *k, long *returned)
{
	(void)k;
	(void)returned;
	return TOOL_CANT_LOOK;
}

const struct replay_log *replay_kernel_log(const struct replay_kernel *k)
{
	(void)k;
	return NULL;
}

unsigned long replay_kernel_consumer_pos(const struct replay_kernel *k)
{
	(void)k;
	return 0;
}
