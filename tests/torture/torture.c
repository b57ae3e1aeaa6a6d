// SPDX-License-Identifier: BSD-2-Clause
/*
 * torture.c: the whole of it, on the command line:
 *	torture [KILLS [SEED]]
 * Half of what is left of KILLS (10000) after every instruction falls on each consumer.
 */
#include "torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
	__u32 kills = argc > 1 ? (__u32)strtoul(argv[1], NULL, 0) : 10000;
	__u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (__u64)time(NULL);
	struct report report;
	struct sink sink;
	bool good = true;
	int kernel, err;

	printf("seed %llu\n", (unsigned long long)seed);
	for (kernel = 0; kernel < 2; kernel++) {
		err = sink_open(&sink, kernel);
		if (err) {
			printf("no consumer in the kernel: %s\n", strerror(-err));
			break;
		}
		memset(&report, 0, sizeof(report));
		if (kill_at_every_instruction(&sink, 1, &report))
			report_print(stdout, "every instruction", &report);
		memset(&report, 0, sizeof(report));
		kill_at_random(&sink, kills, seed, &report);
		report_print(stdout, sink.name, &report);
		good &= report_is_good(&report);
		sink_close(&sink);
	}
	return !good;
}
