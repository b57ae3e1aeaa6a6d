/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drainer.h: runs BPF programs by BPF_PROG_TEST_RUN, once or, in a thread on the
 * second CPU, again and again: the BPF consumer of the benchmarks.
 */
#ifndef CHUTE_BENCH_DRAINER_H
#define CHUTE_BENCH_DRAINER_H

#include "harness.h"
#include "bench.bpf.h"

#include <bpf/libbpf.h>
#include <pthread.h>

struct drainer {
	pthread_t thread;
	int wanted_fd;	/* the program to run, or -1 */
	int running_fd; /* the one that runs */
	bool stop;
};

/* Exits as skipped where BPF is not to be had. */
void bench_need_bpf(void);

/* Fails if the object, which libbpf has opened and loaded, is NULL. */
void bench_loaded(const void *object, const char *name);

/* Runs a program once. Fails unless it returns 0 or more; returns that. */
int bench_run_program(int prog_fd);

void drainer_start(struct drainer *d);
void drainer_stop(struct drainer *d);

/* Run that program from now on; -1: none. Returns when the thread is at it. */
void drainer_switch(struct drainer *d, int prog_fd);

/* Wait until @totals shows @messages. Fails after 10 s. */
void bench_await(const char *side, const struct bench_totals *totals, __u64 messages);

#endif
