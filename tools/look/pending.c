// SPDX-License-Identifier: BSD-2-Clause
/* pending.c: see pending.h. */
#include "look/pending.h"

#include <errno.h>
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

/* From @pos to what was published by @end_pos: a walk as fast as the ring would go on for
 * ever. False if the consumer has come past us. *left: how many may be looked at yet. */
static bool walk(const struct chute_view *view, unsigned long pos, unsigned long end_pos,
		 __u64 *left, struct pending *pending)
{
	struct chute_record record;
	char none[1];
	int got;

	memset(pending, 0, sizeof(*pending));
	while ((got = chute_view_read(view, pos, &record, none, 0)) > 0) {
		if ((long)(end_pos - pos) <= 0)
			return true;
		if (!*left) {
			pending->more = true;
			return true;
		}
		--*left;
		add(pending, &record);
		pos = record.next_pos;
	}
	if (got && got != -EAGAIN) {
		pending->err = got;
		pending->err_pos = pos;
	}
	return got != -EAGAIN;
}

void pending_count(const struct chute_view *view, __u64 most, struct pending *pending)
{
	struct chute_stat stat = { .sz = sizeof(stat) };
	__u64 left = most;
	int i;

	for (i = 0; i < TRIES; i++) {
		chute_view_stat(view, &stat);
		if (walk(view, stat.consumer_pos, stat.producer_pos, &left, pending))
			return;
	}
	memset(pending, 0, sizeof(*pending));
	pending->moving = true;
}
