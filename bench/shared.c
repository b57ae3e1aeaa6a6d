// SPDX-License-Identifier: BSD-2-Clause
/*
 * shared.c: records of 8 bytes from one, two or four threads into one ring, or into a
 * lane each, against libbpf's producer with a mutex around its reserve.
 *
 * One or two threads, each on a CPU of its own, fill an empty ring together (fill.h).
 * Four threads have one CPU for them and a BPF program
 * that drains on the other: they block when the ring is full.
 */
#include "fill.h"
#include "bench.skel.h"
#include "bench_lanes.skel.h"

#include <chute/chute.h>
#include <chute/lanes.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct bench_line lines[] = {
	{ "shared-1", "shared", "ns", 2.5 },
	{ "shared-2", "shared", "ns", 2 },
	{ "shared-2-batch32", "shared", "ns", 20 },
	{ "shared-4on1", "shared", "ns", 0.5, BENCH_SHARE }, /* of one thread alone */
	{ "lanes-2", "lanes", "ns", 20 },
};

#define RING_SIZE (2 * BENCH_LANE_SIZE)
#define RECORDS	  (RING_SIZE / 16) /* a fill */
#define BATCH	  32
#define CROWD	  4

/* Sends the words @first to @end - 1. */
typedef void send_fn(void *handle, __u64 first, __u64 end);

/* A way to fill rings, by @threads threads. */
struct filling {
	const char *name;
	send_fn *send;
	int threads;
	void *(*open)(void);
	void (*close)(void *handle);
	int drain_fd;
	const struct bench_totals *received;
	void *handle; /* that of the round */
};

static struct bench_bpf *ours, *theirs;
static struct bench_lanes_bpf *laned;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- sending ---- */

static void send_single(void *handle, __u64 first, __u64 end)
{
	struct chute *c = handle;
	__u64 *message;

	for (; first < end; first++) {
		message = chute_reserve(c, sizeof(*message));
		if (!message)
			bench_fail("chute: the ring is full before its time");
		*message = first;
		chute_submit(c, message);
	}
}

static void send_batches(void *handle, __u64 first, __u64 end)
{
	struct chute *c = handle;
	__u64 *message, *batch;
	int i;

	while (first < end) {
		message = batch = chute_reserve_batch(c, BATCH, sizeof(*message));
		if (!batch)
			bench_fail("chute: the ring is full before its time");
		for (i = 0; i < BATCH; i++) {
			*message = first++;
			message = chute_batch_next(message, sizeof(*message));
		}
		chute_submit(c, batch);
	}
}

static void send_lane(void *handle, __u64 first, __u64 end)
{
	struct chute *lane = chute_lane(handle);

	if (!lane)
		bench_fail("no lane: %s", strerror(errno));
	send_single(lane, first, end);
}

/* Only reserve needs the lock, as the documentation has it. */
static void send_libbpf(void *handle, __u64 first, __u64 end)
{
	struct user_ring_buffer *rb = handle;
	__u64 *message;

	for (; first < end; first++) {
		pthread_mutex_lock(&mutex);
		message = user_ring_buffer__reserve(rb, sizeof(*message));
		pthread_mutex_unlock(&mutex);
		if (!message)
			bench_fail("libbpf: the ring is full before its time");
		*message = first;
		user_ring_buffer__submit(rb, message);
	}
}

static void send_blocking(void *handle, __u64 first, __u64 end)
{
	struct chute *c = handle;
	__u64 *message;

	for (; first < end; first++) {
		message = chute_reserve(c, sizeof(*message));
		if (!message)
			message = chute_reserve_for(c, sizeof(*message), CHUTE_FOREVER);
		if (!message)
			bench_fail("chute_reserve_for: %s", strerror(errno));
		*message = first;
		chute_submit(c, message);
	}
}

/* ---- handles ---- */

static void *open_shared(void)
{
	struct chute_opts opts = { .sz = sizeof(opts), .flags = CHUTE_SHARED };

	return chute_open_map(bpf_map__fd(ours->maps.ring), &opts);
}

