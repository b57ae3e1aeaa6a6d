/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.h: the calls of bpf(2) that look and change nothing.
 *
 * All return a descriptor, which is the caller's, or 0; or -errno.
 */
#ifndef CHUTE_TOOLS_BPF_CALLS_H
#define CHUTE_TOOLS_BPF_CALLS_H

#include <linux/bpf.h>
#include <linux/types.h>

/*
 * A map by its id, and by where it is pinned. @flags: BPF_F_RDONLY, with which only a
 * map's pin opens, and reading it must be permitted, no more; but the kernel maps
 * no memory of such a descriptor, not even read-only.
 */
int bpf_map_by_id(__u32 id);
int bpf_map_by_path(const char *path, __u32 flags);

/* What map is it? */
int bpf_map_info(int fd, struct bpf_map_info *info);

/* The next id above *id; what program has it; and, with info.nr_map_ids and
 * info.map_ids, which maps that uses. */
int bpf_program_next_id(__u32 *id);
int bpf_program_by_id(__u32 id);
int bpf_program_info(int fd, struct bpf_prog_info *info);

#endif
