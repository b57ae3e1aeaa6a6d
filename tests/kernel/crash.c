/* SPDX-License-Identifier: BSD-2-Clause */
/* crash.c: see crash.h. */
#include "support.h"

#include "crash.h"
#include "owner.h"
#include "producer/producer.h"
#include "producer/heal.h"
#include "producer/recover.h"

#include <string.h>

const char *const crash_names[CRASH_FINDS] = {
	[CRASH_BUSY_HEAD] = "unfinished, at the head",
	[CRASH_BUSY_LATER] = "unfinished, behind committed ones",
	[CRASH_BATCH] = "an unfinished batch",
	[CRASH_BATCH_HEADERS] = "an unfinished batch without all of its headers",
	[CRASH_BATCH_SKIP] = "an unfinished batch, some skipped",
	[CRASH_DISCARDED] = "unfinished and discarded by others",
	[CRASH_UNPUBLISHED] = "reserved beyond the producer",
	[CRASH_STAGED] = "staged beyond the producer",
	[CRASH_HEADER_BEYOND] = "a header beyond the producer",
	[CRASH_PACK] = "an unfinished packed record",
	[CRASH_LOCK] = "the lock of the dead",
	[CRASH_SLOT_LEFT] = "a slot in its next generation",
	[CRASH_LIBBPF] = "unfinished, of libbpf",
	[CRASH_POISONED] = "a poisoned header",
};

static __u64 below(__u64 *random, __u64 limit)
{
	return next_random(random) % limit;
}

static void found(struct crash *crash, enum crash_find what)
{
	crash->finds[what]++;
}

static struct chute_header *header_of(void *payload)
{
	return (struct chute_header *)payload - 1;
}

static unsigned long position_of(const struct crash *crash, void *payload)
{
	size_t mask = crash->ring->size - 1;
	unsigned long off = (unsigned long)((char *)header_of(payload) - crash->ring->data);

	return crash->start_pos + ((off - crash->start_pos) & mask);
}

/* ---- payloads ---- */

static unsigned char byte_of(__u64 number, __u32 i)
{
	return (unsigned char)(number >> i % 8 * 8 ^ i / 8);
}

static void fill(void *payload, __u64 number, __u32 size)
{
	__u32 i;

	for (i = 0; i < size; i++)
		((unsigned char *)payload)[i] = byte_of(number, i);
}

static bool is_filled(const char *payload, __u64 number, __u32 size)
{
	__u32 i;

	for (i = 0; i < size; i++)
		if ((unsigned char)payload[i] != byte_of(number, i))
			return false;
	return true;
}

/* This one is to arrive. */
static void commit(struct crash *crash, void *payload, __u32 size, __u64 number)
{
	fill(payload, number, size);
	crash->records[crash->count].number = number;
	crash->records[crash->count].size = size;
	crash->records[crash->count++].pos = position_of(crash, payload);
}

static void leave(struct crash *crash, void *payload)
{
	found(crash,
	      position_of(crash, payload) == crash->start_pos ? CRASH_BUSY_HEAD : CRASH_BUSY_LATER);
}

/* ---- calls ---- */

static bool single(struct crash *crash, struct chute *c, __u64 *random)
{
	__u32 size = (__u32)below(random, 100);
	void *payload = chute_reserve(c, size);

	if (!payload)
		return false;
	switch (below(random, 4)) {
	case 0:
		leave(crash, payload);
		fill(payload, 0, size / 2);
		break;
	case 1:
		chute_discard(c, payload);
		break;
	default:
		commit(crash, payload, size, next_random(random));
		chute_submit(c, payload);
		break;
	}
	return true;
}

/* The rest of them would have come later; as little is there as a death lets be. */
static void break_batch(struct crash *crash, void *first, __u32 count, __u32 size, __u64 *random)
{
	__u32 from = 1 + (__u32)below(random, count), i;
	void *payload = first;

	found(crash, CRASH_BATCH);
	leave(crash, first);
	for (i = 0; i < count; i++, payload = chute_batch_next(payload, size)) {
		if (i < from) {
			if (!below(random, 4)) {
				chute_batch_skip(payload);
				found(crash, CRASH_BATCH_SKIP);
			}
		} else {
			header_of(payload)->len = (__u32)next_random(random);
			found(crash, CRASH_BATCH_HEADERS);
		}
	}
}

