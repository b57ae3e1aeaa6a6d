// SPDX-License-Identifier: BSD-2-Clause
/* sink.c: see sink.h; the kernel's half is in sink_kernel.c. */
#include "sink.h"
#include "sink_kernel.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int open_user(struct sink *sink)
{
	sink->fd = chute_memory("torture", SINK_BYTES);
	if (sink->fd < 0)
		return sink->fd;
	sink->consumer = chute_consumer_open(sink->fd);
	return sink->consumer ? chute_ring_map_memory(&sink->ring, sink->fd) : -errno;
}

int sink_open(struct sink *sink, bool kernel)
{
	memset(sink, 0, sizeof(*sink));
	sink->name = kernel ? "kernel" : "user";
	sink->drain_fd = -1;
	return kernel ? sink_kernel_open(sink) : open_user(sink);
}

void sink_close(struct sink *sink)
{
	chute_ring_unmap(&sink->ring);
	if (sink->consumer) {
		chute_consumer_close(sink->consumer);
		close(sink->fd);
	} else {
		sink_kernel_close(sink);
	}
}

struct chute *sink_producer(const struct sink *sink, __u32 flags)
{
	struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };

	if (sink->consumer)
		return chute_open_memory(sink->fd, &opts);
	opts.drain_prog_fd = (__u32)sink->drain_fd;
	return chute_open_map(sink->fd, &opts);
}

static int take(const void *payload, __u32 size, void *ledger)
{
	ledger_take(ledger, payload, size);
	return 0;
}

long sink_drain(struct sink *sink, struct ledger *ledger)
{
	return sink->consumer ? chute_drain(sink->consumer, take, ledger, 0)
			      : sink_kernel_drain(sink, ledger);
}

void sink_wait(struct sink *sink)
{
	struct timespec nap = { .tv_nsec = 200000 };

	if (sink->consumer)
		chute_drain_wait(sink->consumer, 1000000);
	else
		nanosleep(&nap, NULL);
}

bool sink_is_empty(const struct sink *sink)
{
	return chute_load_acquire(&sink->ring.producer->producer_pos) ==
	       chute_load_acquire(&sink->ring.consumer->consumer_pos);
}
