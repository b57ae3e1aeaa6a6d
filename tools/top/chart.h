/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chart.h: bars and sparklines of characters: blocks of UTF-8, or ASCII.
 */
#ifndef CHUTE_TOOLS_TOP_CHART_H
#define CHUTE_TOOLS_TOP_CHART_H

#include <stdbool.h>
#include <stddef.h>

/* A character takes up to 3 bytes; room for so many columns, and a NUL. */
#define CHART_BYTES(columns) (3 * (columns) + 1)

/* A bar that fills @percent of @columns, blanks behind it. */
void chart_bar(char *out, int columns, double percent, bool utf8);

/*
 * The last @columns of @count values, oldest first, one a column, and @most the highest
 * there is; a negative value, and what is not there, is a blank.
 */
void chart_spark(char *out, int columns, const float *values, size_t count, double most, bool utf8);

/* The highest of those, at least 0. */
double chart_most(int columns, const float *values, size_t count);

#endif
