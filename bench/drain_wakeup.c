// SPDX-License-Identifier: BSD-2-Clause
/*
 * drain_wakeup.c: one record and one drain, again and again, in one thread, with
 * nobody asleep: what is a drain's wake-up worth? libbpf's side drains with
 * default flags, as its blocking calls ask for; ours with chute.bpf.h, which wakes
 * only producers that sleep.
 */
#include "drainer.h"
#include "bench.skel.h"
#include "bench_pack.skel.h"

#include <chute/chute.h>

static const struct bench_line lines[] = {
	{ "drain-wakeup", "drain-wakeup", "ns", 5 },
};

static struct bench_bpf *bpf;
static struct bench_pack_bpf *pack;

static double round_chute(void *arg, __u64 count)
{
	struct chute_opts opts = {
		.sz = sizeof(opts),
		.side_fd = (__u32)bpf_map__fd(pack->maps.ring_side),
	};
	struct chute *c = chute_open_map(bpf_map__fd(pack->maps.ring), &opts);
	const struct bench_totals before = pack->bss->received;
	const int drain = bpf_program__fd(pack->progs.drain_8);
	__u64 *message, i;
	double start, ns;

	(void)arg;
	bench_loaded(c, "chute's producer");
	start = bench_now_ns();
	for (i = 0; i < count; i++) {
		message = chute_reserve(c, sizeof(*message));
		if (!message)
			bench_fail("chute: the ring is full");
		*message = i;
		chute_submit(c, message);
		bench_run_program(drain);
	}
	ns = bench_now_ns() - start;
	chute_close(c);
	bench_check("chute", count, pack->bss->received.messages - before.messages,
		    count * (count - 1) / 2, pack->bss->received.sum - before.sum);
	return ns;
}

static double round_libbpf(void *arg, __u64 count)
{
	struct user_ring_buffer *rb = user_ring_buffer__new(bpf_map__fd(bpf->maps.ring), NULL);
	const struct bench_totals before = bpf->bss->received;
	const int drain = bpf_program__fd(bpf->progs.drain_8);
	__u64 *message, i;
	double start, ns;

	(void)arg;
	bench_loaded(rb, "libbpf's producer");
	start = bench_now_ns();
	for (i = 0; i < count; i++) {
		message = user_ring_buffer__reserve(rb, sizeof(*message));
		if (!message)
			bench_fail("libbpf: the ring is full");
		*message = i;
		user_ring_buffer__submit(rb, message);
		bench_run_program(drain);
	}
	ns = bench_now_ns() - start;
	user_ring_buffer__free(rb);
	bench_check("libbpf", count, bpf->bss->received.messages - before.messages,
		    count * (count - 1) / 2, bpf->bss->received.sum - before.sum);
	return ns;
}

int main(int argc, char **argv)
{
	struct bench_side sides[] = {
		{ "chute, on demand", round_chute },
		{ "libbpf, default flags", round_libbpf },
	};

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	bpf = bench_bpf__open_and_load();
	bench_loaded(bpf, "bench.bpf.o");
	pack = bench_pack_bpf__open_and_load();
	bench_loaded(pack, "bench_pack.bpf.o");
	bench_compare(sides, 2);
	bench_report("drain-wakeup", sides[0].name, &sides[0].series, sides[1].name,
		     &sides[1].series);
	bench_pack_bpf__destroy(pack);
	bench_bpf__destroy(bpf);
	return bench_end();
}
