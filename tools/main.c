// SPDX-License-Identifier: BSD-2-Clause
/*
 * main.c: the tool: its table of verbs, and what runs before each.
 */
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verb {
	const char *name;
	tool_verb_fn *run;
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
#ifdef TOOL_TOP
	{ "top", tool_top, "all rings on a screen, live" },
#endif
	{ "bench", tool_bench, "measure this machine, beside what one might use instead" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int help(void)
{
	size_t i;

	printf("usage: chute VERB [OPTION...] RING [FILE...]\n"
	       "Send messages into BPF programs, and between processes, through rings.\n\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-8s %s\n", verbs[i].name, verbs[i].summary);
	return tool_print(
		"\n"
		"RING is map:ID, map:NAME or the path of a pinned map (a user ring buffer, which\n"
		"a BPF program drains), or mem:NAME (a ring in shared memory, /dev/shm/NAME).\n"
		"'chute VERB --help' says more, 'chute --version' which version this is.\n"
		"\n"
		"Example: two processes and a ring between them\n"
		"  chute create mem:demo --size 64K\n"
		"  seq 1000 | chute send mem:demo\n"
		"  chute recv mem:demo --count 1000 | tail -n 1\n");
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
		tool_verb_set(verbs[i].name);
		return verbs[i].run(argc - 1, argv + 1);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help();
	if (!strcmp(argv[1], "--version"))
		return tool_version();
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