static void close_shared(void *handle)
{
	chute_close(handle);
}

static void *open_lanes(void)
{
	return chute_lanes_open_map(bpf_map__fd(laned->maps.lanes), NULL);
}

static void close_lanes(void *handle)
{
	chute_lanes_close(handle);
}

static void *open_libbpf(void)
{
	return user_ring_buffer__new(bpf_map__fd(theirs->maps.ring), NULL);
}

static void close_libbpf(void *handle)
{
	user_ring_buffer__free(handle);
}

/* ---- one or two threads that fill the ring ---- */

/* The second thread, which spins between the fills. */
static struct {
	unsigned long go __attribute__((aligned(64)));
	const struct filling *filling;
	void *handle;
	__u64 first;
	unsigned long done __attribute__((aligned(64)));
	bool stop __attribute__((aligned(64)));
	bool ready;
} second;

static void *fill_second_half(void *arg)
{
	unsigned long n;

	(void)arg;
	bench_pin(1);
	chute_store_release(&second.ready, true);
	for (n = 1;; n++) {
		while (chute_load_acquire(&second.go) != n)
			if (chute_load_acquire(&second.stop))
				return NULL;
		second.filling->send(second.handle, second.first + RECORDS / 2,
				     second.first + RECORDS);
		chute_store_release(&second.done, n);
	}
}

static void fill(void *arg, __u64 first)
{
	const struct filling *f = arg;

	if (f->threads == 1) {
		f->send(f->handle, first, first + RECORDS);
		return;
	}
	second.first = first;
	chute_store_release(&second.go, second.go + 1);
	f->send(f->handle, first, first + RECORDS / 2);
	while (chute_load_acquire(&second.done) != second.go)
		chute_pause();
}

static double round_fill(void *arg, __u64 count)
{
	struct filling *f = arg;
	const struct bench_fill fills = {
		.name = f->name,
		.records = RECORDS,
		.drain_fd = f->drain_fd,
		.received = f->received,
		.fill = fill,
		.arg = f,
	};
	pthread_t thread;
	double ns;

	f->handle = f->open();
	bench_loaded(f->handle, f->name);
	second.filling = f;
	second.handle = f->handle;
	second.stop = second.ready = false;
	second.go = second.done = 0;
	if (f->threads == 2 && pthread_create(&thread, NULL, fill_second_half, NULL))
		bench_fail("can't start a thread");
	while (f->threads == 2 && !chute_load_acquire(&second.ready))
		chute_pause();
	ns = bench_fills(&fills, count);
	chute_store_release(&second.stop, true);
	if (f->threads == 2)
		pthread_join(thread, NULL);
	f->close(f->handle);
	return ns;
}

/* ---- a crowd on one CPU, and a consumer on the other ---- */

static struct drainer drainer;

struct member {
	pthread_t thread;
	void *handle;
	__u64 first, end;
};

static void *send_part(void *arg)
{
	const struct member *m = arg;

	bench_pin(0);
	send_blocking(m->handle, m->first, m->end);
	return NULL;
}

static double round_crowd(void *arg, __u64 count)
{
	const int threads = *(const int *)arg;
	const struct bench_totals before = ours->bss->received;
	struct member crowd[CROWD];
	void *handle = open_shared();
	double start, ns;
	int i;

	bench_loaded(handle, "chute, shared");
	drainer_switch(&drainer, bpf_program__fd(ours->progs.drain_8));
	start = bench_now_ns();
	for (i = 0; i < threads; i++) {
		crowd[i] = (struct member){
			.handle = handle,
			.first = count * (unsigned int)i / (unsigned int)threads,
			.end = count * (unsigned int)(i + 1) / (unsigned int)threads,
		};
		if (pthread_create(&crowd[i].thread, NULL, send_part, &crowd[i]))
			bench_fail("can't start a thread");
	}
	for (i = 0; i < threads; i++)
		pthread_join(crowd[i].thread, NULL);
	bench_await("chute, shared", &ours->bss->received, before.messages + count);
	ns = bench_now_ns() - start;
	drainer_switch(&drainer, -1);
	close_shared(handle);
	bench_check("chute, shared", count, ours->bss->received.messages - before.messages,
		    count * (count - 1) / 2, ours->bss->received.sum - before.sum);
	return ns;
}