static bool batch(struct crash *crash, struct chute *c, __u64 *random)
{
	__u32 size = (__u32)below(random, 40), count = 2 + (__u32)below(random, 8), i;
	bool unfinished = !chute_producer_of(c)->kind->alone && !below(random, 3);
	void *first = chute_reserve_batch(c, count, size), *payload = first;

	if (!first)
		return false;
	if (unfinished) {
		break_batch(crash, first, count, size, random);
		return true;
	}
	for (i = 0; i < count; i++, payload = chute_batch_next(payload, size)) {
		if (below(random, 4))
			commit(crash, payload, size, next_random(random));
		else
			chute_batch_skip(payload);
	}
	chute_submit(c, first);
	return true;
}

/* The last call: any other one finishes it. */
static bool packed(struct crash *crash, struct chute *c, __u64 *random)
{
	__u32 i, messages = 1 + (__u32)below(random, 4);

	for (i = 0; i < messages; i++)
		if (!chute_pack(c, 16))
			return false;
	found(crash, CRASH_PACK);
	return true;
}

/* Returns whether there may be another call. */
static bool produce(struct crash *crash, struct chute *c, __u64 *random)
{
	__u64 calls = below(random, 24);
	bool more = true;

	while (calls-- && more)
		more = below(random, 4) ? single(crash, c, random) : batch(crash, c, random);
	return below(random, 4) || !packed(crash, c, random);
}

/* ---- ends ---- */

static void open_producer(struct chute_producer *p, const struct chute_ring *ring, __u32 flags)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };

	assert_int_equal(chute_producer_init(p, ring, &opts), 0);
}

/* Somebody else is in the slot, in the middle of it, or nobody. */
static void end_slot(struct crash *crash, __u64 dead, __u64 *random)
{
	struct chute_producer_page *page = crash->ring->producer;
	int i;

	for (i = 0; page->slots[i].owner != chute_owner_self(); i++)
		assert_true(i < CHUTE_SLOTS);
	page->slots[i].owner = dead;
	if (!below(random, 4)) {
		page->slots[i].generation++;
		page->slots[i].owner = below(random, 2) ? chute_owner_self() : 0;
		found(crash, CRASH_SLOT_LEFT);
	}
	if (!below(random, 4)) {
		page->lock = dead;
		found(crash, CRASH_LOCK);
	}
}

/* Some have been through with one already, when they died as well. */
static void discard_some(struct crash *crash, __u64 *random)
{
	unsigned long pos = crash->start_pos, end = crash->ring->producer->producer_pos;
	struct chute_header *header;

	while ((long)(end - pos) > 0) {
		header = (struct chute_header *)(crash->ring->data +
						 (pos & (crash->ring->size - 1)));
		if (header->len & CHUTE_BUSY && !below(random, 4)) {
			header->len |= CHUTE_DISCARD;
			found(crash, CRASH_DISCARDED);
		}
		pos += (unsigned long)chute_record_bytes(header->len & CHUTE_LENGTH_MASK);
	}
}

/* In the middle of reserve: the next header is there, or half of it. */
static void begin_header(struct crash *crash, __u64 *random)
{
	unsigned long pos = crash->ring->producer->producer_pos;
	struct chute_header *header;

	if (pos - crash->start_pos == crash->ring->size || below(random, 3))
		return;
	header = (struct chute_header *)(crash->ring->data + (pos & (crash->ring->size - 1)));
	header->pad = (__u32)next_random(random);
	if (below(random, 2))
		header->len = (__u32)below(random, 100) | CHUTE_BUSY;
	found(crash, CRASH_HEADER_BEYOND);
}

