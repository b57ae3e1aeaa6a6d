/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared_ring.h: a memory ring for many producers, with its consumer and its memory, and
 * processes that come, do something there, and go.
 */
#ifndef CHUTE_TESTS_SHARED_RING_H
#define CHUTE_TESTS_SHARED_RING_H

#include "support.h"

#include "ring/ring.h"

#include <chute/drain.h>

#include <sys/types.h>

#define SHARED_BYTES  65536
#define SHARED_NUMBER 4096 /* numbers that one drain may bring */

struct shared_ring {
	int fd;
	struct chute_ring ring;
	struct chute_consumer *consumer;
	/* What the last drain brought: of each record the first 8 bytes. */
	__u64 numbers[SHARED_NUMBER];
	size_t count;
};

/* A case's set-up and tear-down; its state is the ring. */
int shared_ring_open(void **state);
int shared_ring_close(void **state);

/* One more producer. */
struct chute *shared_producer(struct shared_ring *s);

/* Send one number, as a record of 8 bytes. */
void shared_send(struct chute *c, __u64 number);

/* Drain, and find exactly these numbers. */
void shared_expect(struct shared_ring *s, size_t count, const __u64 *numbers);
void shared_expect_one(struct shared_ring *s, __u64 number);

/* The header of the record at the consumer's position. */
struct chute_header *shared_head(struct shared_ring *s);

/* Run @body(@arg) in a child; what it returns is the child's exit status. */
int in_child(int (*body)(void *arg), void *arg);

/* The same in new namespaces (CLONE_NEWPID, CLONE_NEWTIME), -1 where there are none. In
 * the time namespace the machine has been up for longer. */
int in_namespace(int flag, int (*body)(void *arg), void *arg);

/* A process that ran @body and then waits, and its end. */
pid_t child_that_stays(int (*body)(void *arg), void *arg);
void child_end(pid_t pid, int signal);

/* For shared_expect(): how many, and which. */
#define NUMBERS(...)                                                                               \
	(sizeof((__u64[]){ __VA_ARGS__ }) / sizeof(__u64)), (__u64[])                              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

#endif
