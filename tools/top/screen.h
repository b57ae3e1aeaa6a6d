/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * screen.h: the terminal of chute top, which it leaves as it found it.
 */
#ifndef CHUTE_TOOLS_TOP_SCREEN_H
#define CHUTE_TOOLS_TOP_SCREEN_H

#include "cli/colour.h"

#include <stdbool.h>
#include <stddef.h>

struct top_rings;
struct users;

/* Take the terminal. Returns 0, or an exit status after a complaint. */
int top_screen_start(void);

/* Give it back. */
void top_screen_stop(void);

/* Give it back, complain, and end the program. */
void top_screen_die(const char *what) __attribute__((noreturn));

/* Can it show UTF-8? */
bool top_screen_utf8(void);

/* Begin a new picture; show it. Nothing moves that has not changed. */
void top_screen_begin(void);
void top_screen_end(void);

int top_screen_rows(void);
int top_screen_columns(void);

/*
 * Put a text at a place, cut at @columns columns and at the edge; what is below or
 * behind that is left out. Bytes that can't be shown become question marks.
 */
void top_put(int row, int column, int columns, enum colour colour, const char *text);

/* The same, at the right end of these columns. */
void top_put_right(int row, int column, int columns, enum colour colour, const char *text);

/* The same, as a line across the screen, the other way round. */
void top_put_bar(int row, const char *text);

/* A bar of a ring's fill, and the percentage behind it: columns + 5. */
void top_put_fill(int row, int column, int columns, double percent);

/* The table of rings. @first: the row at its top, adjusted so that @selected shows. */
void top_draw_table(const struct top_rings *rings, const char *title, size_t selected,
		    size_t *first, const char *footer);

/* The page of rings->open. */
void top_draw_page(const struct top_rings *rings, const struct users *users, const char *title,
		   const char *footer);

void top_draw_help(const char *title);

#endif
