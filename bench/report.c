// SPDX-License-Identifier: BSD-2-Clause
/* report.c: see report.h. A line is for programs, the comment below it for people. */
#include "report.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spread {
	double low, median, high; /* the quartiles */
};

static const char *json_path;
static json_object *json_lines;

void bench_add(struct bench_series *series, double value)
{
	if (series->n == BENCH_ROUNDS_MAX)
		bench_fail("too many rounds");
	series->value[series->n++] = value;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t n, double fraction)
{
	double at = fraction * (double)(n - 1);
	size_t below = (size_t)at;

	qsort(values, n, sizeof(*values), by_value);
	if (below + 1 >= n)
		return values[n - 1];
	return values[below] + (at - (double)below) * (values[below + 1] - values[below]);
}

static struct spread spread_of(const struct bench_series *series)
{
	struct bench_series s = *series;

	return (struct spread){
		.low = bench_quantile(s.value, s.n, 0.25),
		.median = bench_quantile(s.value, s.n, 0.5),
		.high = bench_quantile(s.value, s.n, 0.75),
	};
}

double bench_median(const struct bench_series *series)
{
	return spread_of(series).median;
}

/* How many times better, round by round. */
static struct bench_series ratios(const struct bench_line *line, const struct bench_series *ours,
				  const struct bench_series *peer)
{
	struct bench_series r = { .n = 0 };
	unsigned int i;

	for (i = 0; i < ours->n; i++)
		bench_add(&r, line->more_is_better ? ours->value[i] / peer->value[i]
						   : peer->value[i] / ours->value[i]);
	return r;
}

/* Three digits that count, and no exponent. */
static const char *number(double value)
{
	static char text[16][32];
	static unsigned int next;
	char *out = text[next++ % 16];
	int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4;

	snprintf(out, sizeof(text[0]), "%.*f", decimals, value);
	return out;
}

static json_object *json_series(const char *name, const struct bench_series *series)
{
	struct spread s = spread_of(series);
	json_object *o = json_object_new_object(), *values = json_object_new_array();
	unsigned int i;

	for (i = 0; i < series->n; i++)
		json_object_array_add(values, json_object_new_double(series->value[i]));
	if (name)
		json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "median", json_object_new_double(s.median));
	json_object_object_add(o, "lower_quartile", json_object_new_double(s.low));
	json_object_object_add(o, "upper_quartile", json_object_new_double(s.high));
	json_object_object_add(o, "rounds", values);
	return o;
}

static void json_add(const struct bench_line *line, const char *ours_name,
		     const struct bench_series *ours, const char *peer_name,
		     const struct bench_series *peer, const struct bench_series *ratio)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(line->name));
	json_object_object_add(o, "question", json_object_new_string(line->question));
	json_object_object_add(o, "unit", json_object_new_string(line->unit));
	json_object_object_add(o, "must", json_object_new_double(line->must));
	json_object_object_add(o, "ours", json_series(ours_name, ours));
	json_object_object_add(o, "peer", json_series(peer_name, peer));
	json_object_object_add(o, "ratio", json_series(NULL, ratio));
	json_object_array_add(json_lines, o);
}

void report_line(const struct bench_line *line, const char *ours_name,
		 const struct bench_series *ours, const char *peer_name,
		 const struct bench_series *peer)
{
	struct bench_series ratio = ratios(line, ours, peer);
	struct spread o = spread_of(ours), p = spread_of(peer), r = spread_of(&ratio);

	printf("%s ours %s %s peer %s %s ratio %s\n", line->name, number(o.median), line->unit,
	       number(p.median), line->unit, number(r.median));
	printf("#   %s against %s", ours_name, peer_name);
	/* One value is not of a round. */
	if (ratio.n > 1)
		printf("; quartiles of %u rounds: %s-%s, %s-%s, ratio %s-%s", ratio.n,
		       number(o.low), number(o.high), number(p.low), number(p.high), number(r.low),
		       number(r.high));
	if (line->must > 0)
		printf("; to reach: %s: %s", number(line->must),
		       r.median >= line->must ? "yes" : "NO");
	putchar('\n');
	if (json_path)
		json_add(line, ours_name, ours, peer_name, peer, &ratio);
}

void report_json(const char *path)
{
	json_path = path;
	json_lines = json_object_new_array();
}

void report_end(void)
{
	if (json_path && json_object_to_file_ext(json_path, json_lines,
						 JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED))
		bench_fail("%s: %s", json_path, json_util_get_last_err());
}