/* ---- lines ---- */

static void line(const char *name, struct filling *a, struct filling *b)
{
	struct bench_side sides[] = {
		{ a->name, round_fill, a, BENCH_FILLS * RECORDS },
		{ b->name, round_fill, b, BENCH_FILLS * RECORDS },
	};

	if (!bench_wanted(name))
		return;
	bench_compare(sides, 2);
	bench_report(name, a->name, &sides[0].series, b->name, &sides[1].series);
}

static void fill_lines(void)
{
	struct filling shared = {
		"chute, shared",     send_single,  1,
		open_shared,	     close_shared, bpf_program__fd(ours->progs.drain_8),
		&ours->bss->received
	};
	struct filling batched = { "chute, shared, batches of 32",
				   send_batches,
				   2,
				   open_shared,
				   close_shared,
				   bpf_program__fd(ours->progs.drain_8),
				   &ours->bss->received };
	struct filling lanes = {
		"chute, a lane each", send_lane,   2,
		open_lanes,	      close_lanes, bpf_program__fd(laned->progs.drain_lanes),
		&laned->bss->received
	};
	struct filling libbpf = {
		"libbpf + mutex",      send_libbpf,  1,
		open_libbpf,	       close_libbpf, bpf_program__fd(theirs->progs.drain_8),
		&theirs->bss->received
	};

	line("shared-1", &shared, &libbpf);
	shared.threads = libbpf.threads = 2;
	line("shared-2", &shared, &libbpf);
	line("shared-2-batch32", &batched, &libbpf);
	line("lanes-2", &lanes, &libbpf);
}

static void crowd_line(void)
{
	static int one = 1, four = CROWD;
	struct bench_side sides[] = {
		{ "chute, shared, four threads on one CPU", round_crowd, &four },
		{ "chute, shared, one thread alone", round_crowd, &one },
	};

	if (!bench_wanted("shared-4on1"))
		return;
	drainer_start(&drainer);
	bench_compare(sides, 2);
	drainer_stop(&drainer);
	bench_report("shared-4on1", sides[0].name, &sides[0].series, sides[1].name,
		     &sides[1].series);
}

static struct bench_bpf *load_ring(void)
{
	struct bench_bpf *bpf = bench_bpf__open();

	bench_loaded(bpf, "bench.bpf.o");
	if (bpf_map__set_max_entries(bpf->maps.ring, RING_SIZE) || bench_bpf__load(bpf))
		bench_fail("can't load bench.bpf.o");
	return bpf;
}

static void load_lanes(void)
{
	__u32 i;
	int fd;

	laned = bench_lanes_bpf__open_and_load();
	bench_loaded(laned, "bench_lanes.bpf.o");
	for (i = 0; i < 2; i++) {
		fd = chute_map("lane", BENCH_LANE_SIZE);
		if (fd < 0 || bpf_map_update_elem(bpf_map__fd(laned->maps.lanes), &i, &fd, BPF_ANY))
			bench_fail("can't make a lane");
		close(fd);
	}
}

/* Not one of the producers: it never runs. */
static void *do_nothing(void *arg)
{
	pause();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	/* Who takes a lock has threads: without any, glibc's mutexes would leave out the
	 * locked instructions that are their cost. */
	if (pthread_create(&thread, NULL, do_nothing, NULL))
		bench_fail("can't start a thread");
	ours = load_ring();
	theirs = load_ring();
	load_lanes();
	fill_lines();
	crowd_line();
	bench_lanes_bpf__destroy(laned);
	bench_bpf__destroy(theirs);
	bench_bpf__destroy(ours);
	return bench_end();
}
