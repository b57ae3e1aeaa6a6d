// SPDX-License-Identifier: BSD-2-Clause
/*
 * every.c: for each operation, and each instruction of it: a child runs up to there and
 * is killed; then this process, a producer too, has to get a record through.
 */
#include "owner.h"
#include "produce.h"
#include "step.h"
#include "support.h"
#include "torture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VISITS	     2	/* of an instruction, each of which is one to die at; from then on ... */
#define NOW_AND_THEN 61 /* ... one step of so many */
#define STEPS_MAX    40000
#define LIVES	     20000
#define SMALL	     (MESSAGE_MIN + 12)
#define GIVE_UP_NS   2000000000
#define STUCK_MAX    10 /* that is proof enough */

/* What a child finds, and what it does. */
struct operation {
	const char *name;
	void (*before)(struct producer *p); /* in the child, not stepped through */
	void (*run)(struct producer *p);
	bool joins;	/* opens a handle of its own, in run() */
	bool inherits;	/* uses this process's */
	bool dead_lock; /* the lock is a dead process's */
	bool dead_head; /* the record at the head is */
	bool full;	/* the ring is */
	bool from_proc; /* stepped through from where it has asked /proc on */
	bool user_only; /* is for a consumer in user space */
};

struct every {
	struct sink *sink;
	struct ledger *ledger;
	struct report *report;
	struct producer self; /* life 0 */
	__u32 lives;
	__u64 dead; /* names a process that is no more */
	bool *died_at;
};

/* ---- operations ---- */

static struct sink *child_sink; /* in a child */

static void nothing(struct producer *p)
{
	(void)p;
}

static void single(struct producer *p)
{
	void *payload = chute_reserve(p->chute, SMALL);
	__u64 number;

	if (!payload)
		return;
	number = ledger_write(p->ledger, p->life, payload, SMALL);
	chute_submit(p->chute, payload);
	ledger_returned(p->ledger, p->life, number, 1);
}

static void discarded(struct producer *p)
{
	void *payload = chute_reserve(p->chute, SMALL);

	if (!payload)
		return;
	ledger_write_discarded(p->ledger, p->life, payload, SMALL);
	chute_discard(p->chute, payload);
}

/* The third one is skipped. */
static void batch(struct producer *p)
{
	void *first = chute_reserve_batch(p->chute, 4, SMALL), *payload = first;
	__u64 number = 0;
	int i;

	for (i = 0; first && i < 4; i++, payload = chute_batch_next(payload, SMALL)) {
		if (i != 2) {
			number = ledger_write(p->ledger, p->life, payload, SMALL);
			continue;
		}
		ledger_write_discarded(p->ledger, p->life, payload, SMALL);
		chute_batch_skip(payload);
	}
	if (!first)
		return;
	chute_submit(p->chute, first);
	ledger_returned(p->ledger, p->life, number - 2, 3);
}

static void pack(struct producer *p, __u32 more)
{
	__u64 number = 0;
	void *payload;
	__u32 i;

	for (i = 0; i < 3; i++) {
		payload = chute_pack(p->chute, SMALL + more * i);
		if (!payload)
			return;
		number = ledger_write(p->ledger, p->life, payload, SMALL + more * i);
	}
	chute_flush(p->chute);
	ledger_returned(p->ledger, p->life, number - 2, 3);
}

static void run_of_messages(struct producer *p)
{
	pack(p, 0);
}

static void mixed_messages(struct producer *p)
{
	pack(p, 8);
}

/* So that the next record is mixed. */
static void vary(struct producer *p)
{
	pack(p, 8);
}

static void several(struct producer *p)
{
	void *first = chute_reserve(p->chute, SMALL), *second;
	__u64 number;

	if (!first)
		return;
	number = ledger_write(p->ledger, p->life, first, SMALL);
	second = chute_reserve(p->chute, SMALL);
	ledger_write(p->ledger, p->life, second, SMALL);
	chute_submit(p->chute, second);
	ledger_returned(p->ledger, p->life, number + 1, 1);
	chute_submit(p->chute, first);
	ledger_returned(p->ledger, p->life, number, 1);
}

