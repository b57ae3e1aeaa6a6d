// SPDX-License-Identifier: BSD-2-Clause
/* report.c: see report.h. Quartiles are of the rounds; a goal is held against the median. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

struct spread {
	double low, median, high; /* the quartiles */
};

/* How a kind of result looks: 6.34x, 96.2 %, +3.20 ns, 5.60 ns. */
static const struct look {
	const char *json;
	const char *goal; /* before what is to be reached */
	double factor;
	const char *after; /* NULL: the line's unit */
	bool sign;
} looks[] = {
	[BENCH_TIMES] = { "times", "", 1, "x" },
	[BENCH_SHARE] = { "share", "", 100, " %" },
	[BENCH_ABOVE] = { "above", "at most ", 1, NULL, true },
	[BENCH_ALONE] = { "alone", "below ", 1, NULL },
};

static FILE *json;
static bool no_text;

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

/* A round's result; see enum bench_kind. */
static double result_of(const struct bench_line *line, double ours, double peer)
{
	if (line->kind == BENCH_ALONE)
		return ours;
	if (line->kind == BENCH_ABOVE)
		return ours - peer;
	return line->more_is_better ? ours / peer : peer / ours;
}

static struct spread results(const struct bench_line *line, const struct bench_series *ours,
			     const struct bench_series *peer)
{
	struct bench_series r = { .n = 0 };
	unsigned int i;

	for (i = 0; i < ours->n; i++)
		bench_add(&r, result_of(line, ours->value[i], peer ? peer->value[i] : 0));
	return spread_of(&r);
}

static bool reached(const struct bench_line *line, double result)
{
	switch (line->kind) {
	case BENCH_ABOVE:
		return result <= line->goal;
	case BENCH_ALONE:
		return result < line->goal;
	default:
		return result >= line->goal;
	}
}

/* ---- text ---- */

struct text {
	char s[64];
};

/* Three digits that count, and no exponent. */
static struct text number(double value, bool sign)
{
	const double size = value < 0 ? -value : value;
	const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
	struct text t;

	snprintf(t.s, sizeof(t.s), sign ? "%+.*f" : "%.*f", decimals, value);
	return t;
}

static struct text result_number(const struct bench_line *line, double result)
{
	const struct look *look = &looks[line->kind];

	return number(result * look->factor, look->sign);
}

static const char *space_of(const struct look *look)
{
	return look->after ? "" : " ";
}

static const char *unit_of(const struct bench_line *line)
{
	return looks[line->kind].after ? looks[line->kind].after : line->unit;
}

static struct text result_text(const struct bench_line *line, double result)
{
	struct text t, n = result_number(line, result);

	snprintf(t.s, sizeof(t.s), "%.32s%s%.16s", n.s, space_of(&looks[line->kind]),
		 unit_of(line));
	return t;
}

/* Goals are round numbers. */
static struct text goal_text(const struct bench_line *line, double result)
{
	const struct look *look = &looks[line->kind];
	struct text t = { "" };

	if (line->goal > 0)
		snprintf(t.s, sizeof(t.s), look->sign ? "%s%+.4g%s%s: %s" : "%s%.4g%s%s: %s",
			 look->goal, line->goal * look->factor, space_of(look), unit_of(line),
			 reached(line, result) ? "yes" : "NO");
	return t;
}

#define COLUMNS "%-28s  %9s  %-16s  %-19s  "

void report_head(void)
{
	printf(COLUMNS "%s\n", "line", "result", "quartiles", "to reach", "medians");
}

static void print_text(const struct bench_line *line, const char *ours_name,
		       const struct bench_series *ours, const char *peer_name,
		       const struct bench_series *peer, const struct spread *r)
{
	char quartiles[160] = "";

	/* One value is not of a round. */
	if (ours->n > 1)
		snprintf(quartiles, sizeof(quartiles), "%s to %s", result_number(line, r->low).s,
			 result_number(line, r->high).s);
	printf(COLUMNS "%s: %s %s", line->name, result_text(line, r->median).s, quartiles,
	       goal_text(line, r->median).s, ours_name, number(bench_median(ours), false).s,
	       line->unit);
	if (peer)
		printf("; %s: %s %s", peer_name, number(bench_median(peer), false).s, line->unit);
	putchar('\n');
}

/* ---- JSON ---- */

void report_json_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned int)*text);
		else
			putc(*text, out);
	}
	putc('"', out);
}

/* A member that is an object: a side with its name, or the result. */
static void json_spread(const char *key, const char *name, const struct spread *s)
{
	fprintf(json, ",\"%s\":{", key);
	if (name) {
		fputs("\"name\":", json);
		report_json_string(json, name);
		putc(',', json);
	}
	fprintf(json, "\"median\":%.6g,\"lower_quartile\":%.6g,\"upper_quartile\":%.6g}", s->median,
		s->low, s->high);
}

static void print_json(const struct bench_line *line, const char *ours_name,
		       const struct bench_series *ours, const char *peer_name,
		       const struct bench_series *peer, const struct spread *r)
{
	struct spread s = spread_of(ours);

	fprintf(json, "{\"name\":\"%s\",\"question\":\"%s\",\"unit\":\"%s\",\"rounds\":%u",
		line->name, line->question, line->unit, ours->n);
	json_spread("ours", ours_name, &s);
	if (peer) {
		s = spread_of(peer);
		json_spread("peer", peer_name, &s);
	}
	fprintf(json, ",\"kind\":\"%s\"", looks[line->kind].json);
	json_spread("result", NULL, r);
	if (line->goal > 0)
		fprintf(json, ",\"goal\":%.6g,\"reached\":%s", line->goal,
			reached(line, r->median) ? "true" : "false");
	fputs("}\n", json);
	fflush(json);
}

void report_line(const struct bench_line *line, const char *ours_name,
		 const struct bench_series *ours, const char *peer_name,
		 const struct bench_series *peer)
{
	const struct spread r = results(line, ours, peer);

	if (!no_text)
		print_text(line, ours_name, ours, peer_name, peer, &r);
	if (json)
		print_json(line, ours_name, ours, peer_name, peer, &r);
}

void report_json(const char *path)
{
	no_text = !strcmp(path, "-");
	json = no_text ? stdout : fopen(path, "a");
	if (!json)
		bench_fail("can't write %s", path);
}

FILE *report_json_file(void)
{
	return json;
}

bool report_text(void)
{
	return !no_text;
}

void report_end(void)
{
	if (fflush(stdout) || ferror(stdout) || (json && (fflush(json) || ferror(json))))
		bench_fail("can't write what was measured");
}
