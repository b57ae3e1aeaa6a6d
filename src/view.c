/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.c: a look at a ring from outside. Everything is read once, from memory that
 * anyone may write at any time; nothing is written.
 */
#include "opts.h"
#include "owner.h"
#include "ring/record.h"
#include "ring/pad.h"

#include <chute/chute.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a caller's struct must have: later versions only add to the end. */
#define STAT_LEAST     offsetof(struct chute_stat, counted)
#define PRODUCER_LEAST offsetof(struct chute_producer_info, elsewhere)

#define LOOKS	       16 /* at positions that move, until we say so */

static struct chute_view *view_open(int (*map)(struct chute_ring *ring, int fd), int fd)
{
	struct chute_view *view = malloc(sizeof(*view));
	int err;

	err = view ? map(&view->ring, fd) : -ENOMEM;
	if (!err)
		return view;
	free(view);
	errno = -err;
	return NULL;
}

struct chute_view *chute_view_open_map(int map_fd)
{
	return view_open(chute_ring_view, map_fd);
}

struct chute_view *chute_view_open_memory(int fd)
{
	return view_open(chute_ring_view_memory, fd);
}

void chute_view_close(struct chute_view *view)
{
	if (!view)
		return;
	chute_ring_unmap(&view->ring);
	free(view);
}

/* ---- positions and counters ---- */

static unsigned long consumer_pos(const struct chute_ring *ring)
{
	/* C0: pairs with D2. What was read before it lay there before that. */
	return chute_load_acquire(&ring->consumer->consumer_pos);
}

/* False if the consumer moves on and on: then its position is the older one. */
static bool look_at_positions(const struct chute_ring *ring, unsigned long *cons,
			      unsigned long *prod)
{
	int i;

	for (i = 0; i < LOOKS; i++) {
		*cons = consumer_pos(ring);
		*prod = chute_ring_producer_pos(ring);
		/* Positions only grow: what is the same before and after was in between. */
		if (consumer_pos(ring) == *cons)
			return true;
	}
	return false;
}

static void count_producers(const struct chute_view *view, struct chute_stat *stat)
{
	const struct chute_producer_page *page = view->ring.producer;
	const struct chute_slot *slot;
	__u64 word = chute_load_relaxed(&page->owner), dead = 0, live = 0;
	int i;

	if (chute_owner_state(word) != CHUTE_OWNER_DEAD) {
		stat->producers++;
		stat->blocked += chute_load_relaxed(&page->blocked);
	}
	for (i = 0; i < CHUTE_SLOTS; i++) {
		slot = &page->slots[i];
		word = chute_load_relaxed(&slot->owner);
		/* A verdict takes time, and one process may be in many slots. */
		if (!word || word == dead)
			continue;
		if (word != live && chute_owner_state(word) == CHUTE_OWNER_DEAD) {
			dead = word;
			continue;
		}
		live = word;
		stat->producers++;
		stat->blocked += chute_load_relaxed(&slot->blocked);
	}
}

int chute_view_stat(const struct chute_view *view, struct chute_stat *stat)
{
	const struct chute_ring *ring = &view->ring;
	const struct chute_producer_page *page = ring->producer;
	struct chute_stat now = { .size = ring->size };

	now.moving = !look_at_positions(ring, &now.consumer_pos, &now.producer_pos);
	if (!chute_is_empty(now.consumer_pos, now.producer_pos, ring->size))
		now.used = now.producer_pos - now.consumer_pos;
	if (now.used > ring->size)
		now.used = ring->size;
	now.records = chute_load_relaxed(&page->records);
	now.discards = chute_load_relaxed(&page->discards);
	now.full = chute_load_relaxed(&page->full);
	now.blocked_ns = chute_load_relaxed(&page->blocked_ns);
	now.takeovers = chute_load_relaxed(&page->takeovers);
	now.recovered = chute_load_relaxed(&page->recovered);
	now.counted = now.records || now.full;
	count_producers(view, &now);
	return chute_fill(stat, STAT_LEAST, &now, sizeof(now));
}

/* ---- producers ---- */

