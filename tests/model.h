/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h: what a consumer must see of a producer, told by a reference that knows
 * nothing of positions or header bits: a list of records, each open, finished or
 * discarded, and how many of them have been staged and published.
 *
 * Each model_ call makes the producer's call, moves the reference, and compares
 * whatever can be seen from outside: return value, errno, positions.
 */
#ifndef CHUTE_TESTS_MODEL_H
#define CHUTE_TESTS_MODEL_H

#include "support.h"

#include "ring/ring.h"

#include <chute/chute.h>

/* The records that may be on their way at a time; a ring's size / 8 at most. */
#define MODEL_RECORDS 1024

enum model_how { MODEL_SUBMIT, MODEL_DISCARD, MODEL_STAGE };

struct model_record {
	__u64 id; /* what its payload is made of */
	__u32 size;
	unsigned long end_pos;
	char *payload;
	enum { MODEL_OPEN, MODEL_FINISHED, MODEL_DISCARDED } state;
};

struct model {
	struct chute *chute;
	const struct chute_ring *ring;
	/*
	 * Consume what there is, and call model_saw() for each record. Returns how many
	 * that were.
	 */
	long (*drain)(struct model *m);
	void *consumer;
	__u64 ids;

	/* From the next one to be consumed on. The first `staged` of them were there
	 * when one was last finished, the first `published` when all that was finished
	 * was last published: those can be seen if they are finished. */
	struct model_record records[MODEL_RECORDS];
	size_t count, staged, published;
	size_t seen; /* in this drain: how many were consumed so far */
};

/* An idle producer on an empty ring. */
void model_init(struct model *m, struct chute *chute, const struct chute_ring *ring);

/* Reserve: NULL if and only if there is no room, or never will be. */
void model_reserve(struct model *m, __u32 size);

/* How many are open, and the @nth of them, finished. */
size_t model_open_count(const struct model *m);
void model_finish(struct model *m, size_t nth, enum model_how how);

void model_publish(struct model *m);

/* Drain, and compare with what must be seen. */
void model_drain(struct model *m);

/* For m->drain: the next record, of which @known bytes from each end of the payload,
 * or all, are known. */
void model_saw(struct model *m, const void *payload, __u32 size);
void model_saw_ends(struct model *m, __u64 first, __u64 last, __u32 size);

/* The handle is being closed: what is staged is published, what is open is dropped. */
void model_close(struct model *m);

#endif
