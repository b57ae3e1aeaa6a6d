/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * messages.c: drains messages: each record is taken apart by the unpacker of
 * chute/drain.h, which finds what chute.bpf.h does, row for row.
 *
 * A packed record that the function stopped in stays in the ring, and `partial` says what of
 * it was delivered. Who drains owns that word; that anyone can write to it is no more
 * than that anyone can write the record: what it says is checked.
 */
#include "consumer/messages.h"
#include "consumer/drain.h"

struct unpack {
	const struct chute_ring *ring;
	chute_message_fn *fn;
	void *ctx;
	unsigned int quota; /* records to go; 0: no limit */
	long budget;	    /* messages to go */
	bool started, stopped, limited, keep;
	struct chute_messages found;
};

/* Where the messages of a packed record end. */
static const char *end_of(const struct chute_unpacker *u)
{
	return u->last + u->stride;
}

/* The record at the consumer's position, which is the first one: skip what was delivered. */
static void resume(struct unpack *u, struct chute_unpacker *unpacker, const char *payload)
{
	__u64 partial = chute_load_relaxed(&u->ring->consumer->partial);
	__u64 offset = chute_partial_offset(partial);

	u->started = true;
	if (!partial)
		return;
	chute_store_relaxed(&u->ring->consumer->partial, (__u64)0);
	if (partial == chute_partial_at(u->ring, offset) && unpacker->packed &&
	    payload + offset >= unpacker->at && payload + offset <= end_of(unpacker))
		unpacker->at = payload + offset;
}

static int unpack(const void *payload, __u32 length, void *ctx)
{
	struct chute_unpacker unpacker;
	struct unpack *u = ctx;
	const void *message;
	__u64 count = 0;
	__u32 size;

	chute_unpack(&unpacker, payload, length);
	if (__builtin_expect(!u->started, 0))
		resume(u, &unpacker, payload);
	while (!u->stopped && chute_unpack_next(&unpacker, &message, &size)) {
		u->stopped = u->fn(message, size, u->ctx) != CHUTE_NEXT;
		count++;
	}
	u->found.messages += count;
	u->found.malformed += unpacker.malformed;
	u->budget -= (long)count + 1;
	if (u->stopped && unpacker.packed && unpacker.at != end_of(&unpacker)) {
		u->keep = true;
		chute_store_relaxed(
			&u->ring->consumer->partial,
			chute_partial_at(u->ring, (__u64)(unpacker.at - (const char *)payload)));
	}
	u->limited = (u->quota && !--u->quota) || u->budget <= 0;
	return u->stopped || u->limited;
}

long chute_drain_some_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			       __u64 flags, unsigned int quota, struct chute_messages *found,
			       bool *stopped)
{
	struct unpack u = { .ring = &consumer->ring,
			    .fn = fn,
			    .ctx = ctx,
			    .quota = quota,
			    .budget = CHUTE_DRAIN_MAX };
	long ret;

	ret = chute_drain_keeping(consumer, unpack, &u, flags, &u.keep);
	found->messages += u.found.messages;
	found->malformed += u.found.malformed;
	found->more = u.stopped || u.limited || ret == CHUTE_DRAIN_MAX;
	*stopped = u.stopped;
	return ret < 0 ? ret : (long)u.found.messages;
}

long chute_drain_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			  __u64 flags, struct chute_messages *found)
{
	struct chute_messages none = { 0 };
	bool stopped;

	return chute_drain_some_messages(consumer, fn, ctx, flags, 0, found ? found : &none,
					 &stopped);
}

long chute_drain_all(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx, __u64 flags,
		     struct chute_messages *found)
{
	struct chute_messages none = { 0 };
	bool stopped = false;
	long ret, messages = 0;
	int i;

	if (!found)
		found = &none;
	for (i = 0; i < CHUTE_DRAIN_ALL_MAX; i++) {
		ret = chute_drain_some_messages(consumer, fn, ctx, flags, 0, found, &stopped);
		if (ret < 0)
			return ret;
		messages += ret;
		if (stopped || !found->more)
			break;
	}
	return messages;
}
