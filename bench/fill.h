/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fill.h: what records cost their producers as long as there is room: an empty ring is
 * filled by the clock, and a BPF program drains it off the clock and adds up what it
 * finds. A round counts with the median of its fills: one takes some 20 to 300 us, and
 * few meet an interrupt. Other calls that are too short for a clock are timed so as well.
 */
#ifndef CHUTE_BENCH_FILL_H
#define CHUTE_BENCH_FILL_H

#include "drainer.h"

/* A round: more of them, and draining them takes most of the time. */
#define BENCH_FILLS 8

struct bench_fill {
	const char *name;		     /* of the side */
	unsigned int records;		     /* a fill: they have room in the ring */
	int drain_fd;			     /* is run until it returns 0 */
	const struct bench_totals *received; /* NULL: nothing arrives anywhere */
	/* Sends the words @first to @first + records - 1. */
	void (*fill)(void *arg, __u64 first);
	void *arg;
};

/* What @count records take, in ns. Fails unless all have arrived. */
double bench_fills(const struct bench_fill *f, __u64 count);

#endif
