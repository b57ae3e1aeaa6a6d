// SPDX-License-Identifier: BSD-2-Clause
/* harness.c: options, pinning and rounds; see harness.h. The lines are report.c's. */
#include "harness.h"
#include "report.h"

#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define EXIT_SKIPPED 77

/*
 * A round is long against a clock reading and many times around a ring, and shorter
 * than what another process has of a CPU before it is our turn again: most rounds are
 * free of others, and the median is of those.
 */
#define ROUND_MS 6
#define ROUNDS	 81

static const struct bench_line *lines;
static size_t lines_count;
static char **names;
static int names_count;
static unsigned int rounds = ROUNDS;
static double round_ns = ROUND_MS * 1e6;
static const char *program = "bench";
static cpu_set_t cpus;

static void say(const char *format, va_list args)
{
	fprintf(stderr, "%s: ", program);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void bench_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	say(format, args);
	va_end(args);
	_Exit(1);
}

void bench_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(EXIT_SKIPPED);
}

void bench_check(const char *side, __u64 sent, __u64 received, __u64 sum, __u64 received_sum)
{
	if (sent != received || sum != received_sum)
		bench_fail("%s: sent %llu messages (sum %llx), received %llu (sum %llx)", side,
			   (unsigned long long)sent, (unsigned long long)sum,
			   (unsigned long long)received, (unsigned long long)received_sum);
}

void bench_pin(int which)
{
	cpu_set_t one;
	int cpu;

	CPU_ZERO(&one);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && !which--)
			CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		bench_fail("can't pin a thread to a CPU");
}

static bool named(const struct bench_line *line, const char *name)
{
	return !strcmp(name, line->name) || !strcmp(name, line->question);
}

static bool line_wanted(const struct bench_line *line)
{
	int i;

	for (i = 0; i < names_count; i++)
		if (named(line, names[i]))
			return true;
	return !names_count;
}

bool bench_wanted(const char *name)
{
	size_t i;

	for (i = 0; i < lines_count; i++)
		if (named(&lines[i], name) && line_wanted(&lines[i]))
			return true;
	return false;
}

static double positive(const char *option, const char *text, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || !(value >= 1) || value > most)
		bench_fail("%s %s: from 1 to %g", option, text, most);
	return value;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "json", required_argument, NULL, 'j' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "round-ms", required_argument, NULL, 'm' },
		{ 0 },
	};
	int option;
	size_t i;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			report_json(optarg);
		else if (option == 'r')
			rounds = (unsigned int)positive("--rounds", optarg, BENCH_ROUNDS_MAX);
		else if (option == 'm')
			round_ns = positive("--round-ms", optarg, 10000) * 1e6;
		else if (option != 'l')
			exit(2);
		for (i = 0; option == 'l' && i < lines_count; i++)
			printf("%s %s\n", lines[i].question, lines[i].name);
		if (option == 'l')
			exit(0);
	}
	names = argv + optind;
	names_count = argc - optind;
}

void bench_begin(int argc, char **argv, const struct bench_line *all, size_t n)
{
	bool any = false;
	size_t i;

	program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	lines = all;
	lines_count = n;
	read_options(argc, argv);
	for (i = 0; i < n; i++)
		any |= line_wanted(&lines[i]);
	if (!any)
		exit(0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) || CPU_COUNT(&cpus) < 2)
		bench_skip("skipped: needs two CPUs");
	bench_pin(0);
	/* Others may have what we leave. Not permitted to all: then without. */
	setpriority(PRIO_PROCESS, 0, -20);
}

void bench_report(const char *name, const char *ours_name, const struct bench_series *ours,
		  const char *peer_name, const struct bench_series *peer)
{
	size_t i;

	for (i = 0; i < lines_count; i++)
		if (!strcmp(lines[i].name, name))
			break;
	if (i == lines_count)
		bench_fail("%s is not in the table of lines", name);
	if (line_wanted(&lines[i]))
		report_line(&lines[i], ours_name, ours, peer_name, peer);
}

int bench_end(void)
{
	report_end();
	return 0;
}

unsigned int bench_rounds(void)
{
	return rounds;
}

void bench_rounds_default(unsigned int n)
{
	rounds = n;
}

/* The least of some tries is what it takes when nobody else has the CPU. */
static double least_ns(struct bench_side *side, __u64 count)
{
	double ns, least = side->round(side->arg, count);
	int tries;

	for (tries = 0; tries < 3 && least > round_ns / 4; tries++) {
		ns = side->round(side->arg, count);
		least = ns < least ? ns : least;
	}
	return least;
}

/* As many messages as take a round's time; whole thousands, so that batches and
 * packed records end where the round does. */
static void calibrate(struct bench_side *side)
{
	__u64 count = 1024;
	double ns;

	if (side->count) {
		side->round(side->arg, side->count);
		return;
	}
	for (;;) {
		ns = least_ns(side, count);
		if (ns > round_ns / 4)
			break;
		count *= ns < round_ns / 32 ? 8 : 2;
	}
	count = (__u64)((double)count * round_ns / ns);
	side->count = count > 1024 ? count & ~1023ULL : 1024;
	side->round(side->arg, side->count);
}

static void measure(struct bench_side *side)
{
	double ns = side->round(side->arg, side->count);

	bench_add(&side->series, ns / (double)side->count);
}

void bench_compare(struct bench_side *sides, size_t n)
{
	unsigned int r;
	size_t i;

	for (i = 0; i < n; i++) {
		sides[i].series.n = 0;
		calibrate(&sides[i]);
	}
	for (r = 0; r < rounds; r++)
		for (i = 0; i < n; i++)
			measure(&sides[r % 2 ? n - 1 - i : i]);
}
