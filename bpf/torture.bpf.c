// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * torture.bpf.c: the consumer of the torture: writes each record down, whole, in a log
 * that user space reads. Takes no record that might not fit there. Needs nothing that
 * Linux 6.1 has not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../tests/torture/log.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

struct log entries;

static int is_full(void)
{
	return entries.head + log_entry_bytes(LOG_PAYLOAD) - *(volatile __u64 *)&entries.tail >
	       LOG_BYTES;
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
	for (bit = 14; bit >= 0; bit--) {
		if (bpf_dynptr_data(record, size + (1U << bit), 0))
			size += 1U << bit;
	}
	return size;
}

static __noinline int write_payload(struct bpf_dynptr *record, __u32 size)
{
	__u32 at = entries.head & (LOG_BYTES - 1);

	if (size > LOG_PAYLOAD)
		return 1;
	*(__u64 *)&entries.bytes[at & ~7U] = size;
	return bpf_dynptr_read(&entries.bytes[(at & ~7U) + 8], size, record, 0, 0);
}

static long write_down(struct bpf_dynptr *record, void *ctx)
{
	__u32 size = payload_size(record);

	if (write_payload(record, size))
		entries.too_long++;
	else
		/* A full barrier: the entry is there before it counts. */
		__sync_fetch_and_add(&entries.head, log_entry_bytes(size));
	return is_full();
}

SEC("syscall")
int drain(void *ctx)
{
	return is_full() ? 0 : bpf_user_ringbuf_drain(&ring, write_down, NULL, 0);
}
