/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner_kernel.c: the kernel's drain, by bpf/oracle.bpf.c.
 *
 * Whether a drain woke anyone is read exactly, without waiting for what might not
 * come: a wake-up is delivered by an interrupt that the drain sends to its own
 * CPU, so once a second, forced one on another ring, queued later on the same
 * CPU, has arrived, this one has too, if it was sent.
 */
#include "support.h"

#include "runner.h"

#include <bpf/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "oracle.skel.h"

struct kernel_runner {
	struct runner r;
	struct oracle_bpf *skel;
	int epoll_fd, fence_epoll_fd; /* edge-triggered */
	cpu_set_t cpus;		      /* ours, before */
};

static struct kernel_runner *kernel_of(struct runner *r)
{
	return (struct kernel_runner *)r;
}

static long run(struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	if (err)
		fail_msg("%s can't be run: %s", bpf_program__name(prog), strerror(-err));
	return (int)opts.retval;
}

static long kernel_drain(struct runner *r)
{
	return run(kernel_of(r)->skel->progs.drain);
}

static long kernel_drain_too(struct runner *r)
{
	return run(kernel_of(r)->skel->progs.drain_too);
}

static bool edge(int epoll_fd, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, timeout_ms) == 1;
}

/* Wait until what was queued on this CPU has arrived. */
static void fence(struct kernel_runner *k)
{
	run(k->skel->progs.fence);
	if (!edge(k->fence_epoll_fd, 60000))
		fail_msg("a forced wake-up did not come");
}

/* Has epoll an event? It keeps silent about a full ring, so make it look empty. */
static bool ring_edge(struct runner *r)
{
	unsigned long pos = runner_producer_pos(r);
	bool event;

	fence(kernel_of(r));
	runner_publish(r, runner_consumer_pos(r));
	event = edge(kernel_of(r)->epoll_fd, 0);
	runner_publish(r, pos);
	return event;
}

static void kernel_watch(struct runner *r)
{
	while (ring_edge(r))
		;
}

static void kernel_close(struct runner *r)
{
	struct kernel_runner *k = kernel_of(r);

	chute_ring_unmap(&k->r.ring);
	close(k->epoll_fd);
	close(k->fence_epoll_fd);
	oracle_bpf__destroy(k->skel);
	sched_setaffinity(0, sizeof(k->cpus), &k->cpus);
	free(k);
}

static const struct runner_ops kernel_ops = {
	.drain = kernel_drain,
	.drain_too = kernel_drain_too,
	.watch = kernel_watch,
	.woken = ring_edge,
	.close = kernel_close,
};

static int watch_edges(int map_fd)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, map_fd, &event))
		fail_msg("epoll on a map: %m");
	while (edge(fd, 0))
		;
	return fd;
}

static void stay_on_this_cpu(cpu_set_t *before)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	if (sched_getaffinity(0, sizeof(*before), before) ||
	    sched_setaffinity(0, sizeof(here), &here))
		fail_msg("sched_setaffinity: %m");
}

struct runner *runner_open_kernel(size_t size)
{
	struct kernel_runner *k = calloc(1, sizeof(*k));
	int err;

	assert_non_null(k);
	k->r.name = "kernel";
	k->r.ops = &kernel_ops;
	k->skel = oracle_bpf__open();
	if (!k->skel)
		fail_msg("oracle.bpf.o can't be opened: %m");
	bpf_map__set_max_entries(k->skel->maps.ring, (__u32)size);
	bpf_map__set_max_entries(k->skel->maps.fence_ring, (__u32)sysconf(_SC_PAGESIZE));
	err = oracle_bpf__load(k->skel);
	if (err)
		fail_msg("oracle.bpf.o can't be loaded: %s", strerror(-err));
	k->r.order = &k->skel->bss->order;
	k->r.written = &k->skel->bss->written;
	k->r.nested_ret = &k->skel->bss->nested_ret;
	k->r.inside = &k->skel->bss->inside;
	err = chute_ring_map(&k->r.ring, bpf_map__fd(k->skel->maps.ring));
	if (err)
		fail_msg("the map can't be mapped: %s", strerror(-err));
	stay_on_this_cpu(&k->cpus);
	k->epoll_fd = watch_edges(bpf_map__fd(k->skel->maps.ring));
	k->fence_epoll_fd = watch_edges(bpf_map__fd(k->skel->maps.fence_ring));
	return &k->r;
}
