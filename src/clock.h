/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h: CLOCK_MONOTONIC in nanoseconds, and deadlines on it. */
#ifndef CHUTE_SRC_CLOCK_H
#define CHUTE_SRC_CLOCK_H

#include <chute/chute.h>

#include <time.h>

#define CHUTE_NS_PER_S	1000000000LL
#define CHUTE_NS_PER_MS 1000000LL

static inline __s64 chute_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * CHUTE_NS_PER_S + ts.tv_nsec;
}

/* As of the last tick, up to 10 ms ago, and at a fraction of the cost. */
static inline __s64 chute_coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * CHUTE_NS_PER_S + ts.tv_nsec;
}

/* The time at which @timeout_ns is up; CHUTE_FOREVER stays what it is, and so
 * does a timeout that would overflow (292 years). */
static inline __s64 chute_deadline_ns(__s64 timeout_ns)
{
	__s64 deadline;

	if (timeout_ns < 0 || __builtin_add_overflow(chute_now_ns(), timeout_ns, &deadline))
		return CHUTE_FOREVER;
	return deadline;
}

/* What is left until @deadline, not more than @bound; 0 when it has passed. */
static inline __s64 chute_left_ns(__s64 deadline, __s64 bound)
{
	__s64 left;

	if (deadline < 0)
		return bound;
	left = deadline - chute_now_ns();
	if (left < 0)
		return 0;
	return left < bound ? left : bound;
}

/* @deadline, or @ns from now where that comes first. */
static inline __s64 chute_earlier_ns(__s64 deadline, __s64 ns)
{
	const __s64 soon = chute_now_ns() + ns;

	return deadline >= 0 && deadline < soon ? deadline : soon;
}

static inline struct timespec chute_timespec(__s64 ns)
{
	return (struct timespec){ .tv_sec = ns / CHUTE_NS_PER_S, .tv_nsec = ns % CHUTE_NS_PER_S };
}

#endif
