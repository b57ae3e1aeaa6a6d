/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rings.h: the rings that chute top shows, and what they were like in the past. No
 * ring stays open between two looks: a map that everybody else has left goes, as it
 * would without us.
 */
#ifndef CHUTE_TOOLS_TOP_RINGS_H
#define CHUTE_TOOLS_TOP_RINGS_H

#include "look/pending.h"
#include "ring/open.h"
#include "look/sample.h"

#define TOP_HISTORY   512 /* samples */
#define TOP_PRODUCERS 8	  /* that are noted, of the open ring */

struct top_ring {
	char *given;
	struct ring ring; /* open only while we look */
	bool there;	  /* at the last look */
	bool seen;	  /* by the search that is going on */
	struct sample before, now;
	struct rates rates;
	size_t count;						    /* of the histories */
	float in[TOP_HISTORY], out[TOP_HISTORY], fill[TOP_HISTORY]; /* < 0: not known */
};

enum top_order { TOP_BY_NAME, TOP_BY_SIZE, TOP_BY_FILL, TOP_BY_IN, TOP_BY_OUT, TOP_ORDERS };

struct top_rings {
	struct top_ring **all;
	size_t count;
	bool named;  /* by the user: no others are looked for */
	int no_maps; /* errno value: why maps are not among them */

	/* Those that match the filter, in order. */
	struct top_ring **shown;
	size_t shown_count;
	enum top_order order;
	bool reverse;
	char filter[64];

	/* The one whose page is open; what else was seen of it. */
	struct top_ring *open;
	struct pending pending;
	struct chute_producer_info producers[TOP_PRODUCERS];
	size_t producer_count;
};

/* A ring of the user's. Returns 0, or an exit status after a complaint. */
int top_rings_name(struct top_rings *rings, const char *given);

/* Look at all. Ends the program without memory, after a complaint. */
void top_rings_look(struct top_rings *rings);

/* Look at one, without counting it in its histories. */
void top_rings_look_at(struct top_rings *rings, struct top_ring *ring);

/* After a change of filter or order. */
void top_rings_arrange(struct top_rings *rings);

void top_rings_free(struct top_rings *rings);

const char *top_order_name(enum top_order order);

#endif
