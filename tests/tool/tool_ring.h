/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool_ring.h: a ring of the tool, seen from beside it.
 */
#ifndef CHUTE_TESTS_TOOL_RING_H
#define CHUTE_TESTS_TOOL_RING_H

#include "tool_run.h"

#include "ring/ring.h"

/* Its consumer, for the caller to close. */
struct chute_consumer *tool_consumer(const char *ring);

/* What its producers share, to be unmapped by tool_unmap_page(). */
struct chute_producer_page *tool_producer_page(const char *ring);
void tool_unmap_page(void *page);

/* A map's id, from its descriptor; without libbpf, which may not be here. */
unsigned int tool_map_id(int fd);

/* Until a sender has published so much. */
void tool_await_pos(struct chute_producer_page *producer, unsigned long pos);

#endif
