// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * drain.bpf.c: a consumer for tests of producers. User space says how to drain
 * (flags, after how many records to stop) and picks one of three callbacks: one that
 * only counts, one that writes down sizes and both ends of payloads, and one that
 * checks what numbered senders say. Needs nothing that Linux 6.1 has not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../tests/fixture/drained.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

__u64 flags;
__u32 stop_after; /* 0: when there are no more */

/* By drain_and_count(). */
__u64 counted;

/* By drain_and_write(). */
struct written written[WRITTEN_MAX];
__u32 written_count;

/* By drain_and_check(): the next number of each sender, and how many records were not
 * what they should be. */
__u32 next_number[SENDERS];
__u64 wrong;

static __u32 left; /* of stop_after; one drain runs at a time */

static long count(struct bpf_dynptr *record, void *ctx)
{
	counted++;
	return --left == 0;
}

SEC("syscall")
int drain_and_count(void *ctx)
{
	left = stop_after;
	return bpf_user_ringbuf_drain(&ring, count, NULL, flags);
}

/* Not inlined, so that `record` stays in a register in the callback: the verifier
 * forgets that it is a dynptr once it has been spilled to the stack. The size is put
 * together in memory, since there the verifier does not follow its values. */
static __noinline __u32 payload_size(struct bpf_dynptr *record)
{
	static volatile __u32 size;
	int bit;

	size = 0;
#pragma unroll
	for (bit = 23; bit >= 0; bit--) {
		if (bpf_dynptr_data(record, size + (1U << bit), 0))
			size += 1U << bit;
	}
	return size;
}

/* Up to 8 bytes from @offset on. Byte by byte: a read past the end reads nothing. */
static __noinline __u64 bytes_at(struct bpf_dynptr *record, __u32 offset)
{
	static union {
		__u64 all;
		__u8 each[8];
	} bytes;
	int i;

	bytes.all = 0;
#pragma unroll
	for (i = 0; i < 8; i++)
		bpf_dynptr_read(&bytes.each[i], 1, record, offset + i, 0);
	return bytes.all;
}

static long write(struct bpf_dynptr *record, void *ctx)
{
	__u32 size = payload_size(record);
	__u32 n = written_count;

	if (n >= WRITTEN_MAX)
		return 1;
	written[n].size = size;
	written[n].first = bytes_at(record, 0);
	written[n].last = bytes_at(record, size < 8 ? 0 : size - 8);
	written_count = n + 1;
	return --left == 0;
}

SEC("syscall")
int drain_and_write(void *ctx)
{
	left = stop_after;
	written_count = 0;
	return bpf_user_ringbuf_drain(&ring, write, NULL, flags);
}

static long check(struct bpf_dynptr *record, void *ctx)
{
	struct numbered said;

	if (bpf_dynptr_read(&said, sizeof(said), record, 0, 0) || said.sender >= SENDERS ||
	    said.number != next_number[said.sender] || said.sum != numbered_sum(&said)) {
		wrong++;
		return 0;
	}
	next_number[said.sender]++;
	return --left == 0;
}

SEC("syscall")
int drain_and_check(void *ctx)
{
	left = stop_after;
	return bpf_user_ringbuf_drain(&ring, check, NULL, flags);
}