static void wait_for_space(struct producer *p)
{
	void *payload = chute_reserve_for(p->chute, SMALL, 3000000);

	if (payload)
		abort(); /* it is full */
}

static void join(struct producer *p)
{
	p->chute = sink_producer(child_sink, CHUTE_SHARED);
	single(p);
}

static void leave(struct producer *p)
{
	chute_reserve(p->chute, SMALL);
	chute_close(p->chute);
}

static int take_none(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	abort();
}

/* A drain that finds nothing but what is not finished, and again, when that is so for
 * long. */
static void drain_once(struct producer *p)
{
	const struct timespec nap = { .tv_nsec = 20000000 };

	(void)p;
	chute_drain(child_sink->consumer, take_none, NULL, 0);
	nanosleep(&nap, NULL);
}

static void drain_again(struct producer *p)
{
	(void)p;
	chute_drain(child_sink->consumer, take_none, NULL, 0);
}

static const struct operation operations[] = {
	{ "reserve, submit", single, single },
	{ "reserve, discard", single, discarded },
	{ "reserve_batch, batch_skip, submit", single, batch },
	{ "pack, flush: a run", single, run_of_messages },
	{ "pack, flush: mixed", vary, mixed_messages },
	{ "two records at a time", single, several },
	{ "open, reserve, submit", nothing, join, .joins = true },
	{ "close, with a record open", nothing, leave },
	{ "reserve, submit in a child of fork()", nothing, single, .inherits = true },
	{ "reserve while the ring is full", nothing, wait_for_space, .full = true },
	{ "kick", nothing, produce_kick },
	{ "kick, with a dead producer's record", nothing, produce_kick, .dead_head = true },
	{ "reserve, with a dead producer's record", nothing, single, .dead_head = true },
	{ "reserve, with a dead producer's lock", nothing, single, .dead_lock = true,
	  .from_proc = true },
	{ "drain, with a dead producer's record", drain_once, drain_again, .dead_head = true,
	  .user_only = true },
};

/* ---- a child ---- */

static void run_child(struct every *e, const struct operation *op, struct producer *p)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_sink = e->sink;
	if (op->inherits)
		p->chute = e->self.chute;
	else if (!op->joins)
		p->chute = sink_producer(e->sink, CHUTE_SHARED);
	if (!p->chute && !op->joins)
		abort();
	op->before(p);
	if (op->dead_lock)
		/* Its handle is open: from here on everybody else waits. */
		chute_store_release(&e->sink->ring.producer->lock, e->dead);
	step_begin();
	op->run(p);
	step_end();
	_exit(0);
}

static pid_t start_child(struct every *e, const struct operation *op)
{
	struct producer p = { .ledger = e->ledger, .life = e->lives++, .random = 1 };
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (!pid)
		run_child(e, op, &p);
	step_wait_begin(pid);
	return pid;
}

/* ---- this process ---- */

/* A process that dies with a record open, or that is no more than a name. */
static __u64 die(struct every *e, bool with_record)
{
	__u64 *word = &e->dead;
	struct chute *chute;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		abort();
	pid = fork();
	if (!pid) {
		e->dead = chute_owner_self();
		chute = with_record ? sink_producer(e->sink, CHUTE_SHARED) : NULL;
		if (with_record && (!chute || !chute_reserve(chute, SMALL)))
			abort();
		_exit(write(fds[1], word, sizeof(*word)) != sizeof(*word));
	}
	close(fds[1]);
	if (read(fds[0], word, sizeof(*word)) != sizeof(*word) || waitpid(pid, NULL, 0) != pid)
		abort();
	close(fds[0]);
	return *word;
}

static void fill_ring(struct every *e)
{
	__u64 number;
	void *payload;

	while ((payload = chute_reserve(e->self.chute, SMALL))) {
		number = ledger_write(e->ledger, 0, payload, SMALL);
		chute_submit(e->self.chute, payload);
		ledger_returned(e->ledger, 0, number, 1);
	}
}

/* What there is before a child comes. */
static void prepare(struct every *e, const struct operation *op)
{
	if (op->dead_head)
		die(e, true);
	if (op->full)
		fill_ring(e);
}

