// SPDX-License-Identifier: BSD-2-Clause
/* options.c: see options.h. getopt_long(3) knows where an option and its value begin. */
#include "cli/options.h"
#include "cli/size.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST    32
#define HELP_COLUMNS 88

/* ---- values ---- */

int option_flag(const struct option_row *row, const char *value, void *field)
{
	(void)row;
	(void)value;
	*(bool *)field = true;
	return TOOL_OK;
}

int option_text(const struct option_row *row, const char *value, void *field)
{
	(void)row;
	*(const char **)field = value;
	return TOOL_OK;
}

static int misuse(const struct option_row *row, const char *value)
{
	return tool_misuse("--%s %s: not %s", row->name, value, row->of ? row->of : "a number");
}

int option_number(const struct option_row *row, const char *value, void *field)
{
	__u64 *number = field;

	if (count_parse(value, number) || *number < row->least ||
	    (row->most && *number > row->most))
		return misuse(row, value);
	return TOOL_OK;
}

int option_rate(const struct option_row *row, const char *value, void *field)
{
	__u64 *rate = field;

	if (rate_parse(value, rate))
		return misuse(row, value);
	if (!*rate || *rate > RATE_MOST)
		return tool_misuse("--%s %s: from 1 to 1G records a second", row->name, value);
	return TOOL_OK;
}

int option_seconds(const struct option_row *row, const char *value, void *field)
{
	__s64 *ns = field;

	if (seconds_parse(value, ns))
		return misuse(row, value);
	if (*ns < (__s64)row->least)
		return tool_misuse("--%s %s: %g is the least", row->name, value,
				   (double)row->least / NS_PER_S);
	return TOOL_OK;
}

/* ---- help ---- */

/* "  -q, --quiet", "  --count N": how wide that is. */
static int head(const struct option_row *row, char *text, size_t size)
{
	char letter[8] = "";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	return snprintf(text, size, "  %s--%s%s%s", letter, row->name, row->value ? " " : "",
			row->value ? row->value : "");
}

static int columns(const struct option_row *rows)
{
	int most = (int)strlen("  -h, --help"), width;
	char text[64];

	for (; rows->name; rows++) {
		width = head(rows, text, sizeof(text));
		most = width > most ? width : most;
	}
	return most;
}

/* Print a text, in lines that fit, of which all but the first begin at a column. A newline
 * in it ends a line. */
static void print_text(const char *text, int column)
{
	int at = column, word;

	for (; *text; text += word) {
		word = (int)strcspn(text, " \n");
		if (at > column && at + 1 + word > HELP_COLUMNS)
			at = printf("\n%*s", column, "") - 1;
		else if (at > column)
			at += printf(" ");
		at += printf("%.*s", word, text);
		if (text[word] == '\n')
			at = printf("\n%*s", column, "") - 1;
		word += text[word] != '\0';
	}
	putchar('\n');
}

static void print_row(const struct option_row *row, int width)
{
	char text[64];

	head(row, text, sizeof(text));
	printf("%-*s  ", width, text);
	print_text(row->help, width + 2);
}

static int print_help(const struct verb_usage *usage)
{
	static const struct option_row help = { .name = "help",
						.letter = 'h',
						.help = "this text" };
	const struct option_row *row;
	int width = columns(usage->rows);

	printf("usage: chute %s", tool_verb());
	for (row = usage->rows; row->name; row++)
		if (row->required)
			printf(" --%s %s", row->name, row->value);
	printf(" [OPTION...]%s%s\n", *usage->arguments ? " " : "", usage->arguments);
	print_text(usage->about, 0);
	putchar('\n');
	for (row = usage->rows; row->name; row++)
		print_row(row, width);
	print_row(&help, width);
	putchar('\n');
	if (usage->more) {
		print_text(usage->more, 0);
		putchar('\n');
	}
	printf("Example:\n  %s\n", usage->example);
	return tool_flush();
}

/* ---- parsing ---- */

/* What getopt_long(3) returns for a row; its other values are characters. */
enum { FIRST_ROW = 256, VERSION = FIRST_ROW + ROWS_MOST };

struct table {
	struct option named[ROWS_MOST];
	char letters[2 * ROWS_MOST];
};

static void make_table(const struct option_row *rows, struct table *t)
{
	char *letter = stpcpy(t->letters, ":h");
	int n;

	for (n = 0; rows[n].name && n < ROWS_MOST - 3; n++) {
		t->named[n] = (struct option){ rows[n].name,
					       rows[n].value ? required_argument : no_argument,
					       NULL, FIRST_ROW + n };
		if (rows[n].letter)
			*letter++ = rows[n].letter;
	}
	t->named[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	t->named[n++] = (struct option){ "version", no_argument, NULL, VERSION };
	t->named[n] = (struct option){ 0 };
	*letter = '\0';
}

static int complain(int option, char **argv)
{
	if (option == ':')
		return tool_misuse("%s needs a value", argv[optind - 1]);
	/* A long one that is known: what is wrong is its value. */
	if (optopt >= FIRST_ROW || optopt == 'h')
		return tool_misuse("%s: that option takes no value", argv[optind - 1]);
	if (optopt)
		return tool_misuse("-%c is no option", optopt);
	return tool_misuse("%s is no option", argv[optind - 1]);
}

static const struct option_row *find_row(const struct option_row *rows, int option)
{
	if (option >= FIRST_ROW)
		return rows + (option - FIRST_ROW);
	while (rows->letter != option)
		rows++;
	return rows;
}

int options_take(const struct verb_usage *usage, void *into, int *argc, char ***argv)
{
	const struct option_row *row;
	struct table table;
	int option, status;

	make_table(usage->rows, &table);
	while ((option = getopt_long(*argc, *argv, table.letters, table.named, NULL)) != -1) {
		if (option == 'h')
			return print_help(usage);
		if (option == VERSION)
			return tool_version();
		if (option == '?' || option == ':')
			return complain(option, *argv);
		row = find_row(usage->rows, option);
		status = row->take(row, row->value ? optarg : NULL, (char *)into + row->at);
		if (status)
			return status;
	}
	*argc -= optind;
	*argv += optind;
	return OPTIONS_GO_ON;
}

int options_no_argument(int argc, char **argv)
{
	return argc ? tool_misuse("%s is one argument too many", *argv) : TOOL_OK;
}
