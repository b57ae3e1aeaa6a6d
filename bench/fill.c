// SPDX-License-Identifier: BSD-2-Clause
/* fill.c: see fill.h. */
#include "fill.h"

#define FILLS_MAX 100000

double bench_fills(const struct bench_fill *f, __u64 count)
{
	static double fill_ns[FILLS_MAX];
	const struct bench_totals before = f->received ? *f->received : (struct bench_totals){ 0 };
	__u64 first;
	size_t n = 0;
	double start;

	for (first = 0; first < count && n < FILLS_MAX; first += f->records) {
		start = bench_now_ns();
		f->fill(f->arg, first);
		fill_ns[n++] = bench_now_ns() - start;
		while (f->received && bench_run_program(f->drain_fd))
			;
	}
	if (f->received)
		bench_check(f->name, first, f->received->messages - before.messages,
			    first * (first - 1) / 2, f->received->sum - before.sum);
	return bench_quantile(fill_ns, n, 0.5) * (double)count / f->records;
}
