// SPDX-License-Identifier: BSD-2-Clause
/* chart.c: see chart.h. */
#include "top/chart.h"

#include <string.h>

static const char *const wide[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
static const char *const high[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const high_ascii[] = { "_", ".", ":", "-", "=", "+", "*", "#" };

static char *put(char *out, const char *character)
{
	return stpcpy(out, character);
}

void chart_bar(char *out, int columns, double percent, bool utf8)
{
	int eighths, i, part;

	if (!(percent > 0))
		percent = 0;
	if (percent > 100)
		percent = 100;
	eighths = (int)(percent * columns * 8 / 100 + 0.5);
	/* What is not empty shows. */
	if (!eighths && percent > 0)
		eighths = 1;
	*out = '\0';
	for (i = 0; i < columns; i++) {
		part = eighths - 8 * i;
		part = part < 0 ? 0 : part > 8 ? 8 : part;
		if (utf8)
			out = put(out, wide[part]);
		else
			out = put(out, part >= 4 || (part && !i) ? "#" : " ");
	}
}

void chart_spark(char *out, int columns, const float *values, size_t count, double most, bool utf8)
{
	const char *const *levels = utf8 ? high : high_ascii;
	int i, level;
	double value;

	*out = '\0';
	for (i = 0; i < columns; i++) {
		if (columns - i > (int)count) {
			out = put(out, " ");
			continue;
		}
		value = values[count - (size_t)(columns - i)];
		/* The lowest is for nothing at all, and for it alone. */
		level = value > 0 && most > 0 ? 1 + (int)(value / most * 6 + 0.5) : 0;
		out = put(out, value < 0 ? " " : levels[level > 7 ? 7 : level]);
	}
}

double chart_most(int columns, const float *values, size_t count)
{
	size_t i = count > (size_t)columns ? count - (size_t)columns : 0;
	double most = 0;

	for (; i < count; i++)
		if (values[i] > most)
			most = values[i];
	return most;
}