static void die_sharing(struct crash *crash, __u64 dead, __u64 *random)
{
	struct chute_producer p;

	open_producer(&p, crash->ring, CHUTE_SHARED);
	produce(crash, &p.fast, random);
	end_slot(crash, dead, random);
	discard_some(crash, random);
	begin_header(crash, random);
	chute_wait_fini(&p.wait);
}

/* What was not published is lost with its producer, and not from the ring. */
static void die_alone(struct crash *crash, __u64 dead, __u64 *random)
{
	struct chute_producer_page *page = crash->ring->producer;
	struct chute_producer p;
	void *payload;
	bool more;

	open_producer(&p, crash->ring, 0);
	more = produce(crash, &p.fast, random);
	payload = more && !below(random, 4) ? chute_reserve(&p.fast, 24) : NULL;
	if (payload) {
		commit(crash, payload, 24, next_random(random));
		chute_stage(&p.fast, payload);
		found(crash, CRASH_STAGED);
	}
	while (crash->count &&
	       (long)(crash->records[crash->count - 1].pos - page->producer_pos) >= 0)
		crash->count--;
	if (p.fast.head_pos != page->producer_pos)
		found(crash, CRASH_UNPUBLISHED);
	page->owner = dead;
	chute_wait_fini(&p.wait);
}

/* As user_ring_buffer__reserve() and __submit() do. */
static void die_with_libbpf(struct crash *crash, __u64 *random)
{
	struct chute_producer_page *page = crash->ring->producer;
	__u64 calls = below(random, 24);
	struct chute_header *header;
	__u32 size;

	while (calls--) {
		size = (__u32)below(random, 100);
		header = (struct chute_header *)(crash->ring->data +
						 (page->producer_pos & (crash->ring->size - 1)));
		*header = (struct chute_header){ .len = size | CHUTE_BUSY };
		page->producer_pos += (unsigned long)chute_record_bytes(size);
		if (below(random, 4)) {
			commit(crash, header + 1, size, next_random(random));
			header->len = size;
		} else {
			leave(crash, header + 1);
			found(crash, CRASH_LIBBPF);
		}
	}
}

/* Of a producer that is no friend. What is behind it can't be told apart. */
static void poison(struct crash *crash, __u64 *random)
{
	static const __u32 lens[] = { CHUTE_LENGTH_MASK, 1U << 24, 1U << 20 };
	struct chute_header *header;
	unsigned long pos;

	if (!crash->count)
		return;
	crash->count = (__u32)below(random, crash->count);
	pos = crash->records[crash->count].pos;
	header = (struct chute_header *)(crash->ring->data + (pos & (crash->ring->size - 1)));
	header->len = lens[below(random, 3)];
	found(crash, CRASH_POISONED);
}

void crash_make(struct crash *crash, const struct chute_ring *ring, __u64 dead, __u64 *random)
{
	crash->ring = ring;
	crash->start_pos = ring->consumer->consumer_pos;
	crash->count = crash->arrived = 0;
	crash->shared = below(random, 2);
	if (crash->shared)
		die_sharing(crash, dead, random);
	else if (below(random, 2))
		die_alone(crash, dead, random);
	else
		die_with_libbpf(crash, random);
	if (!crash->shared && !below(random, 4))
		poison(crash, random);
}

/* ---- afterwards ---- */

void crash_mend(const struct crash *crash, const struct chute_ring *ring, bool recover)
{
	if (crash->shared && !recover)
		chute_heal(ring, CHUTE_HEAL_ALL);
	else
		chute_recover(ring);
}

bool crash_arrived(struct crash *crash, const struct oracle_log *log)
{
	const struct oracle_entry *entry;
	__u32 i;

	for (i = 0; i < log->count; i++, crash->arrived++) {
		entry = &log->entries[i];
		if (crash->arrived == crash->count ||
		    entry->size != crash->records[crash->arrived].size ||
		    !is_filled(log->bytes + entry->at, crash->records[crash->arrived].number,
			       entry->size))
			return false;
	}
	return true;
}
