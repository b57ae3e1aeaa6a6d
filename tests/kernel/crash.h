/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash.h: rings as dead producers leave them: made by chute's own calls, none of which
 * is followed by what should follow it; and what has to arrive all the same.
 */
#ifndef CHUTE_TESTS_CRASH_H
#define CHUTE_TESTS_CRASH_H

#include "../../bpf/oracle.h"
#include "ring/ring.h"

/* What there may be in such a ring. */
enum crash_find {
	CRASH_BUSY_HEAD,
	CRASH_BUSY_LATER,
	CRASH_BATCH,
	CRASH_BATCH_HEADERS,
	CRASH_BATCH_SKIP,
	CRASH_DISCARDED,
	CRASH_UNPUBLISHED,
	CRASH_STAGED,
	CRASH_HEADER_BEYOND,
	CRASH_PACK,
	CRASH_LOCK,
	CRASH_SLOT_LEFT,
	CRASH_LIBBPF,
	CRASH_POISONED,
	CRASH_FINDS,
};

extern const char *const crash_names[CRASH_FINDS];

#define CRASH_RECORDS 1024

struct crash {
	unsigned long *finds; /* how often there was what; the caller's */
	const struct chute_ring *ring;
	unsigned long start_pos;
	bool shared; /* the next call of a producer mends it, or a drain */
	/* Those that are committed, in order. */
	__u32 count;
	struct {
		__u64 number;
		__u32 size;
		unsigned long pos;
	} records[CRASH_RECORDS];
	__u32 arrived;
};

/* Produce on an empty ring, and die; @dead names a process that did. */
void crash_make(struct crash *crash, const struct chute_ring *ring, __u64 dead, __u64 *random);

/* Mend @ring, a copy of it, too, as the next process does. */
void crash_mend(const struct crash *crash, const struct chute_ring *ring, bool recover);

/* A drain has delivered these. False if they are not the next ones that had to come. */
bool crash_arrived(struct crash *crash, const struct oracle_log *log);

#endif
