/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peek.h: what a consumer finds at a position: the kernel's checks, in its order
 * (__bpf_user_ringbuf_peek() in kernel/bpf/ringbuf.c).
 *
 * The ring is hostile: positions and headers are loaded once, the copies are
 * checked, and only the copies are used.
 */
#ifndef CHUTE_SRC_PEEK_H
#define CHUTE_SRC_PEEK_H

#include "ring/ring.h"

#include <chute/inspect.h>

#include <errno.h>

/*
 * The kernel compares positions by value, which jams a ring whose positions
 * have wrapped between producer and consumer (a 32-bit one, after 4 GiB). We go
 * by difference where that is possible, and do as the kernel where it is not.
 */
static inline bool chute_is_empty(unsigned long cons_pos, unsigned long prod_pos, size_t size)
{
	return cons_pos == prod_pos || (prod_pos - cons_pos > size && cons_pos > prod_pos);
}

/*
 * What is at @pos if the producer stands at @prod_pos. Returns 1 for a record,
 * unfinished and discarded ones included; 0 when nothing is published at @pos;
 * -EINVAL, -E2BIG when a drain that came there would return that.
 */
static inline int chute_ring_peek_below(const struct chute_ring *ring, unsigned long pos,
					unsigned long prod_pos, struct chute_record *record)
{
	struct chute_header *header;
	__u64 bytes;
	__u32 len;

	/* The kernel's own position is sound; on ours, anyone may have written. */
	if ((prod_pos | pos) % 8)
		return -EINVAL;
	if (chute_is_empty(pos, prod_pos, ring->size))
		return 0;
	header = (struct chute_header *)(ring->data + (pos & (ring->size - 1)));
	/* D1: pairs with P1, P2, P4, R0, S2 and L1. The payload is visible after it. */
	len = chute_load_acquire(&header->len);
	record->size = len & CHUTE_LENGTH_MASK;
	bytes = chute_record_bytes(record->size);
	if (bytes > prod_pos - pos)
		return -EINVAL;
	if (bytes > ring->size || record->size > CHUTE_PAYLOAD_MAX)
		return -E2BIG;
	record->flags = len & (CHUTE_BUSY | CHUTE_DISCARD);
	record->pos = pos;
	record->next_pos = pos + (unsigned long)bytes;
	record->payload = header + 1;
	return 1;
}

static inline unsigned long chute_ring_producer_pos(const struct chute_ring *ring)
{
	/* D0: pairs with P0, P3, R1 and L0. The records below are visible after it. */
	return chute_load_acquire(&ring->producer->producer_pos);
}

/* The same, where the producer stands now. */
static inline int chute_ring_peek(const struct chute_ring *ring, unsigned long pos,
				  struct chute_record *record)
{
	return chute_ring_peek_below(ring, pos, chute_ring_producer_pos(ring), record);
}

#endif
