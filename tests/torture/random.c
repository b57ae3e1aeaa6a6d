// SPDX-License-Identifier: BSD-2-Clause
/*
 * random.c: some processes produce, one consumes, and this one kills a producer every
 * few milliseconds and puts another one in its place, and watches them all.
 */
#include "produce.h"
#include "support.h"
#include "torture.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES  5
#define THREADS	   2	       /* of a process, at most */
#define UNREAPED   4	       /* zombies that stay for a while */
#define BETWEEN_NS 4000000     /* two kills, about */
#define LOOK_NS	   1000000     /* between two looks of the watch */
#define PAUSE_NS   5000000     /* of which what is longer is the machine's */
#define GIVE_UP_NS 10000000000 /* when something should have come to its end */

struct process {
	pid_t pid;
	__u32 life, threads;
	struct watch watches[THREADS];
};

struct killer {
	struct sink *sink;
	struct ledger *ledger;
	struct report *report;
	__u64 random;
	__u32 lives;
	pid_t consumer;
	struct watch delivery;
	struct process processes[PROCESSES];
	pid_t unreaped[UNREAPED];
	__s64 clock, looked; /* of the watches: what the machine let us have */
};

static void live(struct producer *p)
{
	chute_store_release(&p->ledger->lives[p->life].tid, (__u32)syscall(SYS_gettid));
	produce(p);
}

static void *live_thread(void *arg)
{
	live(arg);
	return NULL;
}

/* A child of the killer. It goes before what else the machine does; where that is not
 * allowed, stalls may look longer than they are. */
static void begin_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, -20);
}

static void run_process(struct killer *k, const struct process *process, __u64 seed)
{
	struct producer p[THREADS];
	struct chute *chute;
	pthread_t thread;
	__u32 i;

	begin_child();
	chute = sink_producer(k->sink, CHUTE_SHARED);
	if (!chute)
		abort();
	for (i = 0; i < process->threads; i++)
		p[i] = (struct producer){ .chute = chute,
					  .ledger = k->ledger,
					  .life = process->life + i,
					  .packs = process->threads == 1,
					  .random = seed + i };
	if (process->threads == 2)
		pthread_create(&thread, NULL, live_thread, &p[1]);
	live(&p[0]);
	if (process->threads == 2)
		pthread_join(thread, NULL);
	chute_close(chute);
	_exit(0);
}

static void start_process(struct killer *k, struct process *process)
{
	__u64 seed = next_random(&k->random);

	process->threads = 1 + (seed & 1);
	process->life = k->lives;
	k->lives += THREADS;
	process->pid = fork();
	if (process->pid < 0)
		abort();
	if (!process->pid)
		run_process(k, process, seed);
	process->watches[0].tid = process->watches[1].tid = 0;
}

static void run_consumer(struct killer *k)
{
	begin_child();
	while (!chute_load_acquire(&k->ledger->finished) || !sink_is_empty(k->sink))
		if (sink_drain(k->sink, k->ledger) <= 0)
			sink_wait(k->sink);
	_exit(0);
}

/* Wait for the end of a process that comes to it by itself. */
static void reap(struct killer *k, pid_t pid)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	__s64 start = now_ns();
	int status = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (now_ns() - start > GIVE_UP_NS) {
			k->report->stuck++;
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return;
		}
		nanosleep(&nap, NULL);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		k->report->stuck++;
}

/* Never waits. */
static bool reap_dead(pid_t *pid)
{
	if (*pid && waitpid(*pid, NULL, WNOHANG) != *pid)
		return false;
	*pid = 0;
	return true;
}

static void kill_one(struct killer *k)
{
	__u64 random = next_random(&k->random);
	struct process *process = &k->processes[random % PROCESSES];
	pid_t *unreaped = &k->unreaped[random / PROCESSES % UNREAPED];
	__u32 i;

	/* Whoever is there stays a zombie until its place is wanted. */
	if (!reap_dead(unreaped))
		return;
	for (i = 0; i < process->threads; i++)
		chute_store_release(&k->ledger->lives[process->life + i].killed, 1U);
	kill(process->pid, SIGKILL);
	k->report->kills++;
	*unreaped = process->pid;
	if (random >> 63)
		reap_dead(unreaped);
	start_process(k, process);
}

static void look_at_process(struct killer *k, struct process *process)
{
	struct life *life;
	__u32 i, tid;

	for (i = 0; i < process->threads; i++) {
		life = &k->ledger->lives[process->life + i];
		tid = chute_load_acquire(&life->tid);
		if (tid && !process->watches[i].tid)
			watch_start(&process->watches[i], (pid_t)tid, k->clock);
		else if (tid)
			watch_look(&process->watches[i], k->clock, chute_load_relaxed(&life->ops),
				   true, &k->report->producers);
	}
}

static void look(struct killer *k)
{
	__s64 now = now_ns(), passed = now - k->looked;
	__u32 i;

	/* We are first in line for a CPU: if we did not get one, there was none. */
	k->looked = now;
	k->clock += passed < PAUSE_NS ? passed : PAUSE_NS;
	if (passed > k->report->pause_ns)
		k->report->pause_ns = passed;
	for (i = 0; i < PROCESSES; i++)
		look_at_process(k, &k->processes[i]);
	watch_look(&k->delivery, k->clock,
		   chute_load_relaxed(&k->sink->ring.consumer->consumer_pos),
		   !sink_is_empty(k->sink), &k->report->delivery);
}

static void kill_and_look(struct killer *k, __u32 kills)
{
	const struct timespec nap = { .tv_nsec = LOOK_NS };
	__s64 next = now_ns();

	while (k->report->kills < kills) {
		if (now_ns() >= next) {
			kill_one(k);
			next = now_ns() + (__s64)(next_random(&k->random) % (2 * BETWEEN_NS));
		}
		look(k);
		nanosleep(&nap, NULL);
	}
}

/* Producers come to their end; then what the dead have left is for us to clear away. */
static void finish(struct killer *k)
{
	struct chute *chute;
	__s64 start;
	__u32 i;

	chute_store_release(&k->ledger->stop, 1U);
	for (i = 0; i < PROCESSES; i++)
		reap(k, k->processes[i].pid);
	for (i = 0; i < UNREAPED; i++)
		if (k->unreaped[i])
			waitpid(k->unreaped[i], NULL, 0);
	chute = sink_producer(k->sink, CHUTE_SHARED);
	start = now_ns();
	while (chute && !sink_is_empty(k->sink) && now_ns() - start < GIVE_UP_NS) {
		chute_kick(chute);
		sched_yield();
	}
	chute_close(chute);
	chute_store_release(&k->ledger->finished, 1U);
	reap(k, k->consumer);
	sink_drain(k->sink, k->ledger);
}

void kill_at_random(struct sink *sink, __u32 kills, __u64 seed, struct report *report)
{
	const struct sched_param first = { .sched_priority = 1 };
	struct killer k = { .sink = sink, .report = report, .random = seed };
	__u32 i;

	k.ledger = ledger_make((kills + PROCESSES) * THREADS);
	/* We go before them. */
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
	k.consumer = fork();
	if (k.consumer < 0)
		abort();
	if (!k.consumer)
		run_consumer(&k);
	k.looked = k.clock = now_ns();
	watch_start(&k.delivery, k.consumer, k.clock);
	for (i = 0; i < PROCESSES; i++)
		start_process(&k, &k.processes[i]);
	kill_and_look(&k, kills);
	finish(&k);
	report_add(report, sink, k.ledger, k.lives);
	ledger_free(k.ledger);
}