/* This one's next record has to arrive, and nothing may stay behind. */
static void get_through(struct every *e)
{
	const struct timespec nap = { .tv_nsec = 100000 };
	const struct life *self = &e->ledger->lives[0];
	__s64 start = now_ns(), waited = watch_waited(getpid()), ns;

	single(&e->self);
	for (;;) {
		while (sink_drain(e->sink, e->ledger) > 0)
			;
		if (self->delivered == self->begun && sink_is_empty(e->sink))
			break;
		if (now_ns() - start > GIVE_UP_NS) {
			e->report->stuck++;
			break;
		}
		/* As others do, it goes on reserving. */
		nanosleep(&nap, NULL);
		single(&e->self);
	}
	ns = now_ns() - start;
	if (ns > e->report->delivery.clock_ns)
		e->report->delivery.clock_ns = ns;
	ns -= watch_waited(getpid()) - waited;
	if (ns > e->report->delivery.ns)
		e->report->delivery.ns = ns;
}

static void kill_child(struct every *e, pid_t pid)
{
	siginfo_t info;

	chute_store_release(&e->ledger->lives[e->lives - 1].killed, 1U);
	kill(pid, SIGKILL);
	e->report->kills++;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	/* Others find a zombie, or nothing. */
	if (e->report->kills % 2)
		waitpid(pid, NULL, 0);
	get_through(e);
	if (e->report->kills % 2 == 0)
		waitpid(pid, NULL, 0);
}

/* Where a child is to die, and the how manieth time that it comes there. */
struct death {
	__u32 at, visit;
};

/* Found by letting one go to its end. */
static __u32 find_deaths(struct every *e, const struct operation *op, struct death *deaths)
{
	__u32 *visits = calloc(step_at_max(), sizeof(*visits));
	__u32 n = 0, steps = 0, at;
	pid_t pid;

	prepare(e, op);
	pid = start_child(e, op);
	if (op->from_proc && !step_until_proc(pid))
		abort();
	do {
		at = (__u32)step_at(pid);
		visits[at]++;
		if (visits[at] <= VISITS || steps % NOW_AND_THEN == 0)
			deaths[n++] = (struct death){ at, visits[at] };
	} while (++steps < STEPS_MAX && step(pid));
	free(visits);
	e->died_at[step_at(pid)] = true;
	kill_child(e, pid);
	return n;
}

static void die_at(struct every *e, const struct operation *op, const struct death *death)
{
	pid_t pid;

	prepare(e, op);
	pid = start_child(e, op);
	if (!op->from_proc || step_until_proc(pid))
		step_to(pid, death->at, death->visit);
	e->died_at[step_at(pid)] = true;
	kill_child(e, pid);
}

bool kill_at_every_instruction(struct sink *sink, __u32 stride, struct report *report)
{
	static struct death deaths[STEPS_MAX];
	struct every e = { .sink = sink, .report = report, .lives = 1 };
	const struct operation *op;
	__u32 n, i;
	size_t at;

	if (!step_works())
		return false;
	e.ledger = ledger_make(LIVES);
	e.died_at = calloc(step_at_max(), sizeof(bool));
	e.self = (struct producer){ .ledger = e.ledger, .random = 1 };
	e.self.chute = sink_producer(sink, CHUTE_SHARED);
	die(&e, false);
	for (op = operations; op < operations + sizeof(operations) / sizeof(*op); op++) {
		if (report->stuck >= STUCK_MAX)
			break;
		if (op->user_only && !sink->consumer)
			continue;
		n = find_deaths(&e, op, deaths);
		if (getenv("CHUTE_VERBOSE"))
			dprintf(2, "%s: %u stuck %llu %f\n", op->name, n,
				(unsigned long long)report->stuck, now_ns() / 1e9);
		for (i = (__u32)(op - operations) % stride; i < n && report->stuck < STUCK_MAX;
		     i += stride)
			die_at(&e, op, &deaths[i]);
	}
	for (at = 0; at < step_at_max(); at++)
		report->instructions += e.died_at[at];
	chute_close(e.self.chute);
	report_add(report, sink, e.ledger, e.lives);
	ledger_free(e.ledger);
	free(e.died_at);
	return true;
}
