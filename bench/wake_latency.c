// SPDX-License-Identifier: BSD-2-Clause
/*
 * wake_latency.c: a producer is blocked, a drain makes space: how long until the
 * producer runs, and what CPU time has its wait cost?
 *
 * A latency is from the drain's last callback, which notes the time, to the return
 * of the blocking call. Two kinds of ring: a full one, and one with some space but
 * not enough, where libbpf does not sleep. They are small and hold four records, so
 * that the drain itself takes no time. The same BPF program for both sides, with
 * default flags; in the on-demand line ours has one with chute.bpf.h.
 */
#include "drainer.h"
#include "bench.skel.h"
#include "bench_pack.skel.h"

#include <chute/chute.h>

#include <errno.h>
#include <stdlib.h>

static const struct bench_line lines[] = {
	{ "wake-latency-full", "wake-latency", "us", 0.97 },
	{ "wake-latency-full-p99", "wake-latency", "us", 0 },
	{ "wake-latency-full-cpu", "wake-latency", "us", 0 },
	{ "wake-latency-full-on-demand", "wake-latency", "us", 0 },
	{ "wake-latency-nearly-full", "wake-latency", "us", 50 }, /* CPU time */
	{ "wake-latency-nearly-full-p50", "wake-latency", "us", 0 },
	{ "wake-latency-nearly-full-p99", "wake-latency", "us", 0 },
};

#define RING_SIZE   4096
#define RECORDS	    4
#define WANTED	    64
#define SAMPLES_MAX 500 /* a round */
#define TIMEOUT_MS  10000

/* What kind of wait. */
struct wait {
	__u32 left;		  /* bytes of space in the ring */
	double least_ns, most_ns; /* how long it is, as far as the consumer has it */
	unsigned int samples;	  /* a round */
};

static const struct wait full = { 0, 200e3, 400e3, 60 };
static const struct wait nearly_full = { 32, 4e6, 6e6, 12 };

struct waiter {
	const char *name;
	bool libbpf;
	int map_fd, side_fd, drain_fd;
	const struct bench_totals *received;
	struct bench_series p50, cpu; /* a round */
	double all[SAMPLES_MAX * BENCH_ROUNDS_MAX];
	size_t all_n;
};

/* The two threads take turns, one wait after the other: the producer is about to
 * block, runs again; the consumer has then emptied the ring. */
static struct {
	unsigned long armed __attribute__((aligned(64)));
	unsigned long resumed __attribute__((aligned(64)));
	unsigned long emptied __attribute__((aligned(64)));
	int drain_fd __attribute__((aligned(64)));
	double delay_ns;
	bool stop;
} turn;

static void await_turn(const unsigned long *which, unsigned long n)
{
	while (chute_load_acquire(which) != n && !chute_load_acquire(&turn.stop))
		chute_pause();
}

static void *consume(void *arg)
{
	unsigned long n;
	double start;

	(void)arg;
	bench_pin(1);
	for (n = 1;; n++) {
		await_turn(&turn.armed, n);
		if (chute_load_acquire(&turn.stop))
			return NULL;
		start = bench_now_ns();
		while (bench_now_ns() - start < turn.delay_ns)
			chute_pause();
		bench_run_program(turn.drain_fd);
		await_turn(&turn.resumed, n);
		bench_run_program(turn.drain_fd);
		chute_store_release(&turn.emptied, n);
	}
}

static double thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void *reserve(const struct waiter *w, void *handle, __u32 size)
{
	return w->libbpf ? user_ring_buffer__reserve(handle, size) : chute_reserve(handle, size);
}

static void *block(const struct waiter *w, void *handle)
{
	if (w->libbpf)
		return user_ring_buffer__reserve_blocking(handle, WANTED, TIMEOUT_MS);
	return chute_reserve_for(handle, WANTED, TIMEOUT_MS * 1000000LL);
}

static void submit(const struct waiter *w, void *handle, void *payload)
{
	if (!payload)
		bench_fail("%s: can't reserve: error %d", w->name, errno);
	if (w->libbpf)
		user_ring_buffer__submit(handle, payload);
	else
		chute_submit(handle, payload);
}

static void fill(const struct waiter *w, void *handle, __u32 left)
{
	const __u32 size = RING_SIZE / RECORDS - CHUTE_HEADER_SIZE;
	int i;

	for (i = 1; i < RECORDS; i++)
		submit(w, handle, reserve(w, handle, size));
	submit(w, handle, reserve(w, handle, size - left));
	if (reserve(w, handle, WANTED))
		bench_fail("%s: the ring should be full", w->name);
}

/* Latency, and CPU time, of a wait in us. */
static double wait_once(struct waiter *w, void *handle, const struct wait *wait, double *cpu_us)
{
	double cpu_ns, now_ns, latency_ns;
	void *payload;

	fill(w, handle, wait->left);
	turn.drain_fd = w->drain_fd;
	turn.delay_ns =
		wait->least_ns + (wait->most_ns - wait->least_ns) * ((double)random() / RAND_MAX);
	chute_store_release(&turn.armed, turn.armed + 1);
	cpu_ns = thread_cpu_ns();
	payload = block(w, handle);
	now_ns = bench_now_ns();
	*cpu_us = (thread_cpu_ns() - cpu_ns) / 1e3;
	latency_ns = now_ns - (double)chute_load_relaxed(&w->received->last_ns);
	/* Who spins may run before the last of the four records is through. */
	if (latency_ns < 1)
		latency_ns = 1;
	submit(w, handle, payload);
	chute_store_release(&turn.resumed, turn.armed);
	await_turn(&turn.emptied, turn.armed);
	return latency_ns / 1e3;
}

