/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h: what every verb of the tool has to do with: its entry in the dispatch
 * table of main.c, its exit status, its options and its errors.
 *
 * A verb returns its exit status. Whatever went wrong has been told by then, in one
 * line on standard error: what was given, what is wrong with it, what to do.
 */
#ifndef CHUTE_TOOLS_CLI_TOOL_H
#define CHUTE_TOOLS_CLI_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

enum tool_status {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2, /* the command line can't be understood */
	/* Where TOOL_FAILED is an answer. */
	TOOL_CANT_LOOK = 3,
};

int tool_bench(int argc, char **argv);
int tool_check(int argc, char **argv);
int tool_create(int argc, char **argv);
int tool_drain(int argc, char **argv);
int tool_dump(int argc, char **argv);
int tool_list(int argc, char **argv);
int tool_recv(int argc, char **argv);
int tool_repair(int argc, char **argv);
int tool_replay(int argc, char **argv);
int tool_send(int argc, char **argv);
int tool_stat(int argc, char **argv);
int tool_top(int argc, char **argv);

/* "chute VERB: ..." on standard error, one line whatever stands in it, in place of a
 * progress line if there is one. */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what went wrong. Returns TOOL_FAILED, the usual status after it. */
int tool_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what the command line lacks; adds where to read on. Returns TOOL_USAGE. */
int tool_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Values of long options start here; below are the short ones, as characters. */
enum tool_option {
	TOOL_HELP = 'h',
	TOOL_QUIET = 'q',
	TOOL_BAD = '?', /* has been complained about */
	/* Shared, and long only. */
	TOOL_JSON = 256,
	TOOL_VERSION_OPTION,
	TOOL_FIRST_LONG,
};

/* clang-format off */
#define TOOL_OPTIONS \
	{ "help", no_argument, NULL, TOOL_HELP }, { "version", no_argument, NULL, TOOL_VERSION_OPTION }
#define TOOL_OPTIONS_QUIET { "quiet", no_argument, NULL, TOOL_QUIET }
#define TOOL_OPTIONS_JSON { "json", no_argument, NULL, TOOL_JSON }
/* clang-format on */

/* The next option of the command line, in any place among the arguments, or -1;
 * its value is in optarg. --version is answered here, and ends the program. */
int tool_option(int argc, char **argv, const struct option *options);

/* The verb's name, or an empty string. */
const char *tool_verb(void);

/* Print a text on standard output; print all that stdio has still in its buffer. Both
 * complain if that fails. Return the exit status. */
int tool_print(const char *text);
int tool_flush(void);

#endif
