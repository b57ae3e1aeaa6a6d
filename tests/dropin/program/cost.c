// SPDX-License-Identifier: BSD-2-Clause
/* cost.c: what one reserve and one submit cost, as a program calls them. */
#include "common.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE   (64 * 1024)
#define PAIRS  (SIZE / 16)
#define ROUNDS 101

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Prints the median of the rounds, in nanoseconds a pair. */
int print_cost(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);
	static double ns[ROUNDS];
	__u64 *sample;
	__s64 start;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		start = clock_ns();
		for (i = 0; i < PAIRS; i++) {
			sample = user_ring_buffer__reserve(rb, 8);
			if (!sample)
				die("user_ring_buffer__reserve");
			*sample = (__u64)i;
			user_ring_buffer__submit(rb, sample);
		}
		ns[round] = (double)(clock_ns() - start) / PAIRS;
		if (ring_drain(ring, BPF_RB_NO_WAKEUP) != PAIRS)
			die("drain");
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), compare);
	printf("%.3f\n", ns[ROUNDS / 2]);
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
	return 0;
}
