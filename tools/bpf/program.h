/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h: a BPF program in the kernel that drains a ring, run by BPF_PROG_TEST_RUN.
 * Needs libbpf; none.c stands in for it in a build without.
 */
#ifndef CHUTE_TOOLS_BPF_PROGRAM_H
#define CHUTE_TOOLS_BPF_PROGRAM_H

#include "ring/open.h"

struct program;

/* The program @name, id:N or the path where it is pinned. NULL after a complaint. */
struct program *program_open(const struct ring *ring, const char *name);
void program_close(struct program *program);

/* Run it once. Returns 0 with what it returned, or -errno: it can't be run so. */
int program_run(struct program *program, int *returned);

#endif
