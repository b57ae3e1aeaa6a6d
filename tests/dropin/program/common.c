/* SPDX-License-Identifier: BSD-2-Clause */
/* common.c: see common.h. */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

__s64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

__s64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

struct drain_bpf *ring_open(size_t size)
{
	struct drain_bpf *ring = drain_bpf__open();

	if (!ring || bpf_map__set_max_entries(ring->maps.ring, (__u32)size) ||
	    drain_bpf__load(ring))
		die("the drain programs");
	return ring;
}

int ring_fd(struct drain_bpf *ring)
{
	return bpf_map__fd(ring->maps.ring);
}

static int run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts))
		die("a drain program");
	return (int)opts.retval;
}

int ring_drain(struct drain_bpf *ring, __u64 flags)
{
	ring->bss->flags = flags;
	return run(ring->progs.drain_and_count);
}

int ring_drain_check(struct drain_bpf *ring)
{
	return run(ring->progs.drain_and_check);
}

struct user_ring_buffer *handle(struct drain_bpf *ring)
{
	struct user_ring_buffer *rb = user_ring_buffer__new(ring_fd(ring), NULL);

	if (!rb)
		die("user_ring_buffer__new");
	return rb;
}

void ring_fill(struct user_ring_buffer *rb, size_t size, size_t free)
{
	void *sample;

	for (; size >= free + 64; size -= 64) {
		sample = user_ring_buffer__reserve(rb, 56);
		if (!sample)
			die("user_ring_buffer__reserve");
		user_ring_buffer__submit(rb, sample);
	}
}
