/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h: a ring in a map that a BPF program of ours drains, brought to a given
 * position. replay_none.c stands in for it in a build without BPF programs.
 *
 * Whoever returns a failure has complained.
 */
#ifndef CHUTE_TOOLS_BPF_REPLAY_H
#define CHUTE_TOOLS_BPF_REPLAY_H

#include "bpf/replay_log.h"

#include <stddef.h>

struct replay_kernel;

/* A map with @size bytes of data, whose consumer stands at @pos. NULL after a failure. */
struct replay_kernel *replay_kernel_open(size_t size, unsigned long pos);
void replay_kernel_close(struct replay_kernel *k);

/* Fill it with the data that is in the file @fd from @offset on, and publish it. */
int replay_kernel_fill(struct replay_kernel *k, int fd, size_t offset, unsigned long producer_pos);

/* One drain: returns 0 with what it returned, or an exit status. */
int replay_kernel_drain(struct replay_kernel *k, long *returned);

const struct replay_log *replay_kernel_log(const struct replay_kernel *k);
unsigned long replay_kernel_consumer_pos(const struct replay_kernel *k);

#endif
