// SPDX-License-Identifier: BSD-2-Clause
/* waits.c: how a blocked producer waits. Each command prints figures of which its runner
 * knows the bounds: all times are in microseconds. */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 4096
#define MS   1000000LL

/* Waits for more than there is, and prints how long, and with how much CPU time. */
static void wait_in_vain(struct user_ring_buffer *rb, int timeout_ms)
{
	__s64 start = clock_ns(), cpu = cpu_ns(), took;

	if (user_ring_buffer__reserve_blocking(rb, 128, timeout_ms))
		die("there should be no space");
	took = clock_ns() - start;
	cpu = cpu_ns() - cpu;
	if (errno != ENOSPC)
		die("user_ring_buffer__reserve_blocking");
	printf("took %lld cpu %lld\n", (long long)took / 1000, (long long)cpu / 1000);
}

int wait_nearly_full(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);

	ring_fill(rb, SIZE, 64);
	wait_in_vain(rb, 1000);
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
	return 0;
}

static struct drain_bpf *drained;
static __s64 drain_at_ns, drained_at_ns;

static void *drain_quietly(void *arg)
{
	struct timespec ts = { drain_at_ns / 1000000000, drain_at_ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
	ring_drain(drained, BPF_RB_NO_WAKEUP);
	drained_at_ns = clock_ns();
	return arg;
}

int wait_for_quiet_consumer(void)
{
	struct user_ring_buffer *rb;
	pthread_t thread;
	__s64 noticed;
	void *sample;
	int i;

	drained = ring_open(SIZE);
	rb = handle(drained);
	for (i = 0; i < 12; i++) {
		ring_fill(rb, SIZE, i % 2 ? 0 : 64);
		drain_at_ns = clock_ns() + (20 + i * 5) * MS;
		if (pthread_create(&thread, NULL, drain_quietly, NULL))
			die("pthread_create");
		errno = 0;
		sample = user_ring_buffer__reserve_blocking(rb, 128, i % 3 ? 20000 : -1);
		noticed = clock_ns();
		if (sample && errno)
			printf("errno was touched\n");
		pthread_join(thread, NULL);
		if (!sample)
			die("user_ring_buffer__reserve_blocking");
		printf("late %lld\n", (long long)(noticed - drained_at_ns) / 1000);
		user_ring_buffer__discard(rb, sample);
		ring_drain(drained, 0);
	}
	user_ring_buffer__free(rb);
	drain_bpf__destroy(drained);
	return 0;
}

static void on_signal(int number)
{
	(void)number;
}

static struct user_ring_buffer *full;
static bool waiting;
static pid_t waiter;

/* The thread's state, as proc(5) has it: it sleeps, and not in a spin before that. */
static void until_it_sleeps(pid_t tid)
{
	char path[64], state = 0;
	FILE *f;

	while (state != 'S') {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %c", &state) != 1)
			state = 0;
		if (f)
			fclose(f);
	}
}

static void *wait_as_thread(void *arg)
{
	waiter = gettid();
	__atomic_store_n(&waiting, true, __ATOMIC_RELEASE);
	arg = user_ring_buffer__reserve_blocking(full, 128, -1);
	printf("%s\n", arg ? "there was space" : strerrorname_np(errno));
	return NULL;
}

/* End a wait without end on a full ring from another thread: what does it say, and does
 * it end at all? */
static void end_a_wait(const char *how, int (*end)(pthread_t thread))
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct timespec late;
	pthread_t thread;
	void *result = NULL;

	full = handle(ring);
	/* libbpf spins if any byte is free. */
	ring_fill(full, SIZE, 0);
	waiting = false;
	printf("%s: ", how);
	if (pthread_create(&thread, NULL, wait_as_thread, NULL))
		die("pthread_create");
	while (!__atomic_load_n(&waiting, __ATOMIC_ACQUIRE))
		sched_yield();
	until_it_sleeps(waiter);
	end(thread);
	clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += 20;
	if (pthread_timedjoin_np(thread, &result, &late))
		printf("it does not end\n");
	else if (result == PTHREAD_CANCELED)
		printf("canceled\n");
	fflush(stdout);
	user_ring_buffer__free(full);
	drain_bpf__destroy(ring);
}

static int interrupt(pthread_t thread)
{
	return pthread_kill(thread, SIGINT);
}

int wait_until_ended(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	end_a_wait("a signal", interrupt);
	end_a_wait("a cancellation", pthread_cancel);
	/* A restarting handler ends epoll_wait(2) as well. */
	action.sa_flags = SA_RESTART;
	sigaction(SIGINT, &action, NULL);
	end_a_wait("a signal with SA_RESTART", interrupt);
	return 0;
}

/* As a program does that becomes a daemon: does it spin, and what does it say? */
int wait_without_descriptors(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);
	__s64 cpu;

	ring_fill(rb, SIZE, 0);
	closefrom(3);
	cpu = cpu_ns();
	if (user_ring_buffer__reserve_blocking(rb, 128, 1000))
		die("there should be no space");
	printf("%s%s\n", strerrorname_np(errno), cpu_ns() - cpu > 200 * MS ? ", and it spun" : "");
	return 0;
}

/* Positions that can't be true, as a neighbour or a bug leaves them. */
int wait_for_the_untrue(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);
	unsigned long *producer_pos =
		mmap(NULL, 3 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(ring), 4096);

	if (producer_pos == MAP_FAILED)
		die("mmap");
	*producer_pos = (unsigned long)-8;
	wait_in_vain(rb, 100);
	return 0;
}

/* Descriptors that a handle has of its own, and where they are in a process without
 * standard ones. */
int count_descriptors(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb;
	int fd, before = 0, after = 0, out = dup(STDOUT_FILENO), map = dup(ring_fd(ring));

	for (fd = 0; fd < 1024; fd++)
		before += fcntl(fd, F_GETFD) >= 0;
	close(STDIN_FILENO);
	rb = user_ring_buffer__new(map, NULL);
	if (!rb)
		die("user_ring_buffer__new");
	for (fd = 0; fd < 1024; fd++)
		after += fcntl(fd, F_GETFD) >= 0;
	dprintf(out, "one more: %s, low: %s\n", after == before ? "yes" : "no",
		fcntl(STDIN_FILENO, F_GETFD) >= 0 ? "yes" : "no");
	return 0;
}

/* In a child that any system call but write(2) and _exit(2) kills. */
int wait_not_at_all(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);
	int status, i;
	void *sample;
	pid_t pid;

	ring_fill(rb, SIZE, 64);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			syscall(SYS_exit, 77);
		for (i = 0; i < 10; i++)
			if (user_ring_buffer__reserve_blocking(rb, 128, 0))
				syscall(SYS_exit, 1);
		sample = user_ring_buffer__reserve_blocking(rb, 8, 0);
		user_ring_buffer__submit(rb, sample);
		sample = user_ring_buffer__reserve(rb, 8);
		user_ring_buffer__discard(rb, sample);
		syscall(SYS_exit, sample ? 0 : 2);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	printf("%s\n", WIFSIGNALED(status) ? "killed" : "lived");
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}
