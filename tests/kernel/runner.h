/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.h: a ring and its consumer, either the kernel's drain over a BPF map or
 * chute_drain() over a memory ring, behind one face: a case is written once and
 * runs on both. The case is the ring's producer, by plain stores.
 */
#ifndef CHUTE_TESTS_RUNNER_H
#define CHUTE_TESTS_RUNNER_H

#include "../../bpf/oracle.h"
#include "ring/ring.h"

struct runner {
	const char *name;
	struct chute_ring ring; /* of a map: consumer_pos can't be written */
	bool at_wrap;		/* places go right before the wrap of positions */

	/* What the next drain is to do, and what the last one's callback wrote down:
	 * in the BPF program's memory or in ours. */
	struct oracle_order *order;
	struct oracle_log *written;
	long *nested_ret;
	__u32 *inside; /* 1 while a callback is held */

	const struct runner_ops {
		long (*drain)(struct runner *r);
		/* Another drain, beside that one or inside of it, which writes nothing down. */
		long (*drain_too)(struct runner *r);
		/* Between them lies a drain that did or did not wake who waits for space. */
		void (*watch)(struct runner *r);
		bool (*woken)(struct runner *r);
		void (*close)(struct runner *r);
	} * ops;
};

/*
 * Both fail the running test case if they can't; the kernel's wants need_bpf()
 * first. It keeps the calling thread on its CPU while it is open.
 */
struct runner *runner_open_kernel(size_t size);
struct runner *runner_open_user(size_t size);
struct runner *runner_open_user_at_wrap(size_t size);
void runner_close(struct runner *r);

/*
 * Drain with what *r->order says. Returns what the drain returned. woken is for
 * after a runner_drain(): true if it woke somebody who waits for space.
 */
long runner_drain(struct runner *r);
long runner_drain_flags(struct runner *r, __u64 flags);
bool runner_woken(struct runner *r);

/*
 * Empty the ring and bring consumer_pos to a position with that offset, three laps
 * or more from 0, the only way there is: by draining discarded records. At the
 * wrap, where only a memory ring can be brought: write it.
 */
void runner_place(struct runner *r, unsigned long off);

/* The positions, as the two pages have them now. */
unsigned long runner_consumer_pos(const struct runner *r);
unsigned long runner_producer_pos(const struct runner *r);
void runner_publish(struct runner *r, unsigned long pos);

/* Write a header at that position; returns the position after the record. The
 * payload is whatever lies there; for put, a pattern that starts from @pos. */
unsigned long runner_put_header(struct runner *r, unsigned long pos, __u32 len);
unsigned long runner_put(struct runner *r, unsigned long pos, __u32 len);

static inline char *runner_at(const struct runner *r, unsigned long pos)
{
	return r->ring.data + (pos & (r->ring.size - 1));
}

#endif
