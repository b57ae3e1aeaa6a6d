// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * replay.bpf.c: the kernel's drain for chute replay, writing down all that its callback
 * is given. Needs nothing that Linux 6.1 has not: without bpf_dynptr_size(), a payload's
 * size is found by asking where it ends.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../tools/bpf/replay_log.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

struct replay_log written;

/* Neither of these is inlined, so that `record` stays in a register in the callback: the
 * verifier forgets that it is a dynptr once it has been spilled to the stack. The size is
 * put together in memory, since there the verifier does not follow its values. */
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
	if (at > REPLAY_WHOLE || size > REPLAY_WHOLE)
		return 1;
	return bpf_dynptr_read(&written.bytes[at], size, record, 0, 0);
}

static __noinline int keep_ends(struct bpf_dynptr *record, __u32 size, __u32 at)
{
	if (at > REPLAY_WHOLE)
		return 1;
	return bpf_dynptr_read(&written.bytes[at], REPLAY_END, record, 0, 0) ||
	       bpf_dynptr_read(&written.bytes[at + REPLAY_END], REPLAY_END, record,
			       size - REPLAY_END, 0);
}

static long write_down(struct bpf_dynptr *record, void *ctx)
{
	__u32 size = payload_size(record);
	__u32 n = written.count;
	int err;

	if (n >= REPLAY_ENTRIES)
		return 1;
	written.entries[n].size = size;
	written.entries[n].at = written.used;
	err = size <= REPLAY_WHOLE ? keep_whole(record, size, written.used)
				   : keep_ends(record, size, written.used);
	/* Can't be; the size shows it. */
	if (err)
		written.entries[n].size = ~0U;
	written.used += replay_kept(size);
	written.count = n + 1;
	return written.used >= REPLAY_WHOLE;
}

SEC("syscall")
int drain(void *ctx)
{
	written.count = 0;
	written.used = 0;
	return bpf_user_ringbuf_drain(&ring, write_down, NULL, BPF_RB_NO_WAKEUP);
}
