/* SPDX-License-Identifier: BSD-2-Clause */
/* mring_none.c: mring.h in a build without BPF programs. */
#include "mring.h"

void mring_open(struct mring *r, const char *name, size_t size)
{
	(void)r;
	(void)name;
	(void)size;
	skip_because("built without the BPF programs: clang, bpftool or libbpf is missing");
}

void mring_close(struct mring *r)
{
	(void)r;
}

int mring_program(const struct mring *r, const char *name)
{
	(void)r;
	(void)name;
	return -1;
}

int mring_map(const struct mring *r, const char *name)
{
	return mring_program(r, name);
}

long mring_run(int program_fd)
{
	return program_fd;
}

struct received mring_received(const struct mring *r)
{
	(void)r;
	return (struct received){ 0 };
}
