/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h: the memory of a ring, mapped: two pages and the data twice.
 *
 * Knows geometry and backend (a BPF map, a memory file, or the caller's own
 * memory), nothing about records. What lies on the pages is the kernel's layout
 * (kernel/bpf/ringbuf.c) with chute's own words from byte 64 on, each group on
 * a cache line of its own: the kernel leaves those bytes alone.
 */
#ifndef CHUTE_SRC_RING_H
#define CHUTE_SRC_RING_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define CHUTE_LINE __attribute__((aligned(64)))

/* The most producers at a time that share a ring. */
#define CHUTE_SLOTS 192

/* Page 0. Of a BPF map: read-only, and only consumer_pos is there. */
struct chute_consumer_page {
	unsigned long consumer_pos;
	/* What follows is used in memory rings only. */
	__u64 drainer CHUTE_LINE;   /* identity of the process that drains now, or 0 */
	__u64 partial;		    /* what the next record's messages were delivered of */
	__u32 space_seq CHUTE_LINE; /* futex: moves when the consumer wakes producers */
	__u32 magic CHUTE_LINE;
	__u32 version;
	__u64 size; /* data bytes */
	__u64 page_size;
};

/* Page 1. */
struct chute_producer_page {
	unsigned long producer_pos;
	__u64 owner CHUTE_LINE;	   /* identity of the sole producer's process, or 0 */
	__u32 blocked;		   /* it waits for space */
	__u32 sleepers CHUTE_LINE; /* a producer sleeps, or is about to */
	/* Memory rings: */
	__u32 data_seq CHUTE_LINE; /* futex: moves when a producer wakes the consumer */
	__u32 data_sleepers;	   /* a consumer sleeps, or is about to */
	/* Many producers: who reserves now, or 0; see share.c. */
	__u64 lock CHUTE_LINE;
	__u64 takeovers; /* of the lock, from the dead */
	__u64 recovered; /* records of the dead, discarded */
	/* Written by the sole producer, or under the lock, or where that is not held by
	 * an atomic addition; never in the fast path of another. See chute/inspect.h. */
	__u64 records;
	__u64 discards;
	__u64 full;
	__u64 blocked_ns;
	struct chute_slot {
		__u64 owner;	  /* identity of the producer's process, or 0 */
		__u32 generation; /* of the slot: moves when it is taken and when it is left */
		__u32 blocked;	  /* threads that wait for space */
	} slots[CHUTE_SLOTS] CHUTE_LINE;
};

enum chute_backend {
	CHUTE_BACKEND_MAP,    /* the kernel drains; page 0 can't be written */
	CHUTE_BACKEND_MEMORY, /* chute_drain() does */
};

struct chute_ring {
	struct chute_consumer_page *consumer;
	struct chute_producer_page *producer;
	char *data;
	size_t size; /* data bytes, a power of two */
	enum chute_backend backend;
	int fd; /* a map's, ours; -1 for a memory ring: closing one would drop POSIX locks */
	void *consumer_mapping, *producer_mapping;
	size_t consumer_mapping_size, producer_mapping_size;
};

/* What chute/inspect.h gives out: a ring, for looking. */
struct chute_view {
	struct chute_ring ring;
};

/* Both take a descriptor that stays the caller's. Return 0, or -errno:
 * -EINVAL for what is not such a ring, -E2BIG where it can't be addressed. */
int chute_ring_map(struct chute_ring *ring, int map_fd);
int chute_ring_map_memory(struct chute_ring *ring, int fd);

/* The same, for looking only: nothing of it can be written. */
int chute_ring_view(struct chute_ring *ring, int map_fd);
int chute_ring_view_memory(struct chute_ring *ring, int fd);

void chute_ring_unmap(struct chute_ring *ring);

/* Close the descriptor of a map. What waits for it already goes on: the mapping keeps the
 * file. */
void chute_ring_close_fd(struct chute_ring *ring);

/* A ring over the caller's memory: three zeroed areas, @data of twice @size bytes
 * where the second half need not be the first one again. For tests. */
void chute_ring_init(struct chute_ring *ring, struct chute_consumer_page *consumer,
		     struct chute_producer_page *producer, void *data, size_t size);

/* Is it a power of two and a multiple of the page size that a ring can have? */
bool chute_ring_size_ok(size_t size);

#endif
