/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * drained.h: what bpf/drain.bpf.c and the tests that use it say to each other.
 */
#ifndef CHUTE_TESTS_DRAINED_H
#define CHUTE_TESTS_DRAINED_H

#include <linux/types.h>

#define WRITTEN_MAX 1024
#define SENDERS	    8

/* A record that was drained: its size, and up to 8 bytes at both ends of its payload. */
struct written {
	__u32 size;
	__u32 pad;
	__u64 first, last;
};

/* A record that says who sent it, and its number, from 0 on. */
struct numbered {
	__u32 sender;
	__u32 number;
	__u64 sum;
};

static inline __u64 numbered_sum(const struct numbered *n)
{
	return ((__u64)n->sender << 32 | n->number) * 0x9e3779b97f4a7c15ULL + 1;
}

#endif
