/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.h: a ring in a map that a BPF program of ours drains, brought to a given position.
 * none.c stands in for it in a build without BPF programs.
 *
 * Whoever returns a failure has complained.
 */
#ifndef CHUTE_TOOLS_BPF_KERNEL_H
#define CHUTE_TOOLS_BPF_KERNEL_H

#include "../../bpf/oracle.h"

#include <stddef.h>

struct kernel_ring;

/* What a drain has returned, where it has left the consumer, what it has found. */
struct kernel_drained {
	long returned;
	unsigned long pos;
	const struct oracle_log *log;
};

/* A map with @size bytes of data, whose consumer stands at @pos. NULL after a failure. */
struct kernel_ring *kernel_ring_open(size_t size, unsigned long pos);
void kernel_ring_close(struct kernel_ring *k);

/* Fill it with the data that is in the file @fd from @offset on, and publish it. Returns an
 * exit status. */
int kernel_ring_fill(struct kernel_ring *k, int fd, size_t offset, unsigned long producer_pos);

/* One drain. Returns an exit status. */
int kernel_ring_drain(struct kernel_ring *k, struct kernel_drained *drained);

#endif
