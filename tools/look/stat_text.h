/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_text.h: a sample of a ring, for people and for programs.
 */
#ifndef CHUTE_TOOLS_LOOK_STAT_TEXT_H
#define CHUTE_TOOLS_LOOK_STAT_TEXT_H

#include "look/pending.h"
#include "ring/open.h"
#include "look/sample.h"

struct stat_line {
	struct sample now;
	struct rates rates;
	struct pending pending;
	bool walked; /* pending means something */
};

/* All that is known, some lines. */
void stat_text_all(const struct ring *ring, const struct stat_line *line);

/* What changes, as a row of a table; with the table's head now and then. */
void stat_text_row(const struct stat_line *line, __u64 number);

/* An object. */
void stat_text_json(const struct ring *ring, const struct stat_line *line);

/* "1000 records, 1 busy, 2 discarded", and what else there is to say of them. */
const char *stat_text_pending(const struct pending *pending, char *text, size_t size);

#endif
