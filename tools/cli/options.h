/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h: the options of a verb, said once, in a table: what is parsed, what --help
 * prints, and, by asking that, what the shells complete and what the tests hold the
 * manual page to.
 *
 *	struct watcher { __u64 count; bool json; };
 *
 *	static const struct option_row rows[] = {
 *		{ "count", "N", option_number, OPTION_AT(struct watcher, count),
 *		  "end after N samples", .of = "a number of samples", .least = 1 },
 *		{ "json", NULL, option_flag, OPTION_AT(struct watcher, json),
 *		  "an object a line for each sample" },
 *		{ 0 },
 *	};
 */
#ifndef CHUTE_TOOLS_CLI_OPTIONS_H
#define CHUTE_TOOLS_CLI_OPTIONS_H

#include "cli/tool.h"

#include <linux/types.h>
#include <stddef.h>

struct option_row;

/* Put the option's value, or NULL if it takes none, at @field. Returns 0, or an exit
 * status after a complaint. */
typedef int option_fn(const struct option_row *row, const char *value, void *field);

struct option_row {
	const char *name;  /* without the dashes */
	const char *value; /* what the help calls it, in capitals; NULL: there is none */
	option_fn *take;
	size_t at; /* of the field in the verb's options */
	const char *help;

	const char *of;	   /* a number is "a number of records", to be complained about */
	__u64 least, most; /* of a number; most 0: any */
	char letter;	   /* a short name too */
	bool required;	   /* in the usage; whoever has the value must look whether it is there */
};

#define OPTION_AT(type, field) offsetof(type, field)

/* The values that a field may have: bool, true; const char *; __u64 for the two numbers,
 * a rate being one of records a second, with k, M, G; __s64 in ns. */
option_fn option_flag, option_text, option_number, option_rate, option_seconds;

/* What a verb is, to whoever asks. --help and --version are every verb's. */
struct verb_usage {
	const char *arguments; /* such as "RING [FILE...]" */
	const char *about;     /* what it does */
	const struct option_row *rows;
	const char *more; /* what the arguments are, and the exit status; or NULL */
	const char *example;
};

#define OPTIONS_GO_ON (-1)

/*
 * Take the options out of a verb's arguments, wherever they stand, into the struct @into;
 * *argc and *argv are then what is left, without the verb's name. Returns OPTIONS_GO_ON;
 * or the exit status, if the help was asked for, or after a complaint.
 */
int options_take(const struct verb_usage *usage, void *into, int *argc, char ***argv);

/* Complain if there is an argument. Returns 0, or an exit status. */
int options_no_argument(int argc, char **argv);

#endif
