/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pending.h: a count of the records that a ring holds, at a cost that has a bound:
 * whoever feeds or drains the ring must not notice.
 */
#ifndef CHUTE_TOOLS_LOOK_PENDING_H
#define CHUTE_TOOLS_LOOK_PENDING_H

#include <chute/inspect.h>

#include <stdbool.h>

#define PENDING_SIZES	25 /* payloads have less than 2^24 bytes */
#define PENDING_DEFAULT 1000

struct pending {
	__u64 records; /* all, busy and discarded ones included */
	__u64 busy;
	__u64 discarded;
	__u64 sizes[PENDING_SIZES]; /* [0]: empty; [n]: payloads of 2^(n-1) bytes and more */
	bool more;		    /* there are others behind these */
	bool moving;		    /* the ring moves too fast: nothing was counted */
	int err; /* behind these is what a drain refuses: a negative errno value */
	unsigned long err_pos;
};

/* Look at no more than @most records. Reads their headers and the positions. */
void pending_count(const struct chute_view *view, __u64 most, struct pending *pending);

#endif