/* Returns 0, -ENOENT where there is none, or -EINVAL. */
static int describe(struct chute_producer_info *info, __u32 index, const __u64 *owner,
		    __u32 blocked)
{
	static const __u32 states[] = {
		[CHUTE_OWNER_DEAD] = CHUTE_PRODUCER_DEAD,
		[CHUTE_OWNER_ALIVE] = CHUTE_PRODUCER_ALIVE,
		[CHUTE_OWNER_FOREIGN] = CHUTE_PRODUCER_FOREIGN,
	};
	__u64 word = chute_load_relaxed(owner);
	const struct chute_producer_info now = {
		.index = index,
		.pid = (__u32)chute_owner_pid(word),
		.state = word ? states[chute_owner_state(word)] : CHUTE_PRODUCER_DEAD,
		.blocked = blocked,
		.elsewhere = word && chute_owner_is_elsewhere(word),
	};

	return word ? chute_fill(info, PRODUCER_LEAST, &now, sizeof(now)) : -ENOENT;
}

static int describe_at(const struct chute_view *view, __u32 index, struct chute_producer_info *info)
{
	const struct chute_producer_page *page = view->ring.producer;
	const struct chute_slot *slot;

	if (!index)
		return describe(info, 0, &page->owner, chute_load_relaxed(&page->blocked));
	slot = &page->slots[index - 1];
	return describe(info, index, &slot->owner, chute_load_relaxed(&slot->blocked));
}

int chute_view_producer(const struct chute_view *view, struct chute_producer_info *info)
{
	int err = -ENOENT;
	__u32 index;

	if (info->sz < PRODUCER_LEAST)
		return -EINVAL;
	for (index = info->index; err == -ENOENT && index <= CHUTE_SLOTS; index++)
		err = describe_at(view, index, info);
	return err;
}

int chute_view_holder(const struct chute_view *view, enum chute_hold what,
		      struct chute_producer_info *info)
{
	const struct chute_ring *ring = &view->ring;

	if (info->sz < PRODUCER_LEAST)
		return -EINVAL;
	if (what == CHUTE_HOLD_LOCK)
		return describe(info, 0, &ring->producer->lock, 0);
	if (what != CHUTE_HOLD_DRAIN)
		return -EINVAL;
	/* The kernel's page has its own words there. */
	if (ring->backend != CHUTE_BACKEND_MEMORY)
		return -ENOENT;
	return describe(info, 0, &ring->consumer->drainer, 0);
}

int chute_view_record_producer(const struct chute_view *view, const struct chute_record *record,
			       struct chute_producer_info *info)
{
	const struct chute_ring *ring = &view->ring;
	__u32 pad;
	int slot;

	if (info->sz < PRODUCER_LEAST)
		return -EINVAL;
	pad = chute_load_relaxed(&chute_ring_header(ring, record->pos & ~7UL)->pad);
	slot = chute_pad_slot(pad);
	if (slot >= 0 && !chute_pad_is_current(pad, &ring->producer->slots[slot]))
		slot = -1;
	return describe_at(view, slot < 0 ? 0 : (__u32)slot + 1, info);
}

/* ---- records ---- */

int chute_peek(const struct chute_view *view, unsigned long pos, struct chute_record *record)
{
	return chute_ring_peek(&view->ring, pos, record);
}

int chute_view_read(const struct chute_view *view, unsigned long pos, struct chute_record *record,
		    void *copy, size_t bytes)
{
	int ret = chute_ring_peek(&view->ring, pos, record);

	if (ret == 1)
		memcpy(copy, record->payload, bytes < record->size ? bytes : record->size);
	/* A producer may only have overwritten it if the consumer is past it. */
	if ((long)(consumer_pos(&view->ring) - pos) > 0)
		return -EAGAIN;
	return ret;
}

/* ---- images ---- */

static int write_at(int fd, const void *data, size_t bytes, size_t at)
{
	const char *from = data;
	ssize_t n;

	while (bytes) {
		n = pwrite(fd, from, bytes, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		from += n;
		at += (size_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

int chute_view_save(const struct chute_view *view, int fd)
{
	const struct chute_ring *ring = &view->ring;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct chute_producer_page producer = { 0 };
	struct chute_stat stat = { .sz = sizeof(stat) };
	int err;

	err = chute_memory_format(fd, ring->size);
	if (err)
		return err;
	chute_view_stat(view, &stat);
	producer.producer_pos = stat.producer_pos;
	producer.records = stat.records;
	producer.discards = stat.discards;
	producer.full = stat.full;
	producer.blocked_ns = stat.blocked_ns;
	producer.takeovers = stat.takeovers;
	producer.recovered = stat.recovered;
	err = write_at(fd, &stat.consumer_pos, sizeof(stat.consumer_pos), 0);
	if (!err)
		err = write_at(fd, &producer, sizeof(producer), page);
	return err ? err : write_at(fd, ring->data, ring->size, 2 * page);
}
