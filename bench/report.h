/* SPDX-License-Identifier: BSD-2-Clause */
/* report.h: the lines of a benchmark on standard output, and its JSON file. */
#ifndef CHUTE_BENCH_REPORT_H
#define CHUTE_BENCH_REPORT_H

#include "harness.h"

/* Write what is reported from now on to the file at @path, too. */
void report_json(const char *path);

void report_line(const struct bench_line *line, const char *ours_name,
		 const struct bench_series *ours, const char *peer_name,
		 const struct bench_series *peer);
void report_end(void);

#endif
