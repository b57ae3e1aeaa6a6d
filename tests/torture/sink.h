/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink.h: a ring and its consumer: chute_drain() over a memory ring, or the kernel's
 * drain over a BPF map. Open it before fork(): children use it as it is.
 */
#ifndef CHUTE_TESTS_TORTURE_SINK_H
#define CHUTE_TESTS_TORTURE_SINK_H

#include "ledger.h"
#include "ring/ring.h"

#include <chute/drain.h>

#define SINK_BYTES 65536U

struct sink {
	const char *name;
	int fd; /* the ring's */
	struct chute_ring ring;
	struct chute_consumer *consumer; /* of a memory ring */
	struct torture_bpf *skeleton;	 /* of a map */
	struct log *log;
	int drain_fd;
};

/* What kinds there are: "user", and where there is BPF, "kernel". Returns 0 or -errno. */
int sink_open(struct sink *sink, bool kernel);
void sink_close(struct sink *sink);

/* Another producer's handle. NULL and errno as chute_open_map(). */
struct chute *sink_producer(const struct sink *sink, __u32 flags);

/* Drain, and hold what came against the ledger. One process at a time. Returns what
 * the drain did. */
long sink_drain(struct sink *sink, struct ledger *ledger);

/* Wait until there may be something to drain, for about a millisecond at most. */
void sink_wait(struct sink *sink);

/* Is nothing left in the ring, unfinished records included? */
bool sink_is_empty(const struct sink *sink);

#endif