static void round_of(struct waiter *w, const struct wait *wait)
{
	struct chute_opts opts = { .sz = sizeof(opts), .side_fd = (__u32)w->side_fd };
	const __u64 before = w->received->messages;
	double latency[SAMPLES_MAX], cpu[SAMPLES_MAX];
	void *handle;
	unsigned int i;

	handle = w->libbpf ? (void *)user_ring_buffer__new(w->map_fd, NULL)
			   : (void *)chute_open_map(w->map_fd, &opts);
	bench_loaded(handle, w->name);
	for (i = 0; i < wait->samples; i++) {
		latency[i] = wait_once(w, handle, wait, &cpu[i]);
		w->all[w->all_n++] = latency[i];
	}
	bench_check(w->name, wait->samples * (RECORDS + 1), w->received->messages - before, 0, 0);
	if (w->libbpf)
		user_ring_buffer__free(handle);
	else
		chute_close(handle);
	bench_add(&w->p50, bench_quantile(latency, i, 0.5));
	bench_add(&w->cpu, bench_quantile(cpu, i, 0.5));
}

static void compare(struct waiter *a, struct waiter *b, const struct wait *wait)
{
	struct waiter *const sides[] = { a, b };
	unsigned int r, i;

	for (i = 0; i < 2; i++)
		sides[i]->p50.n = sides[i]->cpu.n = 0, sides[i]->all_n = 0;
	for (r = 0; r <= bench_rounds(); r++) {
		for (i = 0; i < 2; i++)
			round_of(sides[(r + i) % 2], wait);
		/* The first one warms up. */
		for (i = 0; !r && i < 2; i++)
			sides[i]->p50.n = sides[i]->cpu.n = 0, sides[i]->all_n = 0;
	}
}

/* The 99th percentile is of all rounds together: one has too few for it. */
static void report_p99(const char *name, struct waiter *ours, struct waiter *peer)
{
	struct bench_series o = { .n = 0 }, p = { .n = 0 };

	bench_add(&o, bench_quantile(ours->all, ours->all_n, 0.99));
	bench_add(&p, bench_quantile(peer->all, peer->all_n, 0.99));
	bench_report(name, ours->name, &o, peer->name, &p);
}

static void run_full(struct waiter *ours, struct waiter *libbpf)
{
	if (!bench_wanted("wake-latency-full") && !bench_wanted("wake-latency-full-p99") &&
	    !bench_wanted("wake-latency-full-cpu"))
		return;
	compare(ours, libbpf, &full);
	bench_report("wake-latency-full", ours->name, &ours->p50, libbpf->name, &libbpf->p50);
	report_p99("wake-latency-full-p99", ours, libbpf);
	bench_report("wake-latency-full-cpu", ours->name, &ours->cpu, libbpf->name, &libbpf->cpu);
}

static void run_on_demand(struct waiter *on_demand, struct waiter *libbpf)
{
	if (!bench_wanted("wake-latency-full-on-demand"))
		return;
	compare(on_demand, libbpf, &full);
	bench_report("wake-latency-full-on-demand", on_demand->name, &on_demand->p50, libbpf->name,
		     &libbpf->p50);
}

static void run_nearly_full(struct waiter *ours, struct waiter *libbpf)
{
	if (!bench_wanted("wake-latency-nearly-full") &&
	    !bench_wanted("wake-latency-nearly-full-p50") &&
	    !bench_wanted("wake-latency-nearly-full-p99"))
		return;
	compare(ours, libbpf, &nearly_full);
	bench_report("wake-latency-nearly-full", ours->name, &ours->cpu, libbpf->name,
		     &libbpf->cpu);
	bench_report("wake-latency-nearly-full-p50", ours->name, &ours->p50, libbpf->name,
		     &libbpf->p50);
	report_p99("wake-latency-nearly-full-p99", ours, libbpf);
}

int main(int argc, char **argv)
{
	static struct waiter ours = { "chute" }, on_demand = { "chute, on demand" };
	static struct waiter libbpf = { "libbpf", .libbpf = true };
	struct bench_pack_bpf *pack;
	struct bench_bpf *bpf;
	pthread_t thread;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	bpf = bench_bpf__open();
	bench_loaded(bpf, "bench.bpf.o");
	pack = bench_pack_bpf__open();
	bench_loaded(pack, "bench_pack.bpf.o");
	if (bpf_map__set_max_entries(bpf->maps.ring, RING_SIZE) || bench_bpf__load(bpf) ||
	    bpf_map__set_max_entries(pack->maps.ring, RING_SIZE) || bench_pack_bpf__load(pack))
		bench_fail("can't load the BPF programs");
	ours.map_fd = libbpf.map_fd = bpf_map__fd(bpf->maps.ring);
	ours.drain_fd = libbpf.drain_fd = bpf_program__fd(bpf->progs.drain_note_time);
	ours.received = libbpf.received = &bpf->bss->received;
	on_demand.map_fd = bpf_map__fd(pack->maps.ring);
	on_demand.side_fd = bpf_map__fd(pack->maps.ring_side);
	on_demand.drain_fd = bpf_program__fd(pack->progs.drain_note_time);
	on_demand.received = &pack->bss->received;
	if (pthread_create(&thread, NULL, consume, NULL))
		bench_fail("can't start a thread");
	run_full(&ours, &libbpf);
	run_on_demand(&on_demand, &libbpf);
	run_nearly_full(&ours, &libbpf);
	chute_store_release(&turn.stop, true);
	pthread_join(thread, NULL);
	bench_pack_bpf__destroy(pack);
	bench_bpf__destroy(bpf);
	return bench_end();
}
