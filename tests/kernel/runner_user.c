/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner_user.c: chute_drain() over a memory ring. Its callback writes down what
 * that of bpf/oracle.bpf.c does.
 */
#include "support.h"

#include "consumer/drain.h"
#include "runner.h"

#include <chute/drain.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct user_runner {
	struct runner r;
	struct chute_consumer *consumer;
	struct oracle_order order;
	struct oracle_log written;
	long nested_ret;
	__u32 inside;
	__u32 space_seq; /* where it stood before the drain */
};

static struct user_runner *user_of(struct runner *r)
{
	return (struct user_runner *)r;
}

static int ignore(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	return 0;
}

static void be_held(struct user_runner *u)
{
	__s64 end = now_ns() + 1000000000;

	chute_store_release(&u->inside, 1U);
	while (chute_load_acquire(&u->order.hold) && now_ns() < end)
		sched_yield();
	chute_store_release(&u->inside, 0U);
}

static int write_down(const void *payload, __u32 size, void *ctx)
{
	struct user_runner *u = ctx;
	struct oracle_log *log = &u->written;

	if (!oracle_write_down(log, payload, size))
		return 1;
	if (u->order.nested)
		u->nested_ret = chute_drain(u->consumer, ignore, NULL, u->order.nested_flags);
	if (chute_load_acquire(&u->order.hold))
		be_held(u);
	return log->count == u->order.stop_after || log->used >= ORACLE_WHOLE;
}

static long user_drain(struct runner *r)
{
	return chute_drain(user_of(r)->consumer, write_down, r, user_of(r)->order.flags);
}

static long user_drain_too(struct runner *r)
{
	return chute_drain(user_of(r)->consumer, ignore, NULL, 0);
}

/* As a producer does that is about to sleep (W0 in src/wait.c). And no record has
 * been there for long: discarding those of dead producers is not the kernel's. */
static void user_watch(struct runner *r)
{
	user_of(r)->consumer->stuck_pos = ~0UL;
	user_of(r)->space_seq = chute_load_relaxed(&r->ring.consumer->space_seq);
	chute_exchange(&r->ring.producer->sleepers, 1U);
}

static bool user_woken(struct runner *r)
{
	__u32 moves = chute_load_relaxed(&r->ring.consumer->space_seq) - user_of(r)->space_seq;

	if (moves > 1)
		fail_msg("a drain woke %u times", moves);
	/* A drain that does not wake leaves the sleeper to the next one. */
	assert_int_equal(chute_exchange(&r->ring.producer->sleepers, 0U), !moves);
	return moves;
}

static void user_close(struct runner *r)
{
	struct user_runner *u = user_of(r);

	chute_consumer_close(u->consumer);
	chute_ring_unmap(&r->ring);
	free(u);
}

static const struct runner_ops user_ops = {
	.drain = user_drain,
	.drain_too = user_drain_too,
	.watch = user_watch,
	.woken = user_woken,
	.close = user_close,
};

struct runner *runner_open_user(size_t size)
{
	struct user_runner *u = calloc(1, sizeof(*u));
	int err, fd = chute_memory("runner", size);

	assert_non_null(u);
	if (fd < 0)
		fail_msg("no memory ring of %zu bytes: %s", size, strerror(-fd));
	u->r.name = "user space";
	u->r.ops = &user_ops;
	u->r.order = &u->order;
	u->r.written = &u->written;
	u->r.nested_ret = &u->nested_ret;
	u->r.inside = &u->inside;
	/* A second mapping of the same memory, as another process has it. */
	err = chute_ring_map_memory(&u->r.ring, fd);
	u->consumer = chute_consumer_open(fd);
	if (err || !u->consumer)
		fail_msg("the memory ring can't be opened: %s", strerror(err ? -err : errno));
	close(fd);
	return &u->r;
}

struct runner *runner_open_user_at_wrap(size_t size)
{
	struct runner *r = runner_open_user(size);

	r->name = "user space at the wrap";
	r->at_wrap = true;
	return r;
}
