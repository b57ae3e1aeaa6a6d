/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * produce.h: a life: records of all kinds, for a ledger. Each call is an operation of
 * chute's from its first to its last instruction, so that it can be cut anywhere.
 */
#ifndef CHUTE_TESTS_TORTURE_PRODUCE_H
#define CHUTE_TESTS_TORTURE_PRODUCE_H

#include "ledger.h"

#include <chute/chute.h>

struct producer {
	struct chute *chute;
	struct ledger *ledger;
	__u32 life;
	bool packs; /* has the handle for itself */
	__u64 random;
};

/* One operation each. They wait for space, but for the second one, which leaves it. */
void produce_single(struct producer *p);
void produce_several(struct producer *p); /* open at a time, and finished in any order */
void produce_discarded(struct producer *p);
void produce_batch(struct producer *p);
void produce_packed(struct producer *p);
void produce_kick(struct producer *p);

/* Any of them, until the ledger says stop. */
void produce(struct producer *p);

#endif
