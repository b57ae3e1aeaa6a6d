/* SPDX-License-Identifier: BSD-2-Clause */
/* lane_set.h: lanes that are memory rings, their consumers, and what came out of them. */
#ifndef CHUTE_TESTS_LANE_SET_H
#define CHUTE_TESTS_LANE_SET_H

#include "laned.h"

#include <chute/lanes.h>

#define UNTOUCHED 12345 /* an errno */

struct lane_set {
	unsigned int count;
	size_t size;
	int fds[LANES];
	struct chute_consumer *consumers[LANES];
	struct chute_lanes *lanes;
	struct heard heard;
	struct chute_messages found;
};

/* With @count rings of @size bytes; @flags are those of chute_opts. */
void lane_set_open(struct lane_set *set, unsigned int count, size_t size, __u32 flags);
void lane_set_add(struct lane_set *set);
void lane_set_close(struct lane_set *set);

/* Drain once; or until @messages have come. */
long lane_set_drain(struct lane_set *set);
void lane_set_hear(struct lane_set *set, __u64 messages);

/* A chute_lane_fn whose context is the set. */
void lane_set_listen(__u32 lane, const void *msg, __u32 size, void *set);

#endif
