/* SPDX-License-Identifier: BSD-2-Clause */
/* drain_lanes.c: drains several memory rings in turn, a little of each at a time. */
#include <chute/lanes.h>

#include "consumer/messages.h"

struct lane {
	chute_lane_fn *fn;
	void *ctx;
	__u32 index;
};

static void deliver(const void *msg, __u32 size, void *ctx)
{
	struct lane *lane = ctx;

	lane->fn(lane->index, msg, size, lane->ctx);
}

long chute_drain_lanes(struct chute_consumer *const *consumers, unsigned int count,
		       chute_lane_fn *fn, void *ctx, __u64 flags, struct chute_messages *found)
{
	const unsigned int rounds = CHUTE_DRAIN_MAX / CHUTE_LANE_QUOTA;
	struct chute_messages none, before;
	struct lane lane = { .fn = fn, .ctx = ctx };
	long ret, err = 0, messages = 0;
	unsigned int round, i;
	bool more = true;

	if (!found) {
		none = (struct chute_messages){ 0 };
		found = &none;
	}
	for (round = 0; more && round < rounds; round++) {
		more = false;
		for (i = 0; i < count; i++) {
			if (!consumers[i])
				continue;
			before = *found;
			lane.index = i;
			ret = chute_drain_some_messages(consumers[i], deliver, &lane, flags,
							CHUTE_LANE_QUOTA, found);
			if (ret < 0 && !err)
				err = ret;
			more |= ret == CHUTE_LANE_QUOTA;
			messages += (long)(found->messages - before.messages);
		}
	}
	return err ? err : messages;
}
