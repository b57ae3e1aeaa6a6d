/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torture.h: kills producers, and counts what that did: at random times, while others
 * go on, and at every instruction of every call.
 */
#ifndef CHUTE_TESTS_TORTURE_H
#define CHUTE_TESTS_TORTURE_H

#include "sink.h"
#include "watch.h"

#include <stdio.h>

struct report {
	__u64 kills;
	__u64 returned;	 /* messages whose submit had returned */
	__u64 delivered; /* those, and some that were finished in the moment of death */
	__u64 lost, torn, stolen, twice;
	__u64 takeovers, recovered;
	struct stall producers; /* of a producer that lives, in one operation */
	struct stall delivery;	/* with records in the ring */
	__s64 pause_ns;		/* the longest that the machine was away */
	__u64 stuck;		/* what had to be given up */
	/* At every instruction: of how many, and after a death the longest time until
	 * another one's record was delivered. */
	__u64 instructions;
};

/* Kill @kills processes of some that produce at the same time. */
void kill_at_random(struct sink *sink, __u32 kills, __u64 seed, struct report *report);

/*
 * Kill a process at each instruction of each operation, or, to be quicker, at each
 * @stride'th. Of loops that do the same again, each instruction the first two times
 * and then now and then. False where it can't be done.
 */
bool kill_at_every_instruction(struct sink *sink, __u32 stride, struct report *report);

/* Adds what the ledger and the ring say. */
void report_add(struct report *report, const struct sink *sink, struct ledger *ledger, __u32 lives);

/* Adds the counts of @part to @all; of what is longest, the longer one stays. */
void report_merge(struct report *all, const struct report *part);

bool report_is_good(const struct report *report);
void report_print(FILE *out, const char *what, const struct report *report);

#endif
