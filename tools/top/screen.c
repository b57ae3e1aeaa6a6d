// SPDX-License-Identifier: BSD-2-Clause
/* screen.c: see screen.h. The only file that knows of ncurses, but for keys. */
#include "top/screen.h"
#include "top/chart.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <curses.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static SCREEN *screen;
static bool colours, utf8;

static int attribute(enum colour colour)
{
	static const short pairs[] = {
		[COLOUR_RED] = 1, [COLOUR_GREEN] = 2, [COLOUR_YELLOW] = 3, [COLOUR_BLUE] = 4
	};

	if (colour == COLOUR_PLAIN)
		return A_NORMAL;
	if (colour == COLOUR_BOLD)
		return A_BOLD;
	if (colour == COLOUR_DIM)
		return A_DIM;
	return colours ? COLOR_PAIR(pairs[colour]) : A_NORMAL;
}

int top_screen_start(void)
{
	const char *terminal = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return tool_complain("standard input and output must be a terminal: 'chute stat' "
				     "and 'chute list' do without");
	setlocale(LC_CTYPE, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return tool_complain("TERM=%s: no such terminal is known here: 'chute stat' and "
				     "'chute list' do without",
				     terminal ? terminal : "");
	set_term(screen);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	colours = colour_wanted() && has_colors() && start_color() == OK;
	if (colours) {
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
		init_pair(2, COLOR_GREEN, -1);
		init_pair(3, COLOR_YELLOW, -1);
		init_pair(4, COLOR_BLUE, -1);
	}
	return TOOL_OK;
}

void top_screen_stop(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void top_screen_die(const char *what)
{
	top_screen_stop();
	exit(tool_complain("%s", what));
}

bool top_screen_utf8(void)
{
	return utf8;
}

void top_screen_begin(void)
{
	erase();
}

void top_screen_end(void)
{
	refresh();
}

int top_screen_rows(void)
{
	return LINES;
}

int top_screen_columns(void)
{
	return COLS;
}

/* The bytes of the next character, and its columns; where we have no UTF-8 each byte
 * is one, which text_printable() has left alone. */
static size_t next_character(const char *text, int *columns)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t bytes = mbrtowc(&wide, text, MB_CUR_MAX, &state);

	*columns = 1;
	if (!bytes || bytes > MB_CUR_MAX)
		return 0;
	*columns = wcwidth(wide);
	return *columns < 0 ? 0 : bytes;
}

/* Copy what can be shown, up to @columns columns. Returns how many there are. */
static int cut(char *out, size_t size, const char *text, int columns)
{
	size_t used = 0, bytes;
	int width = 0, next;

	while (*text && used + MB_LEN_MAX < size) {
		bytes = next_character(text, &next);
		if (width + next > columns)
			break;
		width += next;
		if (bytes)
			memcpy(out + used, text, bytes);
		else
			out[used] = '?';
		used += bytes ? bytes : 1;
		/* What is a character, but not in this locale, is one question mark. */
		text += bytes ? bytes : text_character(text) ? text_character(text) : 1;
	}
	out[used] = '\0';
	return width;
}

static void put(int row, int column, int columns, bool right, int attributes, const char *text)
{
	char out[2048];
	int width;

	if (row < 0 || row >= LINES || column >= COLS)
		return;
	if (columns > COLS - column)
		columns = COLS - column;
	width = cut(out, sizeof(out), text, columns);
	attrset(attributes);
	mvaddstr(row, right ? column + columns - width : column, out);
	attrset(A_NORMAL);
}

void top_put(int row, int column, int columns, enum colour colour, const char *text)
{
	put(row, column, columns, false, attribute(colour), text);
}

void top_put_right(int row, int column, int columns, enum colour colour, const char *text)
{
	put(row, column, columns, true, attribute(colour), text);
}

void top_put_bar(int row, const char *text)
{
	if (row < 0 || row >= LINES)
		return;
	attrset(A_REVERSE);
	mvhline(row, 0, ' ' | A_REVERSE, COLS);
	attrset(A_NORMAL);
	put(row, 0, COLS, false, A_REVERSE, text);
}

void top_put_fill(int row, int column, int columns, double percent)
{
	char bar[CHART_BYTES(64)], number[16];

	chart_bar(bar, columns < 64 ? columns : 64, percent, utf8);
	top_put(row, column, columns, colour_of_fill(percent), bar);
	snprintf(number, sizeof(number), "%.0f%%", percent);
	top_put_right(row, column + columns, 5, colour_of_fill(percent), number);
}
