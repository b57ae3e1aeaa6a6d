/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * messages.c: takes packed records apart for the user-space consumer. As hostile
 * as the rest: each length is loaded once, checked against what is left of the
 * record, and only then used. The same as chute.bpf.h does, row for row.
 */
#include "consumer/messages.h"

struct unpack {
	chute_message_fn *fn;
	void *ctx;
	unsigned int quota; /* records to go; 0: no limit */
	struct chute_messages found;
};

static bool run(struct unpack *u, const char *messages, __u32 bytes, __u32 size)
{
	__u32 stride = chute_message_bytes(size), at;

	for (at = 0; bytes - at >= stride; at += stride) {
		u->fn(messages + at, size, u->ctx);
		u->found.messages++;
	}
	return at == bytes;
}

static bool mixed(struct unpack *u, const char *messages, __u32 bytes)
{
	const struct chute_message *message;
	__u32 at = 0, size;

	while (bytes - at >= sizeof(*message)) {
		message = (const struct chute_message *)(messages + at);
		size = chute_load_relaxed(&message->len);
		at += sizeof(*message);
		if (size > CHUTE_PACK_MESSAGE_MAX || ((size + 7) & ~7U) > bytes - at)
			return false;
		u->fn(message + 1, size, u->ctx);
		u->found.messages++;
		at += (size + 7) & ~7U;
	}
	return at == bytes;
}

static int unpack(const void *payload, __u32 length, void *ctx)
{
	const struct chute_packed *pack = payload;
	struct unpack *u = ctx;
	__u32 size, bytes;
	bool good = false;

	if (length < sizeof(*pack) || chute_load_relaxed(&pack->magic) != CHUTE_PACK_MAGIC) {
		u->fn(payload, length, u->ctx);
		u->found.messages++;
		return u->quota && !--u->quota;
	}
	size = chute_load_relaxed(&pack->size);
	bytes = chute_load_relaxed(&pack->bytes);
	if (!bytes || bytes > CHUTE_PACK_BYTES_MAX || bytes > length - sizeof(*pack))
		good = false;
	else if (size == CHUTE_PACK_MIXED)
		good = mixed(u, (const char *)(pack + 1), bytes);
	else if (size <= CHUTE_PACK_MESSAGE_MAX)
		good = run(u, (const char *)(pack + 1), bytes, size);
	u->found.malformed += !good;
	return u->quota && !--u->quota;
}

long chute_drain_some_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			       __u64 flags, unsigned int quota, struct chute_messages *found)
{
	struct unpack u = { .fn = fn, .ctx = ctx, .quota = quota };
	long ret;

	ret = chute_drain(consumer, unpack, &u, flags);
	found->messages += u.found.messages;
	found->malformed += u.found.malformed;
	return ret;
}

long chute_drain_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			  __u64 flags, struct chute_messages *found)
{
	struct chute_messages now = { 0 };
	long ret;

	ret = chute_drain_some_messages(consumer, fn, ctx, flags, 0, &now);
	if (found) {
		found->messages += now.messages;
		found->malformed += now.malformed;
	}
	return ret < 0 ? ret : (long)now.messages;
}
