/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_calls.h: the calls of bpf(2) that look and change nothing.
 *
 * All return a descriptor, which is the caller's, or 0; or -errno.
 */
#ifndef CHUTE_TOOLS_BPF_CALLS_H
#define CHUTE_TOOLS_BPF_CALLS_H

#include <linux/bpf.h>
#include <linux/types.h>

/* A map, for reading only, by its id, and by where it is pinned. */
int bpf_map_by_id(__u32 id);
int bpf_map_by_path(const char *path);

/* What map is it? -EINVAL also for what is no map. */
int bpf_map_info(int fd, struct bpf_map_info *info);

/* The next id above *id; what program has it; and, with info.nr_map_ids and
 * info.map_ids, which maps that uses. */
int bpf_program_next_id(__u32 *id);
int bpf_program_by_id(__u32 id);
int bpf_program_info(int fd, struct bpf_prog_info *info);

#endif
