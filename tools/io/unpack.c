// SPDX-License-Identifier: BSD-2-Clause
/* unpack.c: see unpack.h. */
#include "io/unpack.h"

#include <chute/atomic.h>
#include <chute/format.h>

#include <stddef.h>

static bool is_packed(const struct chute_packed *pack, __u32 length)
{
	return length >= sizeof(*pack) && chute_load_relaxed(&pack->magic) == CHUTE_PACK_MAGIC;
}

void unpack_start(struct unpack *u, const void *payload, __u32 length, bool apart)
{
	const struct chute_packed *pack = payload;
	__u32 bytes;

	u->at = payload;
	u->end = u->at + length;
	u->size = length;
	u->malformed = false;
	u->packed = apart && is_packed(pack, length);
	if (!u->packed)
		return;
	u->size = chute_load_relaxed(&pack->size);
	bytes = chute_load_relaxed(&pack->bytes);
	u->at += sizeof(*pack);
	if (!bytes || bytes > CHUTE_PACK_BYTES_MAX || bytes > length - sizeof(*pack) ||
	    (u->size > CHUTE_PACK_MESSAGE_MAX && u->size != CHUTE_PACK_MIXED)) {
		u->malformed = true;
		bytes = 0;
	}
	u->end = u->at + bytes;
}

static bool malformed(struct unpack *u)
{
	u->malformed = true;
	u->at = u->end;
	return false;
}

static bool next_mixed(struct unpack *u, const void **message, __u32 *size)
{
	const struct chute_message *header = (const struct chute_message *)u->at;
	size_t left = (size_t)(u->end - u->at), bytes;

	if (left < sizeof(*header))
		return malformed(u);
	*size = chute_load_relaxed(&header->len);
	bytes = ((size_t)*size + 7) & ~(size_t)7;
	if (*size > CHUTE_PACK_MESSAGE_MAX || bytes > left - sizeof(*header))
		return malformed(u);
	*message = header + 1;
	u->at += sizeof(*header) + bytes;
	return true;
}

bool unpack_next(struct unpack *u, const void **message, __u32 *size)
{
	if (!u->at || (u->packed && u->at == u->end))
		return false;
	if (u->packed && u->size == CHUTE_PACK_MIXED)
		return next_mixed(u, message, size);
	if (u->packed && (size_t)(u->end - u->at) < chute_message_bytes(u->size))
		return malformed(u);
	*message = u->at;
	*size = u->size;
	/* One that is alone is gone then, an empty one too. */
	u->at = u->packed ? u->at + chute_message_bytes(u->size) : NULL;
	return true;
}
