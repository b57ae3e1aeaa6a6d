/* SPDX-License-Identifier: BSD-2-Clause */
/* pack_model.c: see pack_model.h. */
#include "pack_model.h"
#include "plain.h"

#include <errno.h>
#include <string.h>

void pack_model_init(struct pack_model *m, struct chute *chute, __u64 *random)
{
	m->chute = chute;
	m->random = random;
	m->shared = !chute_producer_of(chute)->kind->alone;
	m->receive = NULL;
	m->message_max = ~0U;
	m->record_count = m->staged = m->published = m->message_count = 0;
	m->packed = NULL;
	m->expected = (struct received){ 0 };
	m->too_long = 0;
}

/* ---- messages ---- */

static __u64 bytes_of_message[PACK_LARGEST / 8];

static const void *bytes_of(const struct pack_message *message)
{
	__u32 i;

	for (i = 0; i < (message->size + 7) / 8; i++)
		bytes_of_message[i] = (message->id + i) * 0x9e3779b97f4a7c15ULL;
	if (message->magic)
		bytes_of_message[0] = CHUTE_PACK_MAGIC;
	return bytes_of_message;
}

static void add_message(struct pack_model *m, struct pack_record *record, char *payload, __u32 size,
			bool magic)
{
	struct pack_message *message = &m->messages[m->message_count++];
	const struct chute *c = m->chute;

	*message = (struct pack_message){ .id = ++m->ids, .size = size, .magic = magic };
	record->messages++;
	assert_int_equal((uintptr_t)payload % 8, 0);
	assert_in_range((uintptr_t)payload, (uintptr_t)c->data + 8,
			(uintptr_t)c->data + 2 * chute_size(c) - size);
	memcpy(payload, bytes_of(message), size);
}

static struct pack_record *add_record(struct pack_model *m, char *payload)
{
	struct pack_record *record = &m->records[m->record_count++];

	*record = (struct pack_record){ .state = PACK_OPEN, .payload = payload };
	if (m->shared)
		m->staged = m->published = m->record_count;
	return record;
}

static void finished(struct pack_model *m, struct pack_record *record, enum pack_how how)
{
	record->state = how == PACK_DISCARD ? PACK_DISCARDED : PACK_FINISHED;
	m->staged = m->record_count;
	if (m->shared || how != PACK_STAGE)
		m->published = m->staged;
}

/* ---- the calls ---- */

static unsigned long free_bytes(const struct pack_model *m)
{
	return chute_size(m->chute) - chute_used(m->chute);
}

/* Whatever the next call is, it ends the packed record, unless it adds to it. */
static void end_packed(struct pack_model *m)
{
	if (m->packed)
		finished(m, m->packed, PACK_SUBMIT);
	m->packed = NULL;
}

/* A call failed, with no room for @bytes: what was finished is published. */
static void assert_no_room(struct pack_model *m, __u32 size, __u64 bytes)
{
	const int err = errno;

	if (size > chute_payload_max(m->chute) || bytes > chute_size(m->chute)) {
		assert_int_equal(err, E2BIG);
	} else {
		assert_int_equal(err, ENOSPC);
		assert_in_range(free_bytes(m), 0, bytes - 1);
		m->published = m->staged;
	}
}

/* Was the packed record at an end, as far as one of @size bytes goes? */
static void assert_full(const struct chute *c, const struct chute_packer *pack, __u32 size)
{
	const size_t room = (size_t)(pack->end - c->pack_next);

	if (pack->mixed)
		assert_true(size > CHUTE_PACK_MESSAGE_MAX || 8 + (size + 7) / 8 * 8 > room);
	else if (size == c->pack_size)
		assert_true(chute_message_bytes(size) > room);
}

static ptrdiff_t longest_payload(const struct chute *c)
{
	const size_t quarter = chute_size(c) / 4;

	return (ptrdiff_t)(quarter < 16384 ? quarter : 16384) - 8;
}

