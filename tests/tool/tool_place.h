/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool_place.h: a ring for cases that run on both kinds: in shared memory, which
 * chute_drain() drains, and in a map, which a BPF program in the kernel does.
 */
#ifndef CHUTE_TESTS_TOOL_PLACE_H
#define CHUTE_TESTS_TOOL_PLACE_H

#include "kring.h"
#include "ring/ring.h"
#include "tool_run.h"

struct place {
	const char *ring; /* what the tool calls it */
	char name[32];
	struct chute_ring bytes; /* to be written by the case */
	bool in_map;
	struct kring k;
	int fd;				     /* of the memory ring's file, or the map */
	struct written written[WRITTEN_MAX]; /* by the last drain */
	__u32 count;
};

/* A case's name once for each kind, in an array of struct CMUnitTest; and in the case,
 * the ring of its kind, empty, at a position that is not 0. */
/* clang-format off */
#define ON_BOTH(f)                                          \
	{ #f "_in_memory", f, NULL, NULL, &place_in_memory },  \
	{ #f "_in_a_map", f, NULL, NULL, &place_in_map }
/* clang-format on */

extern bool place_in_memory, place_in_map;

struct place *place_open(void **state, size_t size);
void place_close(struct place *p);

/* Have p->bytes mapped no longer; and again. To the tool who has a map's ring mapped for
 * writing may be a producer. */
void place_unmap(struct place *p);
void place_map(struct place *p);

/* A handle of chute's on it. */
struct chute *place_produce(const struct place *p, __u32 flags);

/* Write a record by hand, with this header, and publish it: as a producer that is not
 * chute's does. Its payload's first 8 bytes, if it has them, are its position. Returns
 * its position. */
unsigned long place_put(struct place *p, __u32 len);

/* Its header, and the ring's producer position. */
void place_set_header(struct place *p, unsigned long pos, __u32 len);
void place_set_producer_pos(struct place *p, unsigned long pos);

/* Run the tool. That it may not look into all processes is the machine's business, and is
 * taken out of what it says. */
void place_run(struct tool_output *o, const char *const *args);

/* Drain once; what came is in p->written. Returns what the drain returned. */
long place_drain(struct place *p);

#endif
