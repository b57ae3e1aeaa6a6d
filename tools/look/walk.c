// SPDX-License-Identifier: BSD-2-Clause
/* walk.c: see walk.h. */
#include "look/walk.h"

#include <errno.h>

#define TRIES 1000 /* without getting on */

static void look(struct walk *w, struct chute_stat *stat)
{
	stat->sz = sizeof(*stat);
	chute_view_stat(w->view, stat);
}

void walk_start(struct walk *w, const struct chute_view *view)
{
	struct chute_stat *start = &w->start;
	int tries = 0;

	*w = (struct walk){ .view = view };
	/* Positions of different moments may seem further apart than they ever were. */
	do {
		look(w, start);
	} while (start->moving && start->producer_pos - start->consumer_pos > start->size &&
		 ++tries < TRIES);
	w->pos = start->consumer_pos;
	w->end_pos = start->producer_pos;
	if (w->end_pos - w->pos <= start->size)
		return;
	w->moving = start->moving;
	w->positions = w->pos > w->end_pos ? WALK_BEHIND : WALK_AHEAD;
	w->end_pos = w->positions == WALK_BEHIND ? w->pos : w->pos + start->size;
}

/* The consumer has passed us. Go to where it is now; false if there is nothing left. */
static bool catch_up(struct walk *w)
{
	unsigned long left = w->end_pos - w->pos, passed;
	struct chute_stat now;

	look(w, &now);
	passed = now.consumer_pos - w->pos;
	if ((long)passed < 0)
		passed = 0;
	if (passed > left)
		passed = left;
	w->unseen += passed;
	w->pos += passed;
	return passed < left;
}

int walk_next(struct walk *w, struct chute_record *record, void *copy, size_t bytes)
{
	int tries, ret;

	for (tries = 0; tries < TRIES; tries++) {
		if ((long)(w->end_pos - w->pos) <= 0)
			return 0;
		ret = chute_view_read(w->view, w->pos, record, copy, bytes);
		if (ret == 1)
			w->pos = record->next_pos;
		if (ret != -EAGAIN)
			return ret;
		if (!catch_up(w))
			return 0;
	}
	w->moving = true;
	return 0;
}
