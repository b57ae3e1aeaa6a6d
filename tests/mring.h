/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mring.h: a ring in a BPF map with a program that receives messages from it:
 * bpf/messages.bpf.c, messages_probe.bpf.c or typed.bpf.c.
 */
#ifndef CHUTE_TESTS_MRING_H
#define CHUTE_TESTS_MRING_H

#include "support.h"
#include "receive.h"

#include <chute/format.h>

struct mring {
	void *object;
	int map_fd, side_fd, received_fd;
	const struct chute_side *side; /* mapped */
	size_t side_size;
};

/* A map with @size bytes of data, and the programs of @name. Ends the test case as
 * skipped where there is no BPF. */
void mring_open(struct mring *r, const char *name, size_t size);
void mring_close(struct mring *r);

/* The descriptor of a program of it, and of another map. */
int mring_program(const struct mring *r, const char *name);
int mring_map(const struct mring *r, const char *name);

/* Run such a program: what it returned. Any thread. */
long mring_run(int program_fd);

/* What has been received so far. */
struct received mring_received(const struct mring *r);

#endif
