// SPDX-License-Identifier: BSD-2-Clause
/*
 * produce.c: what reserve + submit of an 8-byte record costs its producer, as long
 * as there is room: one thread, nobody else on the ring. Both sides fill the same ring
 * to the last record.
 */
#include "cpu.h"
#include "fill.h"
#include "bench.skel.h"

#include <chute/chute.h>

#include <string.h>

#define RECORDS (BENCH_RING_SIZE / 16)

static struct bench_line lines[] = {
	{ "produce", "produce", "ns", 3 },
	{ "produce-mutex", "produce", "ns", 0 },
};

/* Older cores take twice as long for what this path waits for, a store that is read back,
 * and not for libbpf's. */
#define GOAL_ZEN_5 6

static struct bench_bpf *bpf;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void fill_chute(void *handle, __u64 first)
{
	struct chute *c = handle;
	__u64 *message, i;

	for (i = first; i < first + RECORDS; i++) {
		message = chute_reserve(c, sizeof(*message));
		if (!message)
			bench_fail("chute: the ring is full before its time");
		*message = i;
		chute_submit(c, message);
	}
}

static void fill_libbpf(void *handle, __u64 first)
{
	struct user_ring_buffer *rb = handle;
	__u64 *message, i;

	for (i = first; i < first + RECORDS; i++) {
		message = user_ring_buffer__reserve(rb, sizeof(*message));
		if (!message)
			bench_fail("libbpf: the ring is full before its time");
		*message = i;
		user_ring_buffer__submit(rb, message);
	}
}

/* What the documentation asks of several threads: only reserve needs the lock. */
static void fill_libbpf_mutex(void *handle, __u64 first)
{
	struct user_ring_buffer *rb = handle;
	__u64 *message, i;

	for (i = first; i < first + RECORDS; i++) {
		pthread_mutex_lock(&mutex);
		message = user_ring_buffer__reserve(rb, sizeof(*message));
		pthread_mutex_unlock(&mutex);
		if (!message)
			bench_fail("libbpf: the ring is full before its time");
		*message = i;
		user_ring_buffer__submit(rb, message);
	}
}

static double rounds(const char *side, void (*fill)(void *handle, __u64 first), void *handle,
		     __u64 count)
{
	const struct bench_fill f = {
		.name = side,
		.records = RECORDS,
		.drain_fd = bpf_program__fd(bpf->progs.drain_8),
		.received = &bpf->bss->received,
		.fill = fill,
		.arg = handle,
	};

	return bench_fills(&f, count);
}

static double round_chute(void *arg, __u64 count)
{
	struct chute *c = chute_open_map(bpf_map__fd(bpf->maps.ring), NULL);
	double ns;

	(void)arg;
	bench_loaded(c, "chute's producer");
	ns = rounds("chute", fill_chute, c, count);
	chute_close(c);
	return ns;
}

static double round_libbpf(void *arg, __u64 count)
{
	struct user_ring_buffer *rb = user_ring_buffer__new(bpf_map__fd(bpf->maps.ring), NULL);
	double ns;

	bench_loaded(rb, "libbpf's producer");
	ns = rounds("libbpf", arg ? fill_libbpf_mutex : fill_libbpf, rb, count);
	user_ring_buffer__free(rb);
	return ns;
}

int main(int argc, char **argv)
{
	struct bench_side sides[] = {
		{ "chute", round_chute, NULL, BENCH_FILLS * RECORDS },
		{ "libbpf", round_libbpf, NULL, BENCH_FILLS * RECORDS },
		{ "libbpf + mutex", round_libbpf, &mutex, BENCH_FILLS * RECORDS },
	};
	struct bench_cpu cpu;

	bench_cpu_read(&cpu);
	if (cpu.core && !strcmp(cpu.core, "Zen 5"))
		lines[0].goal = GOAL_ZEN_5;
	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	bpf = bench_bpf__open_and_load();
	bench_loaded(bpf, "bench.bpf.o");
	bench_compare(sides, BENCH_COUNT(sides));
	bench_report("produce", sides[0].name, &sides[0].series, sides[1].name, &sides[1].series);
	bench_report("produce-mutex", sides[0].name, &sides[0].series, sides[2].name,
		     &sides[2].series);
	bench_bpf__destroy(bpf);
	return bench_end();
}
