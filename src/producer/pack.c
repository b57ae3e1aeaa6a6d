/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pack.c: opens and closes packed records.
 *
 * A packed record is reserved at full length and cut to what it holds when it is
 * closed: by moving head_pos back, or, where others have been reserved beside it,
 * by a discarded record over the rest. A run is tried first; after a run that a
 * message of another size has cut short, the next record is mixed, and after a
 * mixed one in which all sizes were equal, the next is a run.
 */
#include "fail.h"
#include "producer/producer.h"
#include "ring/record.h"

#include <string.h>

#define SHORT_RUN 16 /* messages; a longer run may be cut without regret */

/* The most bytes of messages in a packed record of this ring. */
static __u32 room_max(const struct chute_producer *p)
{
	size_t quarter = p->ring.size / 4 - sizeof(struct chute_packed) - CHUTE_HEADER_SIZE;

	return quarter < CHUTE_PACK_BYTES_MAX ? (__u32)quarter : CHUTE_PACK_BYTES_MAX;
}

/* The bytes that a message takes in the open record, or in the next one. */
static __u32 message_takes(const struct chute_producer *p, __u32 size)
{
	return p->pack.mixed ? sizeof(struct chute_message) + ((size + 7) & ~7U)
			     : chute_message_bytes(size);
}

static char *first_message(const struct chute_producer *p)
{
	return p->pack.payload + sizeof(struct chute_packed);
}

/* Fill in the packed record's header, or make a plain record of a message that is
 * alone in it. Returns the payload's size. */
static __u32 seal(struct chute_producer *p)
{
	struct chute_packed *pack = (struct chute_packed *)p->pack.payload;
	char *first = first_message(p), *end = p->fast.pack_next;
	__u32 size = p->fast.pack_size; /* the first one's */
	__u64 magic = CHUTE_PACK_MAGIC;

	bool alone = (size_t)(end - first) == message_takes(p, size);

	if (p->pack.mixed)
		first += sizeof(struct chute_message);
	if (alone && (size < sizeof(magic) || memcmp(first, &magic, sizeof(magic)))) {
		memmove(p->pack.payload, first, size);
		return size;
	}
	pack->magic = magic;
	pack->size = p->pack.mixed ? CHUTE_PACK_MIXED : size;
	pack->bytes = (__u32)(end - first_message(p));
	return (__u32)(end - p->pack.payload);
}

void chute_pack_close(struct chute_producer *p)
{
	struct chute *c = &p->fast;
	void *payload = p->pack.payload ? p->pack.payload : p->pack.single;
	bool is_ours;

	if (!payload)
		return;
	/* In a child of fork() it is the parent's. */
	is_ours = chute_producer_is_ours(p);
	/* Where somebody else has produced, it may lie among his by now, and not a byte
	 * of it is touched. */
	if (p->pack.payload && is_ours && p->kind->is_intact(p)) {
		p->kind->shorten(p, p->pack.payload, (__u32)(p->pack.end - p->pack.payload),
				 seal(p));
		if (p->pack.mixed)
			p->pack.next_mixed = c->pack_varied != 0;
	}
	p->pack.payload = NULL;
	p->pack.single = NULL;
	chute_producer_shorten(p);
	c->pack_next = (char *)1;
	c->pack_last = c->pack_end = NULL;
	if (is_ours)
		chute_submit(c, payload);
}

static void *place_first(struct chute_producer *p, __u32 size)
{
	struct chute *c = &p->fast;
	char *message = first_message(p);

	c->pack_size = size;
	c->pack_next = message;
	if (p->pack.mixed) {
		c->pack_end = p->pack.end;
		c->pack_varied = 0;
		return chute_pack_mixed(c, size);
	}
	c->pack_last = p->pack.end - chute_message_bytes(size);
	c->pack_next = message + chute_message_bytes(size);
	return message;
}

/* A message that belongs into no packed record. */
static void *place_single(struct chute_producer *p, __u32 size, __s64 timeout_ns)
{
	p->pack.single = chute_reserve_for(&p->fast, size, timeout_ns);
	chute_producer_shorten(p);
	return p->pack.single;
}

/*
 * Open a packed record and place the first message. With little space a shorter
 * one has to do, but a caller that can wait had better: short records make for
 * short gaps, and those for short records again.
 */
static void *open_and_place(struct chute_producer *p, __u32 size, __s64 timeout_ns)
{
	__u32 room = room_max(p), need;
	char *payload;

	p->pack.mixed = p->pack.next_mixed;
	need = message_takes(p, size);
	if (size > CHUTE_PACK_MESSAGE_MAX || need > room)
		return place_single(p, size, timeout_ns);
	payload = chute_reserve_for(&p->fast, sizeof(struct chute_packed) + room, timeout_ns);
	while (!payload && errno == ENOSPC && room > need) {
		room = room / 2 & ~7U;
		if (room < need)
			room = need;
		payload = chute_reserve(&p->fast, sizeof(struct chute_packed) + room);
	}
	if (!payload)
		return NULL;
	p->pack.payload = payload;
	chute_producer_shorten(p);
	p->pack.end = payload + sizeof(struct chute_packed) + room;
	return place_first(p, size);
}

/* In the open record, as chute_pack(), or NULL. Where somebody else has produced, that is
 * no place of ours. */
static void *place_next(struct chute_producer *p, __u32 size)
{
	struct chute *c = &p->fast;
	char *next = c->pack_next;

	if (!p->kind->is_intact(p))
		return NULL;
	if (size == c->pack_size && next <= c->pack_last) {
		c->pack_next = next + chute_message_bytes(size);
		return next;
	}
	return c->pack_end ? chute_pack_mixed(c, size) : NULL;
}

void *chute_pack_for(struct chute *c, __u32 size, __s64 timeout_ns)
{
	struct chute_producer *p = chute_producer_of(c);
	int saved = errno;
	void *message;

	if (timeout_ns < 0 && timeout_ns != CHUTE_FOREVER)
		return chute_fail(EINVAL);
	message = place_next(p, size);
	if (message)
		return message;
	/* A run that another size cuts short. */
	if (c->pack_last && size != c->pack_size && size <= CHUTE_PACK_MESSAGE_MAX)
		p->pack.next_mixed = c->pack_next - first_message(p) <
				     SHORT_RUN * (long)chute_message_bytes(c->pack_size);
	chute_pack_close(p);
	message = open_and_place(p, size, timeout_ns);
	if (message)
		errno = saved;
	return message;
}

void *chute_pack_slow(struct chute *c, __u32 size)
{
	return chute_pack_for(c, size, 0);
}

int chute_flush(struct chute *c)
{
	struct chute_producer *p = chute_producer_of(c);

	chute_pack_close(p);
	chute_publish(c);
	return chute_producer_is_lost(p) ? -EBUSY : 0;
}
