/* SPDX-License-Identifier: BSD-2-Clause */
/* memory.h: the ways of getting messages from one process to another. */
#ifndef CHUTE_BENCH_MEMORY_H
#define CHUTE_BENCH_MEMORY_H

#include "harness.h"

#include <chute/atomic.h>

#include <stdio.h>

enum way_kind {
	WAY_CHUTE,
	WAY_PACKED, /* chute's packed messages */
	WAY_CK,
	WAY_PIPE,
	WAY_SOCKET,
};

/*
 * send() and receive() run in two processes, both of which have what ways_open()
 * made. They do @count messages (a multiple of 32), whose words are the message's
 * number, and return the sum of all words. receive() fails if one has not the
 * right size.
 */
struct way {
	enum way_kind kind;
	const char *name;
	__u32 size; /* bytes a message: 8 or 64 */
	bool batch; /* 32 at a time */
	__u64 (*send)(const struct way *way, __u64 count);
	__u64 (*receive)(const struct way *way, __u64 count);
};

#define WAY_BATCH 32

/* memory_rings.c and memory_system.c: tables of ways; and what they need, to be
 * opened before the fork and closed after it in the producer. */
extern const struct way ways_rings[], ways_system[];
#define WAYS_RINGS  8
#define WAYS_SYSTEM 8

void ways_rings_open(void);
void ways_rings_close(void);
void ways_system_open(void);

/* Before the next look, where there was nothing: each one takes a line from the other
 * side, who needs it to go on. The same for all rings. */
static inline void way_rest(void)
{
	int i;

	for (i = 0; i < 32; i++)
		chute_pause();
}

/* Write a message of @size bytes; the sum of its words. Constant sizes are unrolled. */
static inline __u64 way_write(void *message, __u32 size, __u64 value)
{
	__u64 *words = message;
	__u32 i;

	for (i = 0; i < size / 8; i++)
		words[i] = value;
	return value * (size / 8);
}

static inline __u64 way_read(const void *message, __u32 size)
{
	const __u64 *words = message;
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < size / 8; i++)
		sum += words[i];
	return sum;
}

#endif
