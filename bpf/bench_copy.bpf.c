// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * bench_copy.bpf.c: a receiver that copies every message out of the ring, whatever
 * its size: for what a stream of bytes can reach.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../bench/bench.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[BENCH_COPY_MAX]);
} target SEC(".maps");

struct bench_totals received;
volatile __u32 message_size; /* of each message: set by user space */

static long copy(struct bpf_dynptr *record, void *ctx)
{
	__u32 zero = 0, size = message_size;
	char *to = bpf_map_lookup_elem(&target, &zero);

	if (!to || size < 8 || size > BENCH_COPY_MAX)
		return 1;
	if (bpf_dynptr_read(to, size, record, 0, 0))
		return 0;
	received.sum += *(__u64 *)to;
	received.messages++;
	return 0;
}

SEC("syscall")
int drain_copy(void *ctx)
{
	return bpf_user_ringbuf_drain(&ring, copy, NULL, 0);
}
