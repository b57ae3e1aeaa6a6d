/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.h: the records that are pending at one moment, in order, while the ring goes on:
 * what is consumed before we get there is not seen, and counted. Never more than a lap,
 * whatever the positions say.
 */
#ifndef CHUTE_TOOLS_LOOK_WALK_H
#define CHUTE_TOOLS_LOOK_WALK_H

#include <chute/inspect.h>

#include <stdbool.h>

enum walk_positions {
	WALK_SOUND,
	WALK_AHEAD,  /* producer_pos is more than a lap ahead of consumer_pos */
	WALK_BEHIND, /* it is behind: to a drain, the ring is empty */
};

struct walk {
	const struct chute_view *view;
	struct chute_stat start; /* as the ring was then */
	enum walk_positions positions;
	unsigned long pos, end_pos; /* of what is left */
	__u64 unseen;		    /* bytes that were consumed before we saw them */
	bool moving;		    /* given up: the ring moves too fast */
};

void walk_start(struct walk *w, const struct chute_view *view);

/*
 * The next record, and a copy of the first @bytes bytes of its payload. Returns 1; 0 after
 * the last one; -EINVAL, -E2BIG for what a drain that came to w->pos would return: the
 * walk ends there.
 */
int walk_next(struct walk *w, struct chute_record *record, void *copy, size_t bytes);

#endif
