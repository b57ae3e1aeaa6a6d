/* SPDX-License-Identifier: BSD-2-Clause */
/* drain_lanes.c: drains several memory rings in turn, a little of each at a time. */
#include <chute/lanes.h>

#include "consumer/messages.h"

struct lane {
	chute_lane_fn *fn;
	void *ctx;
	__u32 index;
};

static int deliver(const void *msg, __u32 size, void *ctx)
{
	struct lane *lane = ctx;

	return lane->fn(lane->index, msg, size, lane->ctx);
}

long chute_drain_lanes(struct chute_consumer *const *consumers, unsigned int count,
		       chute_lane_fn *fn, void *ctx, __u64 flags, struct chute_messages *found)
{
	const unsigned int rounds = CHUTE_DRAIN_MAX / CHUTE_LANE_QUOTA;
	struct lane lane = { .fn = fn, .ctx = ctx };
	struct chute_messages none = { 0 };
	bool more = true, stopped = false;
	long ret, err = 0, messages = 0;
	unsigned int round, i;
	__u32 first;

	if (!found)
		found = &none;
	first = found->turn;
	for (round = 0; more && !stopped && round < rounds; round++) {
		more = false;
		for (i = 0; i < count && !stopped; i++) {
			lane.index = (first + i) % count;
			if (!consumers[lane.index])
				continue;
			ret = chute_drain_some_messages(consumers[lane.index], deliver, &lane,
							flags, CHUTE_LANE_QUOTA, found, &stopped);
			if (ret >= 0)
				messages += ret;
			else if (!err)
				err = ret;
			more |= found->more;
		}
	}
	if (stopped)
		found->turn = lane.index + 1;
	found->more = more;
	return err ? err : messages;
}
