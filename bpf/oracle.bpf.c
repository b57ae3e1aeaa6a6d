// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * oracle.bpf.c: the kernel's drain, told what to do by a test or by chute replay, and
 * writing down all that its callback is given. Needs nothing that Linux 6.1 has not: without
 * bpf_dynptr_size(), a payload's size is found by asking where it ends.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "oracle.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

/* Always empty: a forced wake-up on it tells that those queued before it on the
 * same CPU have been delivered. */
struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} fence_ring SEC(".maps");

struct oracle_order order;
struct oracle_log written;
long nested_ret;
__u32 inside; /* a callback is held */

/*
 * Not inlined, so that `record` stays in a register in the callback: the verifier
 * forgets that it is a dynptr once it has been spilled to the stack. The size is
 * put together in memory, since there the verifier does not follow its 2^24 values.
 */
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

static __noinline int keep_whole(struct bpf_dynptr *record, __u32 size, __u32 at)
{
	if (at > ORACLE_WHOLE || size > ORACLE_WHOLE)
		return 1;
	return bpf_dynptr_read(&written.bytes[at], size, record, 0, 0);
}

static __noinline int keep_ends(struct bpf_dynptr *record, __u32 size, __u32 at)
{
	if (at > ORACLE_WHOLE)
		return 1;
	return bpf_dynptr_read(&written.bytes[at], ORACLE_END, record, 0, 0) ||
	       bpf_dynptr_read(&written.bytes[at + ORACLE_END], ORACLE_END, record,
			       size - ORACLE_END, 0);
}

static long ignore(struct bpf_dynptr *record, void *ctx)
{
	return 0;
}

static long look_whether_held(__u32 i, void *ctx)
{
	const volatile __u32 *hold = &order.hold;

	bpf_ktime_get_ns(); /* makes it last */
	return !*hold;
}

static long write_down(struct bpf_dynptr *record, void *ctx)
{
	__u32 size = payload_size(record);
	__u32 n = written.count;
	int err;

	if (n >= ORACLE_ENTRIES)
		return 1;
	written.entries[n].size = size;
	written.entries[n].at = written.used;
	err = size <= ORACLE_WHOLE ? keep_whole(record, size, written.used)
				   : keep_ends(record, size, written.used);
	/* Can't be; the size shows it. */
	if (err)
		written.entries[n].size = ~0U;
	written.used += oracle_kept(size);
	written.count = n + 1;
	if (order.nested)
		nested_ret = bpf_user_ringbuf_drain(&ring, ignore, NULL, order.nested_flags);
	if (order.hold) {
		inside = 1;
		bpf_loop(1 << 23, look_whether_held, NULL, 0);
		inside = 0;
	}
	return written.count == order.stop_after || written.used >= ORACLE_WHOLE;
}

SEC("syscall")
int drain(void *ctx)
{
	return bpf_user_ringbuf_drain(&ring, write_down, NULL, order.flags);
}

/* Beside the first one. */
SEC("syscall")
int drain_too(void *ctx)
{
	return bpf_user_ringbuf_drain(&ring, ignore, NULL, 0);
}

SEC("syscall")
int fence(void *ctx)
{
	return bpf_user_ringbuf_drain(&fence_ring, ignore, NULL, BPF_RB_FORCE_WAKEUP);
}
