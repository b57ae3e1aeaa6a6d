/* SPDX-License-Identifier: BSD-2-Clause */
/* model.c: see model.h. */
#include "model.h"
#include "plain.h"

#include <errno.h>
#include <string.h>

void model_init(struct model *m, struct chute *chute, const struct chute_ring *ring)
{
	memset(m, 0, sizeof(*m));
	m->chute = chute;
	m->ring = ring;
}

static unsigned char byte_of(__u64 id, __u32 i)
{
	return (unsigned char)(id * 167 + i * 13 + (i >> 8));
}

static void fill(struct model_record *r, __u32 from, __u32 to)
{
	__u32 i;

	for (i = from; i < to; i++)
		r->payload[i] = (char)byte_of(r->id, i);
}

static void assert_published(const struct model *m, unsigned long start_pos)
{
	unsigned long pos = m->published ? m->records[m->published - 1].end_pos : start_pos;

	assert_int_equal(m->ring->producer->producer_pos, pos);
}

static unsigned long consumer_pos(const struct model *m)
{
	return chute_load_acquire(&m->ring->consumer->consumer_pos);
}

static unsigned long head_pos(const struct model *m)
{
	return m->count ? m->records[m->count - 1].end_pos : consumer_pos(m);
}

void model_reserve(struct model *m, __u32 size)
{
	const __u64 bytes = chute_record_bytes(size);
	const size_t free = m->ring->size - (head_pos(m) - consumer_pos(m));
	const int err = bytes > m->ring->size ? E2BIG : bytes > free ? ENOSPC : UNTOUCHED;
	struct model_record *r = &m->records[m->count];
	char *payload;

	errno = UNTOUCHED;
	payload = chute_reserve(m->chute, size);
	assert_int_equal(errno, err);
	if (err == ENOSPC)
		m->published = m->staged;
	if (err != UNTOUCHED) {
		assert_null(payload);
	} else {
		assert_ptr_equal(payload, m->ring->data + (head_pos(m) & (m->ring->size - 1)) + 8);
		*r = (struct model_record){ .id = ++m->ids,
					    .size = size,
					    .end_pos = head_pos(m) + (unsigned long)bytes,
					    .payload = payload };
		m->count++;
		/* Part of the payload now, part of it when it is finished. */
		fill(r, 0, size / 2);
	}
	assert_published(m, consumer_pos(m));
	assert_int_equal(chute_used(m->chute), head_pos(m) - consumer_pos(m));
}

size_t model_open_count(const struct model *m)
{
	size_t i, open = 0;

	for (i = 0; i < m->count; i++)
		open += m->records[i].state == MODEL_OPEN;
	return open;
}

void model_finish(struct model *m, size_t nth, enum model_how how)
{
	struct model_record *r = m->records;

	for (;; r++)
		if (r->state == MODEL_OPEN && nth-- == 0)
			break;
	fill(r, r->size / 2, r->size);
	errno = UNTOUCHED;
	if (how == MODEL_SUBMIT)
		chute_submit(m->chute, r->payload);
	else if (how == MODEL_DISCARD)
		chute_discard(m->chute, r->payload);
	else
		chute_stage(m->chute, r->payload);
	assert_int_equal(errno, UNTOUCHED);
	r->state = how == MODEL_DISCARD ? MODEL_DISCARDED : MODEL_FINISHED;
	m->staged = m->count;
	if (how != MODEL_STAGE)
		m->published = m->staged;
	assert_published(m, consumer_pos(m));
}

void model_publish(struct model *m)
{
	errno = UNTOUCHED;
	chute_publish(m->chute);
	assert_int_equal(errno, UNTOUCHED);
	m->published = m->staged;
	assert_published(m, consumer_pos(m));
}

/* The next record that is not discarded. */
static const struct model_record *next_seen(struct model *m, __u32 size)
{
	const struct model_record *r;

	while (m->seen < m->published && m->records[m->seen].state == MODEL_DISCARDED)
		m->seen++;
	assert_true(m->seen < m->published);
	r = &m->records[m->seen++];
	assert_int_equal(r->state, MODEL_FINISHED);
	assert_int_equal(r->size, size);
	return r;
}

void model_saw(struct model *m, const void *payload, __u32 size)
{
	const struct model_record *r = next_seen(m, size);
	const unsigned char *bytes = payload;
	__u32 i;

	for (i = 0; i < size; i++)
		assert_int_equal(bytes[i], byte_of(r->id, i));
}

void model_saw_ends(struct model *m, __u64 first, __u64 last, __u32 size)
{
	const struct model_record *r = next_seen(m, size);
	const __u32 known = size < 8 ? size : 8;
	__u32 i;

	for (i = 0; i < known; i++) {
		assert_int_equal(first >> 8 * i & 0xff, byte_of(r->id, i));
		assert_int_equal(last >> 8 * i & 0xff, byte_of(r->id, size - known + i));
	}
}

void model_drain(struct model *m)
{
	const unsigned long start_pos = consumer_pos(m);
	unsigned long end_pos = start_pos;
	size_t i = 0, records = 0;

	for (; i < m->published && m->records[i].state != MODEL_OPEN; i++) {
		records += m->records[i].state == MODEL_FINISHED;
		end_pos = m->records[i].end_pos;
	}
	m->seen = 0;
	assert_int_equal(m->drain(m), records);
	assert_int_equal(consumer_pos(m), end_pos);
	m->count -= i;
	m->staged -= i < m->staged ? i : m->staged;
	m->published -= i;
	memmove(m->records, m->records + i, m->count * sizeof(*m->records));
	assert_published(m, end_pos);
}

void model_close(struct model *m)
{
	m->published = m->staged;
	m->count = m->staged;
}
