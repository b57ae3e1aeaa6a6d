/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.h: how far a verb is: a line on the terminal while it runs, and one on
 * standard error at its end.
 */
#ifndef CHUTE_TOOLS_CLI_PROGRESS_H
#define CHUTE_TOOLS_CLI_PROGRESS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

struct tally {
	__u64 records;
	__u64 bytes; /* of payload */
};

static inline void tally_add(struct tally *t, __u32 size)
{
	t->records++;
	t->bytes += size;
}

/* A progress line is redrawn this often. */
#define PROGRESS_PERIOD_MS 200

struct progress {
	bool summary; /* print one */
	bool live;    /* print a line that changes */
	FILE *json;   /* where to print the summary as an object, after progress_start() */
	const char *ring;
	__s64 start_ns, last_ns, next_ns;
	struct tally last;
};

/*
 * @quiet leaves out both. The changing line is for a terminal, and for one where
 * nothing else is typed or printed: @data_fd is where the records go or come from.
 */
void progress_start(struct progress *p, const char *ring, bool quiet, int data_fd);

/* Redraw the line if it is time. @fill is the ring's, in percent; -1: not known. */
void progress_tick(struct progress *p, const struct tally *now, int fill);

/* Is a line to be drawn while we wait? Then poll(2) with this timeout; else -1. */
int progress_poll_ms(const struct progress *p);

/* Take the line away and print the last one. Returns an exit status. */
int progress_finish(struct progress *p, const struct tally *now);

/* Take the line away, if there is one. */
void progress_clear(void);

__s64 progress_now_ns(void);

#endif
