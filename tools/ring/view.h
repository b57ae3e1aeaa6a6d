/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.h: RING for the verbs that look: any ring, or an image of one, by read-only
 * mappings. Besides what name.h has, RING may be the path of a file that is an
 * image. Whoever returns a failure has complained.
 */
#ifndef CHUTE_TOOLS_RING_VIEW_H
#define CHUTE_TOOLS_RING_VIEW_H

#include "cli/json.h"
#include "ring/name.h"

#include <chute/inspect.h>

enum ring_view_kind {
	RING_VIEW_MAP,
	RING_VIEW_MEMORY,
	RING_VIEW_IMAGE,
};

struct ring_view {
	struct ring_name ring; /* what was given */
	struct chute_view *view;
	enum ring_view_kind kind;
	__u32 id;			   /* RING_VIEW_MAP */
	char name[CHUTE_MAP_NAME_MAX + 1]; /* RING_VIEW_MAP; may be empty */
};

/* Open what is named so. A file that is truncated later ends the program, or is survived:
 * truncated.h. Returns 0, or an exit status. */
int ring_view_open(struct ring_view *view, const char *given);

/* The same for the one argument left. */
int ring_view_argument(struct ring_view *view, int argc, char **argv);

/* Open what view->ring names, without a word, and without going by a map's name. Returns
 * 0, or an errno value. */
int ring_view_try(struct ring_view *view);

void ring_view_close(struct ring_view *view);

/* "map", "memory", "image". */
const char *ring_view_kind_name(enum ring_view_kind kind);

/* Add the fields that say which ring it is: ring, as given; kind; id and name of a map. */
void ring_view_json(const struct ring_view *view, struct json_object *line);

#endif
