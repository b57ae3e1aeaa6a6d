// SPDX-License-Identifier: BSD-2-Clause
/*
 * scaling.c: bytes a second from a thread on one CPU into a BPF program on another,
 * for rings from 4 KiB to 64 MiB and messages from 8 bytes to 64 KiB, each message
 * copied in and copied out, against memcpy() alone: the same blocks into memory of
 * the ring's size, by one thread. And against libbpf's producer.
 */
#include "drainer.h"
#include "bench_copy.skel.h"

#include <chute/chute.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024UL

static const struct {
	const char *name;
	size_t bytes;
} rings[] = {
	{ "4K", 4 * KIB },	    { "16K", 16 * KIB },	{ "64K", 64 * KIB },
	{ "256K", 256 * KIB },	    { "1M", 1024 * KIB },	{ "4M", 4096 * KIB },
	{ "16M", 16 * 1024 * KIB }, { "64M", 64 * 1024 * KIB },
};

static const struct {
	const char *name;
	__u32 bytes;
} messages[] = {
	{ "8", 8 }, { "64", 64 }, { "512", 512 }, { "4K", 4 * KIB }, { "64K", 64 * KIB },
};

#define LINES_MAX (BENCH_COUNT(rings) * BENCH_COUNT(messages) * 2)

static struct bench_line lines[LINES_MAX];
static char line_names[LINES_MAX][32];
static size_t lines_n;

struct run {
	const struct bench_copy_bpf *bpf;
	size_t ring_bytes;
	__u32 size;
	char *source, *target; /* a message; as much as the ring */
};

static struct drainer drainer;

/* One record at least; two, so that the producer need not wait for each. */
static bool fits(size_t ring, size_t message)
{
	return 2 * chute_record_bytes((__u32)message) <= ring;
}

static void add_line(const char *ring, const char *message, const char *suffix)
{
	char *name = line_names[lines_n];

	snprintf(name, sizeof(line_names[0]), "scaling-%s-%s%s", ring, message, suffix);
	lines[lines_n++] = (struct bench_line){
		.name = name,
		.question = "scaling",
		.unit = "GB/s",
		.more_is_better = true,
	};
}

static void make_lines(void)
{
	size_t r, m;

	for (r = 0; r < BENCH_COUNT(rings); r++)
		for (m = 0; m < BENCH_COUNT(messages); m++)
			if (fits(rings[r].bytes, messages[m].bytes)) {
				add_line(rings[r].name, messages[m].name, "");
				add_line(rings[r].name, messages[m].name, "-libbpf");
			}
}

/* The message's first word is its number. */
static inline void write_message(void *to, const struct run *run, __u64 i)
{
	*(__u64 *)run->source = i;
	memcpy(to, run->source, run->size);
}

static void send_chute(const struct run *run, struct chute *c, __u64 count)
{
	void *message;
	__u64 i;

	for (i = 0; i < count; i++) {
		message = chute_reserve(c, run->size);
		if (!message)
			message = chute_reserve_for(c, run->size, CHUTE_FOREVER);
		if (!message)
			bench_fail("chute_reserve_for: error %d", errno);
		write_message(message, run, i);
		chute_submit(c, message);
	}
}

static void send_libbpf(const struct run *run, struct user_ring_buffer *rb, __u64 count)
{
	void *message;
	__u64 i;

	for (i = 0; i < count; i++) {
		/* It gives up on a ring that is nearly full; see stream.c. */
		do {
			message = user_ring_buffer__reserve_blocking(rb, run->size, -1);
		} while (!message && errno == ENOSPC);
		if (!message)
			bench_fail("user_ring_buffer__reserve_blocking: error %d", errno);
		write_message(message, run, i);
		user_ring_buffer__submit(rb, message);
	}
}

static double timed(const struct run *run, struct chute *c, struct user_ring_buffer *rb,
		    __u64 count)
{
	const struct bench_totals before = run->bpf->bss->received;
	double start, ns;

	run->bpf->bss->message_size = run->size;
	drainer_switch(&drainer, bpf_program__fd(run->bpf->progs.drain_copy));
	start = bench_now_ns();
	if (c)
		send_chute(run, c, count);
	else
		send_libbpf(run, rb, count);
	bench_await("scaling", &run->bpf->bss->received, before.messages + count);
	ns = bench_now_ns() - start;
	drainer_switch(&drainer, -1);
	bench_check("scaling", count, run->bpf->bss->received.messages - before.messages,
		    count * (count - 1) / 2, run->bpf->bss->received.sum - before.sum);
	return ns;
}

