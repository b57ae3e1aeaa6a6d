// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * messages.bpf.c: the consumer of tests/fixture/receive.h in BPF, by CHUTE_MESSAGES() with
 * the defaults and with the shortest steps.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

#include "../tests/fixture/receive.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 64 * 1024);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct received);
} received SEC(".maps");

/* Always empty: a forced wake-up on it tells that those queued before it on the
 * same CPU have been delivered. */
struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} fence_ring SEC(".maps");

CHUTE_MESSAGES(receive_ends);

#undef CHUTE_STEP
#define CHUTE_STEP 1
CHUTE_MESSAGES(receive_whole);

static __always_inline struct received *totals(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&received, &zero);
}

SEC("syscall")
int drain_ends(void *ctx)
{
	struct received *got = totals();

	return got ? chute_drain_messages(&ring, receive_ends, got) : -1;
}

SEC("syscall")
int drain_whole(void *ctx)
{
	struct received *got = totals();

	return got ? chute_drain_messages(&ring, receive_whole, got) : -1;
}

static long ignore(struct bpf_dynptr *record, void *ctx)
{
	return 0;
}

SEC("syscall")
int fence(void *ctx)
{
	return bpf_user_ringbuf_drain(&fence_ring, ignore, NULL, BPF_RB_FORCE_WAKEUP);
}
