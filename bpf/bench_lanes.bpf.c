// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* bench_lanes.bpf.c: drains two lanes and adds up what it finds. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

#include "../bench/bench.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_LANES(lanes, 2, BENCH_LANE_SIZE);

struct bench_totals received;

static __always_inline int add_8(__u32 lane, const struct bench_message_8 *message, void *ctx)
{
	received.sum += message->word;
	received.messages++;
	return CHUTE_NEXT;
}
CHUTE_LANE_RECEIVE(struct bench_message_8, add_8);

SEC("syscall")
int drain_lanes(void *ctx)
{
	return chute_drain_lanes(&lanes, add_8, NULL);
}
