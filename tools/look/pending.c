// SPDX-License-Identifier: BSD-2-Clause
/* pending.c: see pending.h. */
#include "look/pending.h"
#include "look/walk.h"

#include <string.h>

#define TRIES 3 /* at a ring whose consumer comes past us */

static int size_class(__u32 size)
{
	return size ? 32 - __builtin_clz(size) : 0;
}

static void add(struct pending *pending, const struct chute_record *record)
{
	pending->records++;
	/* As a drain has it: a discarded record is skipped, busy or not. */
	if (record->flags & CHUTE_DISCARD)
		pending->discarded++;
	else if (record->flags & CHUTE_BUSY)
		pending->busy++;
	pending->sizes[size_class(record->size)]++;
}

/* False if the consumer has come past us. *left: how many may be looked at yet. */
static bool count(const struct chute_view *view, __u64 *left, struct pending *pending)
{
	struct chute_record record;
	char none[1];
	struct walk w;
	int got;

	memset(pending, 0, sizeof(*pending));
	walk_start(&w, view);
	while ((got = walk_next(&w, &record, none, 0)) > 0 && !w.unseen) {
		if (!*left) {
			pending->more = true;
			return true;
		}
		--*left;
		add(pending, &record);
	}
	if (got < 0) {
		pending->err = got;
		pending->err_pos = w.pos;
	}
	return !w.unseen && !w.moving;
}

void pending_count(const struct chute_view *view, __u64 most, struct pending *pending)
{
	__u64 left = most;
	int i;

	for (i = 0; i < TRIES; i++)
		if (count(view, &left, pending))
			return;
	memset(pending, 0, sizeof(*pending));
	pending->moving = true;
}
