/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * colour.h: colours of standard output: only on a terminal that has them, and not with
 * NO_COLOR in the environment (no-color.org).
 */
#ifndef CHUTE_TOOLS_CLI_COLOUR_H
#define CHUTE_TOOLS_CLI_COLOUR_H

#include <stdbool.h>

enum colour {
	COLOUR_PLAIN, /* ends any other */
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
};

/* Does whoever runs us want colours, wherever they go? */
bool colour_wanted(void);

/* What to print before a text of that colour, and COLOUR_PLAIN behind it. Empty where
 * there are no colours. */
const char *colour(enum colour colour);

/* Of something that is so many percent full. */
enum colour colour_of_fill(double percent);

#endif
