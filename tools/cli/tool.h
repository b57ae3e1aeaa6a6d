/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h: what every verb of the tool has to do with: its entry in the dispatch table of
 * main.c, its exit status and its errors.
 *
 * A verb returns its exit status. Whatever went wrong has been told by then, in one
 * line on standard error: what was given, what is wrong with it, what to do.
 */
#ifndef CHUTE_TOOLS_CLI_TOOL_H
#define CHUTE_TOOLS_CLI_TOOL_H

#include <stdbool.h>
#include <stddef.h>

enum tool_status {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2, /* the command line can't be understood */
	/* Where TOOL_FAILED is an answer. */
	TOOL_CANT_LOOK = 3,
};

typedef int tool_verb_fn(int argc, char **argv);

tool_verb_fn tool_bench, tool_check, tool_create, tool_drain, tool_dump, tool_list, tool_recv;
tool_verb_fn tool_repair, tool_replay, tool_send, tool_stat, tool_top;

/* "chute VERB: ..." on standard error, one line whatever stands in it, in place of a
 * progress line if there is one. */
void tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what went wrong. Returns TOOL_FAILED, the usual status after it. */
int tool_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what the command line lacks; adds where to read on. Returns TOOL_USAGE. */
int tool_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory, or the program ends with a complaint: realloc(3), which also begins. */
void *tool_memory(void *memory, size_t size) __attribute__((warn_unused_result));

/* The verb's name, or an empty string; whoever runs one sets it. */
const char *tool_verb(void);
void tool_verb_set(const char *name);

/* Print a text on standard output; the version; print all that stdio has still in its
 * buffer. Complain if that fails. Return the exit status. */
int tool_print(const char *text);
int tool_version(void);
int tool_flush(void);

#endif
