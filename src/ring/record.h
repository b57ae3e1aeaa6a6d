/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h: one record at a position: where its header is, what a consumer finds there,
 * by the kernel's checks in its order (__bpf_user_ringbuf_peek() in kernel/bpf/ringbuf.c),
 * and how much space is free from there on.
 *
 * The ring is hostile: positions and headers are loaded once, the copies are
 * checked, and only the copies are used.
 */
#ifndef CHUTE_SRC_RECORD_H
#define CHUTE_SRC_RECORD_H

#include "ring/ring.h"

#include <chute/inspect.h>

#include <errno.h>

static inline struct chute_header *chute_ring_header(const struct chute_ring *ring,
						     unsigned long pos)
{
	return (struct chute_header *)(ring->data + (pos & (ring->size - 1)));
}

/* Both words of a header by one store, where nobody may look at it yet. */
typedef __u64 __attribute__((may_alias)) chute_header_words;

static inline __u64 chute_header_word(__u32 len, __u32 pad)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)pad << 32 | len;
#else
	return (__u64)len << 32 | pad;
#endif
}

static inline void chute_header_make(struct chute_header *header, __u64 word)
{
	chute_store_relaxed((chute_header_words *)header, word);
}

static inline struct chute_header *chute_header_of(void *payload)
{
	return (struct chute_header *)payload - 1;
}

/* For a producer at @pos: how many bytes from there on are free; -EBADMSG where the
 * consumer stands at no position that can be true. */
static inline __s64 chute_ring_room(const struct chute_ring *ring, unsigned long pos)
{
	/* C0: pairs with D2 (or the kernel's release of consumer_pos): the consumer is
	 * done with what is below it before we write there. */
	unsigned long used = pos - chute_load_acquire(&ring->consumer->consumer_pos);

	/* Before us or a lap behind: no consumer gets there, but another process
	 * that writes to a memory ring's first page does; and one that may produce can
	 * move the place of our record. */
	return used <= ring->size && pos % 8 == 0 ? (__s64)(ring->size - used) : -EBADMSG;
}

/* Free space is shown to a producer's fast path in steps of at most this, so that a size
 * above CHUTE_PAYLOAD_MAX never fits there and comes to the slow one to be refused. */
#define CHUTE_LIMIT_STEP (1LL << 24)

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
	header = chute_ring_header(ring, pos);
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

/* From record to record, for at most a lap, whatever the positions say. */
struct chute_walk {
	unsigned long pos, start_pos;
};

static inline void chute_walk_start(struct chute_walk *walk, unsigned long pos)
{
	walk->pos = walk->start_pos = pos;
}

/* True for a record, after which walk->pos is behind it; false where a drain would
 * come to a stop, but for a BUSY one. */
static inline bool chute_walk_next(struct chute_walk *walk, const struct chute_ring *ring,
				   struct chute_record *record)
{
	if (walk->pos - walk->start_pos >= ring->size ||
	    chute_ring_peek(ring, walk->pos, record) != 1)
		return false;
	walk->pos = record->next_pos;
	return true;
}

#endif
