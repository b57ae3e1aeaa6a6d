/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h: the lines of a benchmark: a table for people on standard output, and a JSON
 * object for each line, for programs.
 */
#ifndef CHUTE_BENCH_REPORT_H
#define CHUTE_BENCH_REPORT_H

#include "harness.h"

#include <stdio.h>

/* What is reported from now on is added to the file at @path as well. "-": objects go to
 * standard output, and no text. */
void report_json(const char *path);

/* Where objects go, or NULL; does text go anywhere? */
FILE *report_json_file(void);
bool report_text(void);

/* A string of JSON, in its quotes. */
void report_json_string(FILE *out, const char *text);

/* The head of the table. */
void report_head(void);

/* A line. @peer is NULL where there is none. */
void report_line(const struct bench_line *line, const char *ours_name,
		 const struct bench_series *ours, const char *peer_name,
		 const struct bench_series *peer);

/* Fails if something could not be written. */
void report_end(void);

#endif
