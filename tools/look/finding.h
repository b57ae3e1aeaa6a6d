/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finding.h: what would hold a ring's consumer up, found by the walk that the consumer
 * would make. Looks only.
 */
#ifndef CHUTE_TOOLS_LOOK_FINDING_H
#define CHUTE_TOOLS_LOOK_FINDING_H

#include "ring/open.h"

enum finding_kind {
	FINDING_BUSY,	      /* an unfinished record */
	FINDING_BEYOND,	      /* a record that ends beyond producer_pos: -EINVAL */
	FINDING_LONG,	      /* one that is longer than can be: -E2BIG */
	FINDING_PRODUCER_POS, /* not a multiple of 8: -EINVAL */
	FINDING_CONSUMER_POS, /* the same; of a memory ring */
	FINDING_AHEAD,	      /* producer_pos is more than a lap ahead */
	FINDING_BEHIND,	      /* producer_pos is behind: all is taken for consumed */
};

struct finding {
	enum finding_kind kind;
	unsigned long pos;
	__u32 size;	  /* of the payload; FINDING_BUSY */
	__u64 bytes;	  /* pending from there on */
	bool known;	  /* whose it is; FINDING_BUSY */
	__u32 pid, state; /* then: enum chute_producer_state */
};

struct findings {
	struct finding *list;
	size_t count;
	size_t left_out; /* BUSY ones, that there was no room for */
	/* What a drain would consume now, before it comes to the first finding. */
	__u64 records, discarded;
	__u64 pending; /* bytes */
	__u64 unseen;  /* bytes that were consumed while we looked */
	bool moving;   /* it moves too fast: not all was seen */
};

/* How long a record must stay unfinished to be a finding, where somebody may be just
 * writing it. */
#define FINDING_BUSY_MS 50

/* Complains, and ends the program, without memory. */
void findings_gather(struct findings *found, const struct ring *ring);
void findings_free(struct findings *found);

/* One line each, with the position and what to do. A verdict comes last. Exit status. */
int findings_print(const struct findings *found, const struct ring *ring);

/* An object each. Exit status of the output. */
int findings_json(const struct findings *found, const struct ring *ring);

#endif
