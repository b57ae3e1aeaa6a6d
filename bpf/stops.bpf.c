// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* stops.bpf.c: receivers that stop, for tests: by CHUTE_MESSAGES() and by CHUTE_RECEIVE(). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

#include "../tests/fixture/stops.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 64 * 1024);

struct stops stops;
__u32 more;	/* after the last drain */
__u64 sleep_at; /* as this message is received a producer comes to sleep */

static int on_any(const void *msg, __u32 size, void *ctx)
{
	struct chute_side *side;
	__u32 zero = 0;

	(void)ctx;
	if (sleep_at && stops.next == sleep_at) {
		side = bpf_map_lookup_elem(&ring_side, &zero);
		if (side)
			side->sleepers = 1;
	}
	return stops_any(msg, size, &stops);
}
CHUTE_MESSAGES(on_any);

static int on_number(const __u64 *number, void *ctx)
{
	(void)ctx;
	return stops_take(&stops, *number);
}
CHUTE_RECEIVE(__u64, on_number);

SEC("syscall")
int drain_any(void *ctx)
{
	long ret = chute_drain_messages(&ring, on_any, NULL);

	(void)ctx;
	more = chute_drain_more(&ring);
	return ret;
}

SEC("syscall")
int drain_numbers(void *ctx)
{
	long ret = chute_drain_messages(&ring, on_number, NULL);

	(void)ctx;
	more = chute_drain_more(&ring);
	return ret;
}

SEC("syscall")
int drain_all(void *ctx)
{
	long ret = chute_drain_all(&ring, on_any, NULL);

	(void)ctx;
	more = chute_drain_more(&ring);
	return ret;
}
