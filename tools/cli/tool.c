// SPDX-License-Identifier: BSD-2-Clause
/* tool.c: see tool.h. */
#include "cli/tool.h"
#include "cli/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *verb_name = "";

const char *tool_verb(void)
{
	return verb_name;
}

void tool_verb_set(const char *name)
{
	verb_name = name;
}

static void say(const char *format, va_list args)
{
	char text[2048];
	size_t used, i;

	used = (size_t)snprintf(text, sizeof(text), "chute%s%s: ", *verb_name ? " " : "",
				verb_name);
	vsnprintf(text + used, sizeof(text) - used - 1, format, args);
	/* Names come from the user, and may hold anything. */
	for (i = 0; text[i]; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	text[i] = '\n';
	progress_clear();
	fwrite(text, 1, i + 1, stderr);
}

void tool_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

int tool_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return TOOL_FAILED;
}

int tool_misuse(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tool_complain("%s: see 'chute %s%s--help'", text, verb_name, *verb_name ? " " : "");
	return TOOL_USAGE;
}

void *tool_memory(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory)
		exit(tool_complain("no memory for %zu bytes", size));
	return memory;
}

int tool_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return tool_complain("standard output: %s", strerror(errno));
	return TOOL_OK;
}

int tool_print(const char *text)
{
	if (fputs(text, stdout) < 0)
		return tool_complain("standard output: %s", strerror(errno));
	return tool_flush();
}

int tool_version(void)
{
	return tool_print("chute " TOOL_VERSION "\n");
}
