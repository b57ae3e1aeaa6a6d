// SPDX-License-Identifier: BSD-2-Clause
/*
 * instructions.c: how many instructions a message costs its producer, counted one by
 * one: a child process sends, its parent steps it through under ptrace. No machine is
 * too noisy for that; what an instruction costs is another matter.
 */
#include "drainer.h"
#include "bench.skel.h"

#include <chute/atomic.h>
#include <chute/chute.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct bench_line lines[] = {
	{ "instructions-produce", "instructions", "instructions", 0 },
	{ "instructions-produce-mutex", "instructions", "instructions", 0 },
	{ "instructions-shared", "instructions", "instructions", 0 },
	{ "instructions-stage", "instructions", "instructions", 0 },
	{ "instructions-batch32", "instructions", "instructions", 0 },
	{ "instructions-pack", "instructions", "instructions", 0 },
};

/* Messages: few enough for one packed record, and a multiple of a batch. */
#define FEW   64
#define MANY  192
#define BATCH 32

typedef void send_fn(int count);

static struct bench_bpf *bpf;
static struct chute *chute;
static struct user_ring_buffer *libbpf;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Set by the child while its instructions count. */
static int *counting;

/*
 * Before libc's, for libchute too: in the child time stands still. An instruction takes
 * microseconds under ptrace, and a producer that finds 5 ms gone since the last record
 * does other things than one that sends.
 */
static bool is_child;

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (!is_child)
		return (int)syscall(SYS_clock_gettime, clock, ts);
	*ts = (struct timespec){ .tv_sec = 1 };
	return 0;
}

static void must(const void *payload)
{
	if (!payload)
		_exit(1);
}

static void send_single(int count)
{
	__u64 *message;
	int i;

	for (i = 0; i < count; i++) {
		message = chute_reserve(chute, sizeof(*message));
		must(message);
		*message = (__u64)i;
		chute_submit(chute, message);
	}
}

static void send_staged(int count)
{
	__u64 *message;
	int i;

	for (i = 0; i < count; i++) {
		message = chute_reserve(chute, sizeof(*message));
		must(message);
		*message = (__u64)i;
		chute_stage(chute, message);
	}
	chute_publish(chute);
}

static void send_batches(int count)
{
	__u64 *first, *message;
	int i, k;

	for (i = 0; i < count; i += BATCH) {
		first = message = chute_reserve_batch(chute, BATCH, sizeof(*message));
		must(first);
		for (k = 0; k < BATCH; k++) {
			*message = (__u64)(i + k);
			message = chute_batch_next(message, sizeof(*message));
		}
		chute_submit(chute, first);
	}
}

static void send_packed(int count)
{
	__u64 *message;
	int i;

	for (i = 0; i < count; i++) {
		message = chute_pack(chute, sizeof(*message));
		must(message);
		*message = (__u64)i;
	}
	chute_flush(chute);
}

static void send_libbpf(int count)
{
	__u64 *message;
	int i;

	for (i = 0; i < count; i++) {
		message = user_ring_buffer__reserve(libbpf, sizeof(*message));
		must(message);
		*message = (__u64)i;
		user_ring_buffer__submit(libbpf, message);
	}
}

static void send_libbpf_mutex(int count)
{
	__u64 *message;
	int i;

	for (i = 0; i < count; i++) {
		pthread_mutex_lock(&mutex);
		message = user_ring_buffer__reserve(libbpf, sizeof(*message));
		pthread_mutex_unlock(&mutex);
		must(message);
		*message = (__u64)i;
		user_ring_buffer__submit(libbpf, message);
	}
}

/* How chute opens the ring; NULL: it is libbpf's. */
static const struct chute_opts sole = { .sz = sizeof(sole) };
static const struct chute_opts shared = { .sz = sizeof(shared), .flags = CHUTE_SHARED };

/* A ring of its own for each run: whose handle is the child's, as an owner is a process. */
static void __attribute__((noreturn)) child(send_fn *send, const struct chute_opts *opts, int count)
{
	const int map = bpf_map__fd(bpf->maps.ring);

	is_child = true;
	if (opts)
		must(chute = chute_open_map(map, opts));
	else
		must(libbpf = user_ring_buffer__new(map, NULL));
	send(BATCH); /* binds the symbols */
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	chute_store_release(counting, 1);
	send(count);
	chute_store_release(counting, 0);
	if (opts)
		chute_close(chute);
	_exit(0);
}

static double steps(send_fn *send, const struct chute_opts *opts, int count)
{
	unsigned long n = 0;
	int status, records;
	pid_t pid = fork();

	if (!pid)
		child(send, opts, count);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		bench_fail("can't trace a child");
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
			bench_fail("can't step: %s", strerror(errno));
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			bench_fail("the child has failed");
		if (chute_load_acquire(counting))
			n++;
		else if (n)
			break;
	}
	if (ptrace(PTRACE_CONT, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid || status)
		bench_fail("the child has failed");
	records = bench_run_program(bpf_program__fd(bpf->progs.drain_8));
	if (send != send_packed && records != BATCH + count)
		bench_fail("sent %d records, received %d", BATCH + count, records);
	return (double)n;
}

static struct bench_series count_of(send_fn *send, const struct chute_opts *opts)
{
	const double few = steps(send, opts, FEW), many = steps(send, opts, MANY);
	struct bench_series series = { .n = 0 };

	bench_add(&series, (many - few) / (MANY - FEW));
	return series;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		send_fn *send;
		const struct chute_opts *opts;
		bool beside_mutex;
	} ours[] = {
		{ "chute", send_single, &sole, false },
		{ "chute", send_single, &sole, true },
		{ "chute, shared", send_single, &shared, true },
		{ "chute, staged", send_staged, &sole, false },
		{ "chute, batches of 32", send_batches, &sole, false },
		{ "chute, packed", send_packed, &sole, false },
	};
	struct bench_series peer, mutexed, counted;
	size_t i;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	bpf = bench_bpf__open_and_load();
	bench_loaded(bpf, "bench.bpf.o");
	counting = mmap(NULL, sizeof(*counting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (counting == MAP_FAILED)
		bench_fail("no memory");
	peer = count_of(send_libbpf, NULL);
	mutexed = count_of(send_libbpf_mutex, NULL);
	for (i = 0; i < BENCH_COUNT(lines); i++) {
		counted = count_of(ours[i].send, ours[i].opts);
		if (ours[i].beside_mutex)
			bench_report(lines[i].name, ours[i].name, &counted, "libbpf + mutex",
				     &mutexed);
		else
			bench_report(lines[i].name, ours[i].name, &counted, "libbpf", &peer);
	}
	bench_bpf__destroy(bpf);
	return bench_end();
}
