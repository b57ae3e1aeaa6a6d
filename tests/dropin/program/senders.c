// SPDX-License-Identifier: BSD-2-Clause
/* senders.c: several who send through one ring. The BPF program checks each record: who
 * sent it, that none is missing before it, and a checksum. */
#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	      3
#define FROM_EACH     200000
#define IN_TURN	      20000
#define RING_SIZE     (64 * 1024)
#define PAYLOAD_EXTRA 48 /* at most, behind what is checked */

static struct drain_bpf *ring;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int sending;

/* Records have different sizes: from that of struct numbered on. */
static void send(struct user_ring_buffer *rb, __u32 sender, __u32 number, pthread_mutex_t *mutex)
{
	const __u32 size = sizeof(struct numbered) + number % PAYLOAD_EXTRA;
	struct numbered said = { .sender = sender, .number = number };
	void *sample;

	said.sum = numbered_sum(&said);
	if (mutex)
		pthread_mutex_lock(mutex);
	sample = user_ring_buffer__reserve_blocking(rb, size, -1);
	if (mutex)
		pthread_mutex_unlock(mutex);
	if (!sample)
		die("user_ring_buffer__reserve_blocking");
	memcpy(sample, &said, sizeof(said));
	memset((char *)sample + sizeof(said), (int)number, size - sizeof(said));
	user_ring_buffer__submit(rb, sample);
}

static void *drain_until_all_is_sent(void *arg)
{
	bool last;
	int count;

	do {
		last = !__atomic_load_n(&sending, __ATOMIC_ACQUIRE);
		count = ring_drain_check(ring);
		if (count < 0)
			die("drain");
	} while (!last || count);
	return arg;
}

static void print_outcome(void)
{
	__u32 i;

	for (i = 0; i < THREADS; i++)
		printf("sender %u: %u\n", i, ring->bss->next_number[i]);
	printf("wrong: %llu\n", (unsigned long long)ring->bss->wrong);
}

static struct user_ring_buffer *shared;

static void *send_many(void *arg)
{
	__u32 i;

	for (i = 0; i < FROM_EACH; i++)
		send(shared, (__u32)(unsigned long)arg, i, &lock);
	return NULL;
}

/* A lock around reserve only: that is what libbpf promises to be enough. */
int send_from_threads(void)
{
	pthread_t threads[THREADS], drainer;
	unsigned long i;

	ring = ring_open(RING_SIZE);
	shared = handle(ring);
	sending = 1;
	if (pthread_create(&drainer, NULL, drain_until_all_is_sent, NULL))
		die("pthread_create");
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, send_many, (void *)i))
			die("pthread_create");
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&sending, 0, __ATOMIC_RELEASE);
	pthread_join(drainer, NULL);
	print_outcome();
	user_ring_buffer__free(shared);
	drain_bpf__destroy(ring);
	return 0;
}

/* One after the other, each with a position of its own if it kept one. */
int send_by_two_handles(void)
{
	struct user_ring_buffer *one, *other;
	pthread_t drainer;
	__u32 i;

	ring = ring_open(4096);
	one = handle(ring);
	other = handle(ring);
	sending = 1;
	if (pthread_create(&drainer, NULL, drain_until_all_is_sent, NULL))
		die("pthread_create");
	for (i = 0; i < IN_TURN; i++) {
		send(one, 0, i, NULL);
		send(other, 1, i, NULL);
		if (i % 7 == 0)
			send(other, 2, i / 7, NULL);
	}
	__atomic_store_n(&sending, 0, __ATOMIC_RELEASE);
	pthread_join(drainer, NULL);
	print_outcome();
	user_ring_buffer__free(one);
	user_ring_buffer__free(other);
	drain_bpf__destroy(ring);
	return 0;
}

/* A child of fork(), with the handle that it inherited, in turn with its parent. */
int send_from_two_processes(void)
{
	struct user_ring_buffer *rb;
	sem_t *turns;
	__u32 i, me;
	pid_t pid;

	ring = ring_open(RING_SIZE);
	rb = handle(ring);
	turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turns == MAP_FAILED || sem_init(&turns[0], 1, 1) || sem_init(&turns[1], 1, 0))
		die("semaphores");
	pid = fork();
	if (pid < 0)
		die("fork");
	me = pid ? 0 : 1;
	for (i = 0; i < IN_TURN; i++) {
		while (sem_wait(&turns[me]))
			;
		send(rb, me, i, NULL);
		/* The parent consumes: it has the first turn, and the last word. */
		if (pid && i % 64 == 0 && ring_drain_check(ring) < 0)
			die("drain");
		sem_post(&turns[!me]);
	}
	if (!pid) {
		user_ring_buffer__free(rb);
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid || ring_drain_check(ring) < 0)
		die("drain");
	print_outcome();
	/* The child's end has not touched ours. */
	send(rb, 0, IN_TURN, NULL);
	printf("drain: %d\n", ring_drain_check(ring));
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
	return 0;
}