void pack_model_pack(struct pack_model *m, __u32 size, bool magic, __s64 timeout_ns)
{
	const struct chute_packer before = chute_producer_of(m->chute)->pack;
	const struct chute fast = *m->chute;
	const struct chute_packer *pack = &chute_producer_of(m->chute)->pack;
	char *payload;

	errno = UNTOUCHED;
	payload = timeout_ns < 0 ? chute_pack(m->chute, size)
				 : chute_pack_for(m->chute, size, timeout_ns);
	if (payload && m->packed && pack->payload && pack->payload == before.payload) {
		assert_int_equal(errno, UNTOUCHED);
		add_message(m, m->packed, payload, size, magic);
		return;
	}
	if (before.payload)
		assert_full(&fast, &before, size);
	end_packed(m);
	if (!payload) {
		/* The least: a record with a packed one's header, the length, and it. */
		assert_no_room(m, size, chute_record_bytes(size) + (size <= 1024 ? 24 : 0));
		return;
	}
	assert_int_equal(errno, UNTOUCHED);
	/* Had there been no room for a whole one, that published too. */
	if (pack->payload && pack->end - pack->payload < longest_payload(m->chute))
		m->published = m->staged;
	m->packed = add_record(m, pack->payload);
	add_message(m, m->packed, payload, size, magic);
}

void pack_model_flush(struct pack_model *m)
{
	errno = UNTOUCHED;
	if (next_random(m->random) % 4)
		assert_int_equal(chute_flush(m->chute), 0);
	else if (chute_producer_of(m->chute)->ring.backend == CHUTE_BACKEND_MEMORY)
		assert_int_equal(chute_kick(m->chute), 0);
	else
		assert_int_equal(chute_kick(m->chute), -EOPNOTSUPP);
	assert_int_equal(errno, UNTOUCHED);
	end_packed(m);
	m->published = m->staged;
}

void pack_model_reserve(struct pack_model *m, __u32 size)
{
	char *payload;

	errno = UNTOUCHED;
	if (next_random(m->random) % 2)
		payload = chute_reserve(m->chute, size);
	else
		payload = chute_reserve_for(m->chute, size, 0);
	end_packed(m);
	if (!payload) {
		assert_no_room(m, size, chute_record_bytes(size));
		return;
	}
	assert_int_equal(errno, UNTOUCHED);
	add_message(m, add_record(m, payload), payload, size, false);
}

static void skip_some(struct pack_model *m, struct pack_record *record, size_t first)
{
	const __u64 which = next_random(m->random) & next_random(m->random);
	char *payload = record->payload;
	size_t i;

	for (i = 0; i < record->messages; i++) {
		if (which >> i % 64 & 1) {
			chute_batch_skip(payload);
			m->messages[first + i].skipped = true;
		}
		payload = chute_batch_next(payload, m->messages[first].size);
	}
}

void pack_model_batch(struct pack_model *m, __u32 count, __u32 size)
{
	struct pack_record *record;
	char *payload;
	__u32 i;

	errno = UNTOUCHED;
	if (next_random(m->random) % 2)
		payload = chute_reserve_batch(m->chute, count, size);
	else
		payload = chute_reserve_batch_for(m->chute, count, size, 0);
	end_packed(m);
	if (!payload) {
		assert_no_room(m, size, count * chute_record_bytes(size));
		return;
	}
	assert_int_equal(errno, UNTOUCHED);
	record = add_record(m, payload);
	record->batch = true;
	for (i = 0; i < count; i++) {
		add_message(m, record, payload, size, false);
		payload = chute_batch_next(payload, size);
	}
	if (next_random(m->random) % 2)
		skip_some(m, record, m->message_count - count);
}

