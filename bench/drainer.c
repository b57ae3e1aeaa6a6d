// SPDX-License-Identifier: BSD-2-Clause
/* drainer.c: see drainer.h. */
#include "drainer.h"

#include <bpf/bpf.h>
#include <chute/atomic.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STUCK_NS 10e9

/* Says why a program or map could not be loaded; libbpf's notes are not for here. */
static int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

void bench_need_bpf(void)
{
	int fd;

	libbpf_set_print(print_warnings);
	fd = bpf_map_create(BPF_MAP_TYPE_USER_RINGBUF, "bench", 0, 0, (__u32)sysconf(_SC_PAGESIZE),
			    NULL);
	if (fd < 0)
		bench_skip("skipped: no user ring buffers here: %s", strerror(-fd));
	close(fd);
}

void bench_loaded(const void *object, const char *name)
{
	if (!object)
		bench_fail("can't load %s: %s", name, strerror(errno));
}

int bench_run_program(int prog_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(prog_fd, &opts);

	if (err)
		bench_fail("can't run a program: %s", strerror(-err));
	if ((int)opts.retval < 0)
		bench_fail("a drain failed: %s", strerror(-(int)opts.retval));
	return (int)opts.retval;
}

static void *drain_on(void *arg)
{
	struct drainer *d = arg;
	int fd;

	bench_pin(1);
	while (!chute_load_acquire(&d->stop)) {
		fd = chute_load_acquire(&d->wanted_fd);
		if (fd != d->running_fd)
			chute_store_release(&d->running_fd, fd);
		if (fd >= 0)
			bench_run_program(fd);
		else
			chute_pause();
	}
	return NULL;
}

void drainer_start(struct drainer *d)
{
	d->wanted_fd = d->running_fd = -1;
	d->stop = false;
	if (pthread_create(&d->thread, NULL, drain_on, d))
		bench_fail("can't start a thread");
}

void drainer_stop(struct drainer *d)
{
	chute_store_release(&d->stop, true);
	pthread_join(d->thread, NULL);
}

void drainer_switch(struct drainer *d, int prog_fd)
{
	chute_store_release(&d->wanted_fd, prog_fd);
	while (chute_load_acquire(&d->running_fd) != prog_fd)
		chute_pause();
}

void bench_await(const char *side, const struct bench_totals *totals, __u64 messages)
{
	const double start = bench_now_ns();
	int i;

	/* A look takes the line from the consumer: not too often. */
	while (chute_load_relaxed(&totals->messages) != messages) {
		if (bench_now_ns() - start > STUCK_NS)
			bench_fail("%s: %llu messages have arrived, and no more come: wanted %llu",
				   side, (unsigned long long)chute_load_relaxed(&totals->messages),
				   (unsigned long long)messages);
		for (i = 0; i < 50; i++)
			chute_pause();
	}
}
