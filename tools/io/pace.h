/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace.h: so many records a second, evenly: each has its time, and may not go before.
 *
 * Who falls behind by more than PACE_LATE_NS goes on from now: a pause is followed by
 * no burst. Nobody waits by looking at the clock.
 */
#ifndef CHUTE_TOOLS_IO_PACE_H
#define CHUTE_TOOLS_IO_PACE_H

#include <linux/types.h>

#define PACE_LATE_NS 20000000LL

struct pace {
	__u64 rate;    /* 0: no limit */
	__s64 base_ns; /* the time of record 0 */
	__u64 count;   /* the record that is next */
};

void pace_start(struct pace *p);

/* How many records may go now. */
__u64 pace_due(struct pace *p);

/* @count have gone; more than were due, too. */
void pace_count(struct pace *p, __u64 count);

/* Sleep until the next one may go, but for @most_ns at most; a signal ends it sooner. */
void pace_sleep(const struct pace *p, __s64 most_ns);

#endif
