// SPDX-License-Identifier: BSD-2-Clause
/*
 * main.c: the tool: its table of verbs, and what runs before and beside each.
 */
#include "cli/progress.h"
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct verb verbs[] = {
	{ "create", tool_create,
	  "make a ring: in shared memory, or in a BPF map pinned in a bpffs" },
	{ "send", tool_send, "feed a ring with records from standard input or files" },
	{ "recv", tool_recv, "drain a memory ring to standard output" },
	{ "drain", tool_drain, "run the BPF program that drains a ring" },
	{ "dump", tool_dump, "print what is pending in a ring, or save an image of it" },
	{ "check", tool_check, "what would hold a ring's consumer up" },
	{ "repair", tool_repair, "discard what holds a ring's consumer up" },
	{ "replay", tool_replay, "drain a copy of an image, and see what comes" },
	{ "list", tool_list, "all rings of this machine, and who has to do with them" },
	{ "stat", tool_stat, "where a ring stands, and what goes in and out" },
	{ "top", tool_top, "all rings on a screen, live" },
	{ "bench", tool_bench, "measure this machine, beside what one might use instead" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char *verb_name = "";

const char *tool_verb(void)
{
	return verb_name;
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

static bool is_ours(int option)
{
	return option == TOOL_HELP || option == TOOL_QUIET;
}

static int version(void)
{
	return tool_print("chute " TOOL_VERSION "\n");
}

int tool_option(int argc, char **argv, const struct option *options)
{
	int option = getopt_long(argc, argv, ":hq", options, NULL);

	if (option == ':')
		tool_misuse("%s needs a value", argv[optind - 1]);
	else if (option == '?' && (optopt >= TOOL_JSON || is_ours(optopt)))
		tool_misuse("%s: that option takes no value", argv[optind - 1]);
	else if (option == '?' && optopt)
		tool_misuse("-%c is no option", optopt);
	else if (option == '?')
		tool_misuse("%s is no option", argv[optind - 1]);
	else if (option == TOOL_VERSION_OPTION)
		exit(version());
	else
		return option;
	return TOOL_BAD;
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

static int help(void)
{
	char text[2048];
	size_t used, i;

	used = (size_t)snprintf(text, sizeof(text),
				"usage: chute VERB [OPTION...] RING [FILE...]\n"
				"Send messages into BPF programs, and between processes, through "
				"rings.\n\n");
	for (i = 0; i < VERBS; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "  %-8s %s\n",
					 verbs[i].name, verbs[i].summary);
	snprintf(text + used, sizeof(text) - used,
		 "\n"
		 "RING is map:ID, map:NAME or the path of a pinned map (a user ring buffer, which\n"
		 "a BPF program drains), or mem:NAME (a ring in shared memory, /dev/shm/NAME).\n"
		 "'chute VERB --help' says more, 'chute --version' which version this is.\n"
		 "\n"
		 "Example: two processes and a ring between them\n"
		 "  chute create mem:demo --size 64K\n"
		 "  seq 1000 | chute send mem:demo\n"
		 "  chute recv mem:demo --count 1000 | tail -n 1\n");
	return tool_print(text);
}

/*
 * A closed standard descriptor would be handed to the next file that is opened:
 * the ring, into which we would then write our output.
 */
static void keep_standard_descriptors(void)
{
	int fd;

	/* The wrong way round, so that using them fails. */
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
				abort();
}

static int run(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return tool_misuse("no verb given");
	for (i = 0; i < VERBS; i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		verb_name = verbs[i].name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help();
	if (!strcmp(argv[1], "--version"))
		return version();
	return tool_misuse("%s is no verb", argv[1]);
}

int main(int argc, char **argv)
{
	keep_standard_descriptors();
	/* A write that fails says so. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* Options may stand behind arguments, as in all that we document. */
	unsetenv("POSIXLY_CORRECT");
	return run(argc, argv);
}
