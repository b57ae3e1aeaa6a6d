// SPDX-License-Identifier: BSD-2-Clause
/* waits.c: how a blocked producer waits. Each command prints figures of which its runner
 * knows the bounds: all times are in microseconds. */
#include "common.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
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
		sample = user_ring_buffer__reserve_blocking(rb, 128, i % 3 ? 500 : -1);
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

static int signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

int wait_over_signals(void)
{
	const struct itimerval every_20_ms = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = on_signal };
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);
	int i;

	ring_fill(rb, SIZE, 64);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every_20_ms, NULL);
	for (i = 0; i < 3; i++)
		wait_in_vain(rb, 300);
	printf("signals %d\n", signals);
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
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
