/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf.h: the few bpf(2) calls that libchute makes, without libbpf.
 *
 * All return a descriptor or 0, or -errno as bpf(2) has it.
 */
#ifndef CHUTE_SRC_BPF_H
#define CHUTE_SRC_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

int chute_bpf_map_info(int map_fd, struct bpf_map_info *info);
/* Is that of a BPF_MAP_TYPE_USER_RINGBUF? */
bool chute_bpf_is_user_ring(const struct bpf_map_info *info);
int chute_bpf_map_by_id(__u32 id);
/* @flags: 0, or BPF_F_RDONLY, with which no memory can be mapped. */
int chute_bpf_map_by_path(const char *path, __u32 flags);
int chute_bpf_map_next_id(__u32 *id);
int chute_bpf_map_lookup(int map_fd, const void *key, void *value);
int chute_bpf_map_create(const char *name, __u32 size);
/* Runs a SEC("syscall") program once; *retval is what it returned. */
int chute_bpf_test_run(int prog_fd, __u32 *retval);
int chute_bpf_pin(int fd, const char *path);

#endif