void pack_model_send(struct pack_model *m, __u32 size)
{
	const struct pack_message message = { .id = m->ids + 1, .size = size };
	int err;

	errno = UNTOUCHED;
	err = chute_send(m->chute, size > PACK_LARGEST ? "" : bytes_of(&message), size, 0);
	end_packed(m);
	if (err) {
		errno = -err;
		assert_no_room(m, size, chute_record_bytes(size));
		return;
	}
	assert_int_equal(errno, UNTOUCHED);
	m->messages[m->message_count++] = message;
	m->ids++;
	add_record(m, NULL)->messages = 1;
	finished(m, &m->records[m->record_count - 1], PACK_SUBMIT);
}

void pack_model_publish(struct pack_model *m)
{
	errno = UNTOUCHED;
	chute_publish(m->chute);
	assert_int_equal(errno, UNTOUCHED);
	m->published = m->staged;
}

size_t pack_model_open_count(const struct pack_model *m)
{
	size_t i, open = 0;

	for (i = 0; i < m->record_count; i++)
		open += m->records[i].state == PACK_OPEN && &m->records[i] != m->packed;
	return open;
}

void pack_model_finish(struct pack_model *m, size_t nth)
{
	struct pack_record *record = m->records;
	enum pack_how how;
	size_t first = 0;

	for (;; first += record->messages, record++)
		if (record->state == PACK_OPEN && record != m->packed && nth-- == 0)
			break;
	how = (enum pack_how)(next_random(m->random) % (record->batch ? 2 : 3));
	if (record->batch && next_random(m->random) % 2)
		skip_some(m, record, first);
	errno = UNTOUCHED;
	if (how == PACK_SUBMIT)
		chute_submit(m->chute, record->payload);
	else if (how == PACK_STAGE)
		chute_stage(m->chute, record->payload);
	else
		chute_discard(m->chute, record->payload);
	assert_int_equal(errno, UNTOUCHED);
	finished(m, record, how);
}

/* ---- the consumer's side ---- */

static bool is_seen(const struct pack_record *record, const struct pack_message *message)
{
	return record->state == PACK_FINISHED && !message->skipped;
}

/* The messages of the first @records, in one list without those that are not seen. */
static void select_seen(struct pack_model *m, size_t records, size_t *consumed, size_t *seen)
{
	size_t i, k, at = 0, to = 0;

	for (i = 0; i < records; i++)
		for (k = 0; k < m->records[i].messages; k++, at++)
			if (is_seen(&m->records[i], &m->messages[at]))
				m->messages[to++] = m->messages[at];
	*consumed = at;
	*seen = to;
}

void pack_model_saw(struct pack_model *m, const void *msg, __u32 size)
{
	const struct pack_message *message = &m->messages[m->seen];

	assert_true(m->seen++ < m->to_see);
	assert_int_equal(message->size, size);
	if (memcmp(msg, bytes_of(message), size))
		fail_msg("message %llu of %u bytes has other bytes",
			 (unsigned long long)message->id, size);
}

void pack_model_drain(struct pack_model *m)
{
	size_t records = 0, consumed, seen, i;

	while (records < m->published && m->records[records].state != PACK_OPEN)
		records++;
	select_seen(m, records, &consumed, &seen);
	for (i = 0; m->receive && i < seen; i++) {
		if (m->messages[i].size > m->message_max)
			m->too_long++;
		else
			m->receive(bytes_of(&m->messages[i]), m->messages[i].size, &m->expected);
	}
	m->seen = 0;
	m->to_see = seen;
	m->drain(m);
	m->record_count -= records;
	m->staged -= records < m->staged ? records : m->staged;
	m->published -= records;
	m->message_count -= consumed;
	memmove(m->records, m->records + records, m->record_count * sizeof(*m->records));
	memmove(m->messages, m->messages + consumed, m->message_count * sizeof(*m->messages));
	if (m->packed)
		m->packed -= records;
}

void pack_model_close(struct pack_model *m)
{
	size_t i;

	end_packed(m);
	chute_close(m->chute);
	m->published = m->record_count = m->staged;
	for (i = m->message_count = 0; i < m->record_count; i++)
		m->message_count += m->records[i].messages;
}
