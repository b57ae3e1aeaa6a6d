/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pack_model.h: what a consumer must see of packed messages, batches and records, told
 * by a reference that knows nothing of positions or formats: records in the order in
 * which they were begun, each with its messages, open, finished or discarded.
 *
 * Each call makes the producer's call, moves the reference, and compares what can be
 * seen from outside. Which messages share a record is the one thing that is taken from
 * the handle; that a record was not ended before it was full is checked.
 */
#ifndef CHUTE_TESTS_PACK_MODEL_H
#define CHUTE_TESTS_PACK_MODEL_H

#include "support.h"
#include "receive.h"

#include "producer/producer.h"

#include <chute/drain.h>

/* On their way at a time: the ring's size / 8 at most. */
#define PACK_ITEMS   (64 * 1024 / 8)
#define PACK_LARGEST (64 * 1024)

enum pack_how { PACK_SUBMIT, PACK_STAGE, PACK_DISCARD };

struct pack_message {
	__u64 id; /* what its bytes are made of */
	__u32 size;
	bool magic;   /* it begins with CHUTE_PACK_MAGIC */
	bool skipped; /* by chute_batch_skip() */
};

struct pack_record {
	enum { PACK_OPEN, PACK_FINISHED, PACK_DISCARDED } state;
	char *payload;
	size_t messages; /* how many; they are next to each other in the model's list */
	bool batch;
};

struct pack_model {
	struct chute *chute;
	__u64 *random;
	bool shared; /* a handle with CHUTE_SHARED */

	/* Consume all there is, and call pack_model_saw() for each message, or compare
	 * with `expected`, which has grown by what there is to be seen. */
	void (*drain)(struct pack_model *m);
	void *consumer;
	chute_message_fn *receive; /* what `expected` goes by, or NULL */
	__u32 message_max;	   /* longer ones are not in `expected` */
	struct received expected;
	__u64 too_long;

	__u64 ids;
	struct pack_record records[PACK_ITEMS];
	struct pack_message messages[PACK_ITEMS];
	/* The first `staged` records were there when one was last finished, the first
	 * `published` when all that was finished was last published. */
	size_t record_count, staged, published;
	size_t message_count;
	size_t seen, to_see;	    /* in this drain: the first messages of the list */
	struct pack_record *packed; /* the one that chute_pack() puts messages into, or NULL */
};

/* An idle handle on an empty ring. */
void pack_model_init(struct pack_model *m, struct chute *chute, __u64 *random);

/* @timeout_ns below 0: chute_pack(). */
void pack_model_pack(struct pack_model *m, __u32 size, bool magic, __s64 timeout_ns);
void pack_model_flush(struct pack_model *m);
void pack_model_reserve(struct pack_model *m, __u32 size);
void pack_model_batch(struct pack_model *m, __u32 count, __u32 size);
void pack_model_send(struct pack_model *m, __u32 size);
void pack_model_publish(struct pack_model *m);

/* Open records other than the packed one; finish one of them, at random how. */
size_t pack_model_open_count(const struct pack_model *m);
void pack_model_finish(struct pack_model *m, size_t nth);

void pack_model_drain(struct pack_model *m);
void pack_model_saw(struct pack_model *m, const void *msg, __u32 size);

/* chute_close(): what is open is dropped, or stays for ever. */
void pack_model_close(struct pack_model *m);

/* That many random calls, with drains in between, then all finished and drained. */
void pack_model_walk(struct pack_model *m, int steps);
void pack_model_finish_all(struct pack_model *m);

#endif
