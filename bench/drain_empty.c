// SPDX-License-Identifier: BSD-2-Clause
/*
 * drain_empty.c: what a look at an empty user ring costs a BPF program, by
 * chute_drain_messages() and by bpf_user_ringbuf_drain() alone. A program on a hook looks
 * each time that it runs, and mostly finds nothing.
 *
 * Programs that the kernel runs again and again in one system call; what an empty one
 * takes there is taken off.
 */
#include "fill.h"
#include "bench_empty.skel.h"

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

static const struct bench_line lines[] = {
	{ "drain-empty", "drain-empty", "ns", 5, BENCH_ABOVE },
};

#define LOOKS 4096 /* a system call: some 0.1 ms */

static void look(void *arg, __u64 first)
{
	static char packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = LOOKS);
	int err = bpf_prog_test_run_opts(*(const int *)arg, &opts);

	(void)first;
	if (err)
		bench_fail("can't run a program: %s", strerror(-err));
	if (opts.retval != TC_ACT_OK)
		bench_fail("a look has found something, or failed");
}

static double round_looks(void *arg, __u64 count)
{
	const struct bench_fill f = { .records = LOOKS, .fill = look, .arg = arg };

	return bench_fills(&f, count);
}

static struct bench_series without(const struct bench_series *a, const struct bench_series *b)
{
	struct bench_series r = { .n = 0 };
	unsigned int i;

	for (i = 0; i < a->n; i++)
		bench_add(&r, a->value[i] - b->value[i]);
	return r;
}

int main(int argc, char **argv)
{
	int chute_fd, bare_fd, nowhere_fd;
	struct bench_side sides[] = {
		{ "chute_drain_messages()", round_looks, &chute_fd },
		{ "bpf_user_ringbuf_drain()", round_looks, &bare_fd },
		{ "nothing", round_looks, &nowhere_fd },
	};
	struct bench_series ours, bare;
	struct bench_empty_bpf *bpf;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	bpf = bench_empty_bpf__open_and_load();
	bench_loaded(bpf, "bench_empty.bpf.o");
	chute_fd = bpf_program__fd(bpf->progs.look_chute);
	bare_fd = bpf_program__fd(bpf->progs.look_bare);
	nowhere_fd = bpf_program__fd(bpf->progs.look_nowhere);
	bench_compare(sides, BENCH_COUNT(sides));
	ours = without(&sides[0].series, &sides[2].series);
	bare = without(&sides[1].series, &sides[2].series);
	bench_report("drain-empty", sides[0].name, &ours, sides[1].name, &bare);
	bench_check("drain-empty", 0, bpf->bss->received.messages, 0, 0);
	bench_empty_bpf__destroy(bpf);
	return bench_end();
}
