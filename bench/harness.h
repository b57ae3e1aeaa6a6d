/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * harness.h: what the benchmark programs share: pinning, interleaved rounds,
 * medians and quartiles, and the lines that are printed.
 *
 * A program answers one or more questions, each with one or more lines. All sides
 * of a line are measured in one process, in turns, so that whatever else the machine
 * does hits them alike; a result is the median of the rounds' results.
 */
#ifndef CHUTE_BENCH_HARNESS_H
#define CHUTE_BENCH_HARNESS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 101

/* The bytes of data in a ring, unless the question is about that. */
#define BENCH_RING_SIZE	   (256 * 1024)

#define BENCH_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A value a round. */
struct bench_series {
	double value[BENCH_ROUNDS_MAX];
	unsigned int n;
};

/* What a line's result is, and from which side its goal has to be reached. */
enum bench_kind {
	BENCH_TIMES, /* how many times better than the peer: at least */
	BENCH_SHARE, /* the part of what the peer, a bound, allows, up to 1: at least */
	BENCH_ABOVE, /* how much it is above the peer, in its unit: at most */
	BENCH_ALONE, /* what it takes, in its unit; there is no peer: below */
};

struct bench_line {
	const char *name;
	const char *question; /* what to name on the command line for all of its lines */
	const char *unit;     /* one word */
	double goal;	      /* what to reach on every CPU; 0: none is named */
	enum bench_kind kind;
	bool more_is_better;
};

/*
 * One way of doing it. round(arg, count) sends @count messages, checks that all
 * have arrived as they were sent, and returns the time that they took in ns.
 */
struct bench_side {
	const char *name;
	double (*round)(void *arg, __u64 count);
	void *arg;
	__u64 count;		    /* messages a round; 0: as many as take a round's time */
	struct bench_series series; /* ns a message */
};

/*
 * Options: --list, --json FILE (adds to it; -: on standard output, and no text there),
 * --rounds N, --round-ms N; the rest are names of lines or questions (none: all).
 * Exits if there is nothing to do, and as skipped
 * (77) with fewer than two CPUs. Pins the caller to the first, and asks for priority.
 */
void bench_begin(int argc, char **argv, const struct bench_line *lines, size_t n);

/* Is one of the lines of that name or question wanted? */
bool bench_wanted(const char *name);

/* Print and write down a line if it is wanted: two series of equally many rounds.
 * @peer is NULL where there is none. */
void bench_report(const char *name, const char *ours_name, const struct bench_series *ours,
		  const char *peer_name, const struct bench_series *peer);

/* Ends what is written; returns main()'s exit code. */
int bench_end(void);

/* Calibrate, warm up, and measure the sides in turn: ABC, CBA, ABC ... */
void bench_compare(struct bench_side *sides, size_t n);

/* How many rounds there are: what the command line says, or the default, which a
 * program with many lines may lower before it begins. */
unsigned int bench_rounds(void);
void bench_rounds_default(unsigned int n);

void bench_add(struct bench_series *series, double value);
double bench_median(const struct bench_series *series);

/* The @fraction quantile of @n values, which it sorts. */
double bench_quantile(double *values, size_t n, double fraction);

/* Pin the calling thread to the first (0) or second (1) of the CPUs that we may use. */
void bench_pin(int which);

/* Say what is wrong, and exit 1; exit 77. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void bench_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Fails unless all that was sent has arrived, once. */
void bench_check(const char *side, __u64 sent, __u64 received, __u64 sum, __u64 received_sum);

static inline double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

#endif
