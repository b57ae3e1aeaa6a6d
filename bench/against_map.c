// SPDX-License-Identifier: BSD-2-Clause
/*
 * against_map.c: what one 8-byte message to a BPF program costs by the ring, and by
 * what one might use in its place. One thread on one CPU.
 *
 * Ours is the whole way: packing, draining by BPF_PROG_TEST_RUN, and the program
 * that adds up every message. Of the others only the delivery counts: a program
 * reads the maps off the clock, to see that all is there.
 */
#include "drainer.h"
#include "bench.skel.h"
#include "bench_pack.skel.h"

#include <bpf/bpf.h>
#include <chute/chute.h>

#include <errno.h>
#include <string.h>

static const struct bench_line lines[] = {
	{ "against-map", "against-map", "ns", 20 }, /* the cheapest of the next three */
	{ "against-map-update", "against-map", "ns", 0 },
	{ "against-map-batched-update", "against-map", "ns", 0 },
	{ "against-map-queue-push", "against-map", "ns", 0 },
	{ "against-map-test-run", "against-map", "ns", 0 },
};

#define ENTRIES (64 * 1024) /* of the array and the queue */
#define BATCH	1024	    /* of more, a message costs the same */

static struct bench_bpf *bpf;
static struct bench_pack_bpf *pack;

static void must(int err, const char *what)
{
	if (err)
		bench_fail("%s: %s", what, strerror(-err));
}

static double round_chute(void *arg, __u64 count)
{
	struct chute *c = chute_open_map(bpf_map__fd(pack->maps.ring), NULL);
	const struct bench_totals before = pack->bss->received;
	const int drain = bpf_program__fd(pack->progs.drain_8);
	__u64 *message, i;
	double start, ns;

	(void)arg;
	bench_loaded(c, "chute's producer");
	start = bench_now_ns();
	for (i = 0; i < count; i++) {
		while (!(message = chute_pack(c, sizeof(*message)))) {
			if (errno != ENOSPC)
				bench_fail("chute_pack: %s", strerror(errno));
			bench_run_program(drain);
		}
		*message = i;
	}
	chute_flush(c);
	bench_run_program(drain);
	ns = bench_now_ns() - start;
	chute_close(c);
	bench_check("chute", count, pack->bss->received.messages - before.messages,
		    count * (count - 1) / 2, pack->bss->received.sum - before.sum);
	return ns;
}

/* The array holds what came last: does it add up? */
static void check_array(const char *side, __u64 count)
{
	const __u64 kept = count < ENTRIES ? count : ENTRIES;
	const struct bench_totals before = bpf->bss->received;
	struct bench_message_8 entries = { kept };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &entries, .ctx_size_in = sizeof(entries));

	must(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.read_array), &opts), side);
	bench_check(side, kept, bpf->bss->received.messages - before.messages,
		    kept * (count - 1) - kept * (kept - 1) / 2,
		    bpf->bss->received.sum - before.sum);
}

static double round_update(void *arg, __u64 count)
{
	const int map = bpf_map__fd(bpf->maps.array);
	double start, ns;
	__u64 i;
	__u32 key;

	(void)arg;
	start = bench_now_ns();
	for (i = 0; i < count; i++) {
		key = (__u32)(i % ENTRIES);
		must(bpf_map_update_elem(map, &key, &i, BPF_ANY), "bpf_map_update_elem");
	}
	ns = bench_now_ns() - start;
	check_array("array update", count);
	return ns;
}

static double round_batched(void *arg, __u64 count)
{
	static __u32 keys[BATCH];
	static __u64 values[BATCH];
	const int map = bpf_map__fd(bpf->maps.array);
	double start, ns;
	__u32 n, k;
	__u64 i;

	(void)arg;
	start = bench_now_ns();
	for (i = 0; i < count; i += n) {
		n = count - i < BATCH ? (__u32)(count - i) : BATCH;
		for (k = 0; k < n; k++) {
			keys[k] = (__u32)((i + k) % ENTRIES);
			values[k] = i + k;
		}
		must(bpf_map_update_batch(map, keys, values, &n, NULL), "bpf_map_update_batch");
	}
	ns = bench_now_ns() - start;
	check_array("batched update", count);
	return ns;
}

static double round_push(void *arg, __u64 count)
{
	const struct bench_totals before = bpf->bss->received;
	const int map = bpf_map__fd(bpf->maps.queue);
	double ns = 0, start;
	__u64 i = 0, end;

	(void)arg;
	while (i < count) {
		end = count - i < ENTRIES ? count : i + ENTRIES;
		start = bench_now_ns();
		for (; i < end; i++)
			must(bpf_map_update_elem(map, NULL, &i, BPF_ANY), "push");
		ns += bench_now_ns() - start;
		bench_run_program(bpf_program__fd(bpf->progs.drain_queue));
	}
	bench_check("queue push", count, bpf->bss->received.messages - before.messages,
		    count * (count - 1) / 2, bpf->bss->received.sum - before.sum);
	return ns;
}

static double round_test_run(void *arg, __u64 count)
{
	const struct bench_totals before = bpf->bss->received;
	const int prog = bpf_program__fd(bpf->progs.take_context);
	double start, ns;
	__u64 i;

	(void)arg;
	start = bench_now_ns();
	for (i = 0; i < count; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &i, .ctx_size_in = sizeof(i));

		must(bpf_prog_test_run_opts(prog, &opts), "bpf_prog_test_run_opts");
	}
	ns = bench_now_ns() - start;
	bench_check("test-run", count, bpf->bss->received.messages - before.messages,
		    count * (count - 1) / 2, bpf->bss->received.sum - before.sum);
	return ns;
}

int main(int argc, char **argv)
{
	struct bench_side sides[] = {
		{ "chute, packed", round_chute },
		{ "array update", round_update },
		{ "batched array update", round_batched },
		{ "queue push", round_push },
		{ "test-run with a context", round_test_run },
	};
	size_t i, cheapest = 1;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	bpf = bench_bpf__open_and_load();
	bench_loaded(bpf, "bench.bpf.o");
	pack = bench_pack_bpf__open_and_load();
	bench_loaded(pack, "bench_pack.bpf.o");
	bench_compare(sides, BENCH_COUNT(sides));
	for (i = 2; i < 4; i++)
		if (bench_median(&sides[i].series) < bench_median(&sides[cheapest].series))
			cheapest = i;
	bench_report("against-map", sides[0].name, &sides[0].series, sides[cheapest].name,
		     &sides[cheapest].series);
	for (i = 1; i < BENCH_COUNT(sides); i++)
		bench_report(lines[i].name, sides[0].name, &sides[0].series, sides[i].name,
			     &sides[i].series);
	bench_pack_bpf__destroy(pack);
	bench_bpf__destroy(bpf);
	return bench_end();
}
