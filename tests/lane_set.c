// SPDX-License-Identifier: BSD-2-Clause
/* lane_set.c: see lane_set.h. */
#include "support.h"

#include "lane_set.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

void lane_set_add(struct lane_set *set)
{
	unsigned int i = set->count++;

	set->fds[i] = chute_memory("lane", set->size);
	assert_true(set->fds[i] >= 0);
	set->consumers[i] = chute_consumer_open(set->fds[i]);
	assert_non_null(set->consumers[i]);
	assert_int_equal(chute_lanes_add(set->lanes, set->fds[i]), i);
}

void lane_set_open(struct lane_set *set, unsigned int count, size_t size, __u32 flags)
{
	struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };

	memset(set, 0, sizeof(*set));
	memset(set->fds, -1, sizeof(set->fds));
	set->size = size;
	set->lanes = chute_lanes_open(&opts);
	assert_non_null(set->lanes);
	while (set->count < count)
		lane_set_add(set);
}

void lane_set_close(struct lane_set *set)
{
	unsigned int i;

	chute_lanes_close(set->lanes);
	for (i = 0; i < set->count; i++) {
		chute_consumer_close(set->consumers[i]);
		close(set->fds[i]);
	}
}

void lane_set_listen(__u32 lane, const void *msg, __u32 size, void *ctx)
{
	struct lane_set *set = ctx;

	if (size == sizeof(struct said))
		hear(&set->heard, lane, msg);
	else
		set->heard.wrong++;
}

long lane_set_drain(struct lane_set *set)
{
	return chute_drain_lanes(set->consumers, set->count, lane_set_listen, set, 0, &set->found);
}

void lane_set_hear(struct lane_set *set, __u64 messages)
{
	while (set->heard.messages < messages) {
		long count = lane_set_drain(set);

		assert_true(count >= 0);
		assert_int_equal(set->found.messages, set->heard.messages);
		if (!count)
			sched_yield();
	}
}
