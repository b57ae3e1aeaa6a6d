/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * count.h: what the sender and the receiver of the example count, the same in
 * user space and in BPF: records, bytes, and a checksum that depends on order.
 *
 * A record is summed in chunks of 64 bytes. The last, shorter one is laid out in
 * zeroes as pieces of 32, 16, 8, 4, 2 and 1 bytes at fixed places, which is what
 * a BPF program can read without being told the record's size.
 */
#ifndef COUNT_H
#define COUNT_H

#define CHUNK 64

struct count {
	__u64 records;
	__u64 bytes;
	__u64 checksum;
};

static inline void count_chunk(struct count *c, const __u64 *words)
{
	int i;

	for (i = 0; i < CHUNK / 8; i++)
		c->checksum = (c->checksum ^ words[i]) * 0x9e3779b97f4a7c15ULL;
}

#endif
