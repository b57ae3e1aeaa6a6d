/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h: a BPF program that drains a ring: loaded from an object file, or found
 * where it runs, and run by BPF_PROG_TEST_RUN. Needs libbpf; program_none.c stands in
 * for it in a build without.
 *
 * Whoever returns a failure has complained.
 */
#ifndef CHUTE_TOOLS_BPF_PROGRAM_H
#define CHUTE_TOOLS_BPF_PROGRAM_H

#include <linux/types.h>
#include <stdbool.h>

struct program_choice {
	const char *ring;   /* as the user gave it, for complaints */
	__u32 map_id;	    /* of the ring */
	const char *object; /* a file; NULL: the program is in the kernel already */
	const char *name;   /* in the object; else id:N, or the path where it is pinned */
	const char *map;    /* the object's map that the ring stands for; NULL: its only one */
	bool verbose;	    /* let libbpf, and the verifier, say what they have to say */
};

struct program;

/* NULL after a failure. */
struct program *program_open(const struct program_choice *choice);
void program_close(struct program *program);

/* Run it once. Returns 0 with what it returned, or -errno: it can't be run so. */
int program_run(struct program *program, int *returned);

#endif