static double round_chute(void *arg, __u64 count)
{
	const struct run *run = arg;
	struct chute *c = chute_open_map(bpf_map__fd(run->bpf->maps.ring), NULL);
	double ns;

	bench_loaded(c, "chute's producer");
	ns = timed(run, c, NULL, count);
	chute_close(c);
	return ns;
}

static double round_libbpf(void *arg, __u64 count)
{
	const struct run *run = arg;
	struct user_ring_buffer *rb = user_ring_buffer__new(bpf_map__fd(run->bpf->maps.ring), NULL);
	double ns;

	bench_loaded(rb, "libbpf's producer");
	ns = timed(run, NULL, rb, count);
	user_ring_buffer__free(rb);
	return ns;
}

static double round_memcpy(void *arg, __u64 count)
{
	const struct run *run = arg;
	size_t at = 0;
	double start;
	__u64 i;

	start = bench_now_ns();
	for (i = 0; i < count; i++) {
		if (at + run->size > run->ring_bytes)
			at = 0;
		write_message(run->target + at, run, i);
		/* The copy is wanted. */
		__asm__ volatile("" ::: "memory");
		at += run->size;
	}
	return bench_now_ns() - start;
}

/* From ns a message to GB/s. */
static struct bench_series rate(const struct bench_series *ns, __u32 size)
{
	struct bench_series r = { .n = 0 };
	unsigned int i;

	for (i = 0; i < ns->n; i++)
		bench_add(&r, size / ns->value[i]);
	return r;
}

static void compare(struct run *run, const char *ring, const char *message)
{
	struct bench_side sides[] = {
		{ "chute", round_chute, run },
		{ "memcpy", round_memcpy, run },
		{ "libbpf", round_libbpf, run },
	};
	struct bench_series rates[3];
	char name[32], libbpf_name[48];
	int i;

	snprintf(name, sizeof(name), "scaling-%s-%s", ring, message);
	snprintf(libbpf_name, sizeof(libbpf_name), "%s-libbpf", name);
	if (!bench_wanted(name) && !bench_wanted(libbpf_name))
		return;
	bench_compare(sides, 3);
	for (i = 0; i < 3; i++)
		rates[i] = rate(&sides[i].series, run->size);
	bench_report(name, "chute", &rates[0], "memcpy", &rates[1]);
	bench_report(libbpf_name, "chute", &rates[0], "libbpf", &rates[2]);
}

static void with_ring(size_t r)
{
	struct run run = { .ring_bytes = rings[r].bytes };
	struct bench_copy_bpf *bpf = bench_copy_bpf__open();
	size_t m;

	bench_loaded(bpf, "bench_copy.bpf.o");
	if (bpf_map__set_max_entries(bpf->maps.ring, (__u32)run.ring_bytes) ||
	    bench_copy_bpf__load(bpf))
		bench_fail("can't load bench_copy.bpf.o with a ring of %s", rings[r].name);
	run.bpf = bpf;
	run.source = malloc(BENCH_COPY_MAX);
	run.target = malloc(run.ring_bytes);
	if (!run.source || !run.target)
		bench_fail("no memory");
	memset(run.source, 1, BENCH_COPY_MAX);
	memset(run.target, 1, run.ring_bytes);
	for (m = 0; m < BENCH_COUNT(messages); m++) {
		run.size = messages[m].bytes;
		if (fits(run.ring_bytes, run.size))
			compare(&run, rings[r].name, messages[m].name);
	}
	free(run.source);
	free(run.target);
	bench_copy_bpf__destroy(bpf);
}

int main(int argc, char **argv)
{
	size_t r;

	make_lines();
	bench_rounds_default(31);
	bench_begin(argc, argv, lines, lines_n);
	bench_need_bpf();
	drainer_start(&drainer);
	for (r = 0; r < BENCH_COUNT(rings); r++)
		with_ring(r);
	drainer_stop(&drainer);
	return bench_end();
}
