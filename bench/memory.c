// SPDX-License-Identifier: BSD-2-Clause
/*
 * memory.c: messages from one process to another: chute's memory ring, against
 * ConcurrencyKit's ring in shared memory, a pipe and a UNIX datagram socket.
 *
 * The producer writes every word of a message, the consumer adds them all up. Both
 * spin when the ring is full or empty, as ck_ring has it; pipe and socket block in
 * the kernel. Rings have 256 KiB of data each, the pipe as much, the socket what it
 * gets. A batch of 32 is one reservation, one write() or one sendmmsg(); ck_ring has
 * none, so that batches are measured against its single messages.
 */
#include "memory.h"

#include <chute/atomic.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOAL_SINGLE 1.3
#define GOAL_BATCH  1.67

static const struct bench_line lines[] = {
	{ "memory-8-single", "memory", "ns", GOAL_SINGLE },
	{ "memory-8-batch32", "memory", "ns", GOAL_BATCH },
	{ "memory-64-single", "memory", "ns", GOAL_SINGLE },
	{ "memory-64-batch32", "memory", "ns", GOAL_BATCH },
	{ "memory-8-single-pipe", "memory", "ns", 0 },
	{ "memory-8-batch32-pipe", "memory", "ns", 0 },
	{ "memory-64-single-pipe", "memory", "ns", 0 },
	{ "memory-64-batch32-pipe", "memory", "ns", 0 },
	{ "memory-8-single-socket", "memory", "ns", 0 },
	{ "memory-8-batch32-socket", "memory", "ns", 0 },
	{ "memory-64-single-socket", "memory", "ns", 0 },
	{ "memory-64-batch32-socket", "memory", "ns", 0 },
	{ "memory-8-packed", "memory", "ns", 0 },
	{ "memory-64-packed", "memory", "ns", 0 },
};

/* What the two processes say to each other. */
struct control {
	__u64 go __attribute__((aligned(64))); /* the number of the round that has begun */
	const struct way *way;
	__u64 count;
	__u64 done __attribute__((aligned(64))); /* the number of the round that has ended */
	__u64 sum;
};

static struct control *control;

static void await_round(const __u64 *which, __u64 n)
{
	while (chute_load_acquire(which) != n)
		chute_pause();
}

static void __attribute__((noreturn)) consume(void)
{
	__u64 n;

	/* Not to outlive a producer that has failed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bench_pin(1);
	for (n = 1;; n++) {
		await_round(&control->go, n);
		if (!control->way)
			_exit(0);
		control->sum = control->way->receive(control->way, control->count);
		chute_store_release(&control->done, n);
	}
}

/* Consumers fail by exiting, and then nobody would say so. */
static void consumer_died(int signal)
{
	static const char text[] = "memory: the consumer has died\n";

	(void)signal;
	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) > 0 ? 1 : 2);
}

static double round_of(void *arg, __u64 count)
{
	const struct way *way = arg;
	const __u64 n = control->done + 1;
	double start, ns;
	__u64 sum;

	control->way = way;
	control->count = count;
	start = bench_now_ns();
	chute_store_release(&control->go, n);
	sum = way->send(way, count);
	await_round(&control->done, n);
	ns = bench_now_ns() - start;
	bench_check(way->name, count, count, sum, control->sum);
	return ns;
}

static bool is_way(const struct way *way, enum way_kind kind, __u32 size, bool batch)
{
	return way->kind == kind && way->size == size && way->batch == batch;
}

static const struct way *way_find(enum way_kind kind, __u32 size, bool batch)
{
	int i;

	for (i = 0; i < WAYS_RINGS; i++)
		if (is_way(&ways_rings[i], kind, size, batch))
			return &ways_rings[i];
	for (i = 0; i < WAYS_SYSTEM; i++)
		if (is_way(&ways_system[i], kind, size, batch))
			return &ways_system[i];
	bench_fail("no such way");
}

static void compare(__u32 size, bool batch)
{
	const struct way *ours = way_find(WAY_CHUTE, size, batch);
	const struct way *packed = way_find(WAY_PACKED, size, false);
	const struct way *peers[] = {
		way_find(WAY_CK, size, false),
		way_find(WAY_PIPE, size, batch),
		way_find(WAY_SOCKET, size, batch),
	};
	static const char *const suffixes[] = { "", "-pipe", "-socket" };
	struct bench_side sides[] = {
		{ ours->name, round_of, (void *)ours },
		{ peers[0]->name, round_of, (void *)peers[0] },
		{ peers[1]->name, round_of, (void *)peers[1] },
		{ peers[2]->name, round_of, (void *)peers[2] },
		{ packed->name, round_of, (void *)packed },
	};
	const size_t n = batch ? 4 : 5;
	char names[4][64];
	bool wanted = false;
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(names[i], sizeof(names[i]), "memory-%u-%s%s", size,
			 batch ? "batch32" : "single", suffixes[i]);
		wanted |= bench_wanted(names[i]);
	}
	snprintf(names[3], sizeof(names[3]), "memory-%u-packed", size);
	if (!wanted && (batch || !bench_wanted(names[3])))
		return;
	bench_compare(sides, n);
	for (i = 0; i < 3; i++)
		bench_report(names[i], ours->name, &sides[0].series, peers[i]->name,
			     &sides[i + 1].series);
	if (!batch)
		bench_report(names[3], packed->name, &sides[4].series, peers[0]->name,
			     &sides[1].series);
}

int main(int argc, char **argv)
{
	pid_t consumer;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (control == MAP_FAILED)
		bench_fail("no memory");
	ways_rings_open();
	ways_system_open();
	signal(SIGCHLD, consumer_died);
	consumer = fork();
	if (consumer < 0)
		bench_fail("can't fork");
	if (!consumer)
		consume();
	compare(8, false);
	compare(8, true);
	compare(64, false);
	compare(64, true);
	signal(SIGCHLD, SIG_DFL);
	control->way = NULL;
	chute_store_release(&control->go, control->done + 1);
	waitpid(consumer, NULL, 0);
	ways_rings_close();
	return bench_end();
}
