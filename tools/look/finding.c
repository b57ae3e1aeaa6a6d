// SPDX-License-Identifier: BSD-2-Clause
/* finding.c: see finding.h: gathers. */
#include "look/finding.h"
#include "cli/stop.h"
#include "cli/tool.h"
#include "look/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* A hostile ring of 2 GiB has room for a hundred million. */
#define FINDINGS_MOST 10000

static struct finding *add(struct findings *found, enum finding_kind kind, unsigned long pos,
			   __u64 bytes)
{
	struct finding *list = found->list;

	/* A power of two is a full list. */
	if (!(found->count & (found->count - 1))) {
		list = realloc(list, 2 * (found->count ? found->count : 1) * sizeof(*list));
		if (!list)
			exit(tool_complain("no memory"));
		found->list = list;
	}
	list += found->count++;
	*list = (struct finding){ .kind = kind, .pos = pos, .bytes = bytes };
	return list;
}

static void add_busy(struct findings *found, const struct walk *w,
		     const struct chute_record *record)
{
	struct finding *f;

	if (found->count >= FINDINGS_MOST) {
		found->left_out++;
		return;
	}
	f = add(found, FINDING_BUSY, record->pos, w->end_pos - record->pos);
	f->size = record->size;
}

static bool add_crooked(struct findings *found, const struct walk *w)
{
	const unsigned long cons = w->start.consumer_pos, prod = w->start.producer_pos;
	const size_t count = found->count;

	if (prod % 8)
		add(found, FINDING_PRODUCER_POS, prod, prod - cons);
	if (cons % 8)
		add(found, FINDING_CONSUMER_POS, cons, prod - cons);
	if (w->positions != WALK_SOUND && !w->moving)
		add(found, w->positions == WALK_AHEAD ? FINDING_AHEAD : FINDING_BEHIND, prod,
		    w->positions == WALK_AHEAD ? prod - cons : cons - prod);
	return found->count != count;
}

static void gather(struct findings *found, const struct chute_view *view)
{
	struct chute_record record;
	struct walk w;
	char none;
	int got;

	walk_start(&w, view);
	found->pending = w.start.used;
	if (add_crooked(found, &w))
		return;
	while ((got = walk_next(&w, &record, &none, 0)) == 1) {
		/* DISCARD is looked at first. */
		if (record.flags == CHUTE_BUSY)
			add_busy(found, &w, &record);
		else if (!found->count)
			*(record.flags ? &found->discarded : &found->records) += 1;
	}
	if (got < 0)
		add(found, got == -E2BIG ? FINDING_LONG : FINDING_BEYOND, w.pos, w.end_pos - w.pos);
	found->unseen = w.unseen;
	found->moving = w.moving;
}

/* ---- looking again ---- */

static bool is_still_busy(const struct chute_view *view, const struct finding *f)
{
	struct chute_record record;
	char none;

	return chute_view_read(view, f->pos, &record, &none, 0) == 1 &&
	       record.flags == CHUTE_BUSY && record.size == f->size;
}

static bool any_busy(const struct chute_view *view, const struct findings *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (found->list[i].kind == FINDING_BUSY && is_still_busy(view, &found->list[i]))
			return true;
	return false;
}

/* What is being written just now is done soon. Positions only grow: what is at the
 * same one is the same record. */
static void wait_for_busy(const struct chute_view *view, const struct findings *found)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < FINDING_BUSY_MS && any_busy(view, found) && !stop_asked(); i++)
		nanosleep(&ms, NULL);
}

static void drop_finished(const struct chute_view *view, struct findings *found)
{
	size_t i, kept = 0;

	for (i = 0; i < found->count; i++)
		if (found->list[i].kind != FINDING_BUSY || is_still_busy(view, &found->list[i]))
			found->list[kept++] = found->list[i];
		else
			found->records++;
	found->count = kept;
}

static void find_owner(const struct chute_view *view, struct finding *f)
{
	const struct chute_record record = { .pos = f->pos };
	struct chute_producer_info info = { .sz = sizeof(info) };

	f->known = !chute_view_record_producer(view, &record, &info);
	f->pid = info.pid;
	f->state = info.state;
}

void findings_gather(struct findings *found, const struct ring *ring)
{
	size_t i;

	*found = (struct findings){ 0 };
	gather(found, ring->view);
	if (ring->kind != RING_IMAGE && found->count) {
		wait_for_busy(ring->view, found);
		drop_finished(ring->view, found);
	}
	for (i = 0; i < found->count; i++)
		if (found->list[i].kind == FINDING_BUSY)
			find_owner(ring->view, &found->list[i]);
}

void findings_free(struct findings *found)
{
	free(found->list);
	*found = (struct findings){ 0 };
}
