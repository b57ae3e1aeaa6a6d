/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sample.h: what is seen of a ring at a moment, and what has happened between two. Only
 * what the ring itself says: bytes from its positions, records from the counters of
 * chute's producers, and nothing where it has none.
 */
#ifndef CHUTE_TOOLS_LOOK_SAMPLE_H
#define CHUTE_TOOLS_LOOK_SAMPLE_H

#include <chute/inspect.h>

#include <stdbool.h>

struct sample {
	__s64 time_ns; /* of CLOCK_MONOTONIC; 0: nothing was seen yet */
	struct chute_stat stat;
};

struct rates {
	bool known;	    /* there are two samples, of the same ring */
	bool records_known; /* and the ring counts its records */
	double seconds;
	double bytes_in, bytes_out; /* a second; headers and padding included */
	double records_in;	    /* reserved */
};

void sample_take(struct sample *sample, const struct chute_view *view);

/* How full: 0 to 100. */
double sample_fill(const struct sample *sample);

struct rates sample_rates(const struct sample *before, const struct sample *now);

/* Of a producer: "alive", "dead", "foreign". */
const char *sample_state(__u32 state);

#endif
