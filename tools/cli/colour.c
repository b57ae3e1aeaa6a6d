// SPDX-License-Identifier: BSD-2-Clause
/* colour.c: see colour.h. */
#include "cli/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool colour_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return !(no && *no) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

const char *colour(enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_PLAIN] = "\033[0m",  [COLOUR_BOLD] = "\033[1m",
		[COLOUR_DIM] = "\033[2m",    [COLOUR_RED] = "\033[31m",
		[COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
		[COLOUR_BLUE] = "\033[34m",
	};
	static int have = -1;

	if (have < 0)
		have = isatty(STDOUT_FILENO) && colour_wanted();
	return have ? codes[colour] : "";
}

enum colour colour_of_fill(double percent)
{
	return percent >= 90 ? COLOUR_RED : percent >= 50 ? COLOUR_YELLOW : COLOUR_GREEN;
}
