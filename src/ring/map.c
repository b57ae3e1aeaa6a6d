/* SPDX-License-Identifier: BSD-2-Clause */
/* map.c: make and pin a ring in a BPF map. */
#include "ring/bpf.h"
#include "ring/ring.h"

#include <chute/chute.h>

#include <errno.h>

int chute_map(const char *name, size_t size)
{
	return chute_ring_size_ok(size) ? chute_bpf_map_create(name, (__u32)size) : -EINVAL;
}

int chute_pin(int map_fd, const char *bpffs_path)
{
	return chute_bpf_pin(map_fd, bpffs_path);
}
