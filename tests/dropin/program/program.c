// SPDX-License-Identifier: BSD-2-Clause
/* program.c: see common.h. */
#include "common.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(void);
} commands[] = {
	{ "rows", print_rows },
	{ "where", print_where },
	{ "bytes", print_bytes },
	{ "nearly-full", wait_nearly_full },
	{ "quiet-consumer", wait_for_quiet_consumer },
	{ "ended", wait_until_ended },
	{ "closed", wait_without_descriptors },
	{ "untrue", wait_for_the_untrue },
	{ "descriptors", count_descriptors },
	{ "told", print_told },
	{ "twice", print_twice },
	{ "not-at-all", wait_not_at_all },
	{ "threads", send_from_threads },
	{ "two-handles", send_by_two_handles },
	{ "two-processes", send_from_two_processes },
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int main(int argc, char **argv)
{
	size_t i;

	libbpf_set_print(quiet);
	if (argc == 3 && !strcmp(argv[1], "open"))
		return open_inherited(atoi(argv[2]));
	for (i = 0; argc == 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run();
	fprintf(stderr, "usage: program COMMAND\n");
	return 2;
}
