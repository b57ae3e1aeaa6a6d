/* SPDX-License-Identifier: BSD-2-Clause */
/* cpu.h: which CPU this is: figures are of a kind of core, not of a machine. */
#ifndef CHUTE_BENCH_CPU_H
#define CHUTE_BENCH_CPU_H

#include <stdbool.h>

struct bench_cpu {
	char vendor[32];
	char name[80];
	unsigned int family, model; /* 0 where they are unknown */
	const char *core;	    /* "Zen 5"; NULL if it is none that we know */
	bool is_virtual;
};

/* From /proc/cpuinfo; what is not there is empty. */
void bench_cpu_read(struct bench_cpu *cpu);

#endif
