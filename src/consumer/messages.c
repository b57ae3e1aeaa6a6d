/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * messages.c: drains messages: each record is taken apart by the unpacker of
 * chute/drain.h, which finds what chute.bpf.h does, row for row.
 */
#include "consumer/messages.h"

struct unpack {
	chute_message_fn *fn;
	void *ctx;
	unsigned int quota; /* records to go; 0: no limit */
	struct chute_messages found;
};

static int unpack(const void *payload, __u32 length, void *ctx)
{
	struct chute_unpacker unpacker;
	struct unpack *u = ctx;
	const void *message;
	__u32 size;

	chute_unpack(&unpacker, payload, length);
	while (chute_unpack_next(&unpacker, &message, &size)) {
		u->fn(message, size, u->ctx);
		u->found.messages++;
	}
	u->found.malformed += unpacker.malformed;
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
