// SPDX-License-Identifier: BSD-2-Clause
/*
 * owner.c: a program that is built with the system's libbpf and knows nothing of chute: it
 * owns a ring, feeds it and drains it as fast as it can, in one thread or in two. For each
 * line on standard input it says how far it is: "RECORDS NS CPU-NS", of the thread that
 * feeds; before that, the ring's id.
 */
#include "drained.h"
#include "drain.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAYLOAD 64

static struct drain_bpf *skeleton;
static struct user_ring_buffer *ring;
static unsigned long sent;
static pthread_t feeder;
static bool two_threads;

static void drain(void)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.drain_and_count), &run);
}

static void *drain_always(void *unused)
{
	(void)unused;
	for (;;)
		drain();
	return NULL;
}

static void *feed_always(void *unused)
{
	char *record;

	(void)unused;
	for (;;) {
		record = user_ring_buffer__reserve(ring, PAYLOAD);
		if (record) {
			memset(record, (int)sent, PAYLOAD);
			user_ring_buffer__submit(ring, record);
			__atomic_store_n(&sent, sent + 1, __ATOMIC_RELAXED);
		} else if (!two_threads) {
			drain();
		}
	}
	return NULL;
}

static long long now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	clockid_t feeder_clock;
	pthread_t drainer;
	char line[8];

	two_threads = argc > 1 && !strcmp(argv[1], "two");
	skeleton = drain_bpf__open();
	if (!skeleton || bpf_map__set_max_entries(skeleton->maps.ring, 256 * 1024) ||
	    drain_bpf__load(skeleton))
		return 1;
	skeleton->bss->flags = BPF_RB_NO_WAKEUP;
	ring = user_ring_buffer__new(bpf_map__fd(skeleton->maps.ring), NULL);
	if (!ring || bpf_obj_get_info_by_fd(bpf_map__fd(skeleton->maps.ring), &info, &size) ||
	    pthread_create(&feeder, NULL, feed_always, NULL) ||
	    (two_threads && pthread_create(&drainer, NULL, drain_always, NULL)) ||
	    pthread_getcpuclockid(feeder, &feeder_clock))
		return 1;
	printf("%u\n", info.id);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		printf("%lu %lld %lld\n", __atomic_load_n(&sent, __ATOMIC_RELAXED),
		       now_ns(CLOCK_MONOTONIC), now_ns(feeder_clock));
		fflush(stdout);
	}
	return 0;
}
