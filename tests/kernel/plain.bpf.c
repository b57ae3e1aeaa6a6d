// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * plain.bpf.c: a receiver of each kind and all that drains: compiles without a warning, and
 * loads without CAP_PERFMON, with CHUTE_STEP as 1. -DFORGOTTEN, -DPAST: what is refused.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef CHUTE_STEP
#define CHUTE_STEP 1
#endif
#include <chute/chute.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 64 * 1024);
CHUTE_LANES(lanes, 4, 64 * 1024);

struct pair {
	char first[8], second[8];
};

__u64 count, sum;

static int on_pair(const struct pair *pair, void *ctx)
{
	struct pair copy = *pair;

	(void)ctx;
	count++;
	sum += copy.first[0] + copy.second[7];
	return count % 64 ? CHUTE_NEXT : CHUTE_STOP;
}
#ifndef FORGOTTEN
CHUTE_RECEIVE(struct pair, on_pair);
#endif

static int on_any(const void *msg, __u32 size, void *ctx)
{
	(void)ctx;
	sum += size;
#ifdef PAST
	sum += *(const __u64 *)(msg + CHUTE_MESSAGE_MAX - 7);
#else
	sum += *(const __u64 *)msg;
#endif
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(on_any);

static int on_lane(__u32 lane, const struct pair *pair, void *ctx)
{
	(void)ctx;
	sum += lane + pair->first[0];
	return CHUTE_NEXT;
}
CHUTE_LANE_RECEIVE(struct pair, on_lane);

static int on_any_lane(__u32 lane, const void *msg, __u32 size, void *ctx)
{
	(void)ctx;
	sum += lane + size + *(const __u64 *)msg;
	return CHUTE_NEXT;
}
CHUTE_LANE_MESSAGES(on_any_lane);

/* A number of messages is what a test run can tell; an XDP program has its own. */
SEC("xdp")
int packets(struct xdp_md *ctx)
{
	(void)ctx;
	return chute_drain_messages(&ring, on_pair, NULL) > 0 ? XDP_DROP : XDP_PASS;
}

SEC("syscall")
int messages(void *ctx)
{
	long ret = chute_drain_all(&ring, on_any, ctx);

	return chute_drain_more(&ring) ? 0 : ret;
}

SEC("syscall")
int all_lanes(void *ctx)
{
	return chute_drain_lanes(&lanes, on_lane, ctx) + chute_drain_more(&lanes);
}

SEC("syscall")
int all_of_lanes(void *ctx)
{
	return chute_drain_lanes(&lanes, on_any_lane, ctx);
}
