/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain.h: a ring over plain arrays, with a producer and a consumer, for tests that
 * look at raw bytes and positions. It may be smaller than a page, and may start at
 * any position.
 */
#ifndef CHUTE_TESTS_PLAIN_H
#define CHUTE_TESTS_PLAIN_H

#include "support.h"

#include "consumer/drain.h"
#include "producer/producer.h"

#define PLAIN_MAX 4096

/* The errno that a call which succeeds must leave alone. */
#define UNTOUCHED 4711

struct plain {
	struct chute_consumer_page consumer_page;
	struct chute_producer_page producer_page;
	char data[2 * PLAIN_MAX] CHUTE_LINE;
	struct chute_ring ring;
	struct chute_consumer consumer;
	struct chute_producer producer;
};

/* Both positions at @start_pos, and @fill in every byte of the data. */
void plain_init(struct plain *r, size_t size, unsigned long start_pos, int fill);

/* The handle, opened on @r. It needs no closing. */
struct chute *plain_open(struct plain *r);

/* Positions to start at: both ends and the middle of the ring, and next to the wrap of
 * unsigned long. */
#define START_COUNT 6
unsigned long start_pos_at(size_t size, int i);

/* The @bytes at position @pos, in the mapping where a record that starts there lies. */
char *plain_at(struct plain *r, unsigned long pos);

#endif
