/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sleeps.h: rings of both kinds that a test drains by itself, and a look at the sleeps of
 * a producer that waits on one. A program that is linked with this has a syscall(3) of
 * its own, which the library's calls come through.
 */
#ifndef CHUTE_TESTS_SLEEPS_H
#define CHUTE_TESTS_SLEEPS_H

#include "kring.h"

#include <chute/chute.h>
#include <chute/drain.h>

/* A ring of 4096 bytes, in a map or in memory. */
struct either {
	bool is_map;
	struct chute *chute;
	struct chute_consumer *consumer;
	struct kring map;
	int fd;
};

void either_open(struct either *e, bool is_map, const struct chute_opts *opts);
void either_close(struct either *e);

/* Drain with @flags, and stop after @records (0: when there are no more). */
long either_drain(struct either *e, __u64 flags, __u32 records);

/* Fill it with records of 64 bytes (56 of payload), all but @free bytes. */
void either_fill(struct either *e, size_t free);

/* What the calls of epoll_pwait2(2) and futex(2) with FUTEX_WAIT did. */
struct sleeps {
	unsigned long count;
	unsigned long timed_out;   /* of them; the others were ended by somebody */
	void (*before)(void *arg); /* if set, called before each one, in its thread */
	void (*after)(void *arg, bool timed_out);
	void *arg;
	int refuse; /* if set: don't sleep, fail with this */
};

/* One thread at a time sleeps. */
extern struct sleeps sleeps;

/* Calls @test with a ring of each kind, as two cases: NAME_in_memory, NAME_on_a_map. */
#define ON_BOTH(test)                                                                              \
	static void test##_in_memory(void **state)                                                 \
	{                                                                                          \
		(void)state;                                                                       \
		test(false);                                                                       \
	}                                                                                          \
	static void test##_on_a_map(void **state)                                                  \
	{                                                                                          \
		(void)state;                                                                       \
		test(true);                                                                        \
	}

#define CASES_ON_BOTH(test) cmocka_unit_test(test##_in_memory), cmocka_unit_test(test##_on_a_map)

#endif
