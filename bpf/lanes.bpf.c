// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * lanes.bpf.c: drains lanes for tests: by a function for one type of message, or by one
 * for any size. User space puts the rings in.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../tests/fixture/laned.h"

#define CHUTE_STEP 4 /* two drains of four lanes: what the verifier can walk through */
#include <chute/chute.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_LANES(lanes, LANES, 4096);

struct heard heard;

static int on_said(__u32 lane, const struct said *said, void *ctx)
{
	hear(&heard, lane, said);
	++*(__u64 *)ctx;
	return CHUTE_NEXT;
}
CHUTE_LANE_RECEIVE(struct said, on_said);

static int on_any(__u32 lane, const void *msg, __u32 size, void *ctx)
{
	if (size == sizeof(struct said))
		hear(&heard, lane, msg);
	else
		heard.wrong++;
	++*(__u64 *)ctx;
	return CHUTE_NEXT;
}
CHUTE_LANE_MESSAGES(on_any);

/* What the last drain's functions have counted by way of their context. */
__u64 counted;

SEC("syscall")
int drain_said(void *ctx)
{
	__u64 count = 0;
	long ret = chute_drain_lanes(&lanes, on_said, &count);

	counted = count;
	return ret;
}

SEC("syscall")
int drain_any(void *ctx)
{
	__u64 count = 0;
	long ret = chute_drain_lanes(&lanes, on_any, &count);

	counted = count;
	return ret;
}
