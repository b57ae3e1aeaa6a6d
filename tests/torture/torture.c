// SPDX-License-Identifier: BSD-2-Clause
/*
 * torture.c: the whole of it, on the command line:
 *	torture [KILLS [SEED]]
 * One kill at each instruction of each call, and KILLS (10000) at random times, half of
 * them beside each consumer. Status 1 says that something was lost, torn, or stood still.
 */
#include "torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct run {
	__u32 kills; /* at random, of each consumer */
	__u64 seed;
	struct report all;
	bool bad;
};

static void add_part(struct run *run, const char *how, const struct sink *sink,
		     const struct report *part)
{
	char what[64];

	snprintf(what, sizeof(what), "%s, consumer: %s", how, sink->name);
	report_print(stdout, what, part);
	fflush(stdout);
	run->bad |= !report_is_good(part);
	report_merge(&run->all, part);
}

/* Each with a ring of its own. False if there is no such consumer. */
static bool torture(struct run *run, bool kernel, bool at_random)
{
	struct report part = { 0 };
	struct sink sink;
	int err = sink_open(&sink, kernel);

	if (err) {
		printf("no consumer %s: %s\n", kernel ? "in the kernel" : "in user space",
		       strerror(-err));
		return false;
	}
	if (at_random) {
		kill_at_random(&sink, run->kills, run->seed, &part);
		add_part(run, "at random", &sink, &part);
	} else if (kill_at_every_instruction(&sink, 1, &part)) {
		add_part(run, "at every instruction", &sink, &part);
	} else {
		printf("processes can't be stepped through here (ptrace(2), or the CPU)\n");
	}
	sink_close(&sink);
	return true;
}

int main(int argc, char **argv)
{
	__u32 kills = argc > 1 ? (__u32)strtoul(argv[1], NULL, 0) : 10000;
	struct run run = {
		.seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (__u64)time(NULL),
	};

	printf("seed %llu\n", (unsigned long long)run.seed);
	run.kills = kills / 2;
	if (!torture(&run, true, true))
		run.kills = kills;
	else
		torture(&run, true, false);
	/* Without it there is nothing to say. */
	if (!torture(&run, false, true) || !torture(&run, false, false))
		return 1;
	report_print(stdout, "all", &run.all);
	return run.bad;
}
