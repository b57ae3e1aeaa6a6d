/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile.c: see hostile.h. */
#include "hostile.h"

#include <stdio.h>
#include <string.h>

static __u64 below(__u64 *random, __u64 limit)
{
	return next_random(random) % limit;
}

static __u32 *field(struct hostile *h, size_t at)
{
	return (__u32 *)((char *)h->words + at);
}

/* Sizes around what makes a difference. */
static __u32 some_size(__u64 *random)
{
	static const __u32 sizes[] = {
		0, 1, 7, 8, 9, 12, 15, 16, 17, 24, 64, 200, 1016, 1023, 1024
	};

	return below(random, 2) ? sizes[below(random, 15)] : (__u32)below(random, 1025);
}

static __u32 fill(__u64 *random, __u32 room)
{
	const __u64 most = below(random, 4) ? 200 : room;

	return (__u32)below(random, (most < room ? most : room) + 1);
}

/* ---- good ones ---- */

static void make_run(struct hostile *h, __u64 *random)
{
	const __u32 size = some_size(random), stride = chute_message_bytes(size);
	__u32 count = 1 + fill(random, CHUTE_PACK_BYTES_MAX / stride - 1);

	if (below(random, 20) == 0)
		count = CHUTE_PACK_BYTES_MAX / stride;
	*field(h, 8) = size;
	*field(h, 12) = count * stride;
	h->length = 16 + count * stride;
}

static void make_mixed(struct hostile *h, __u64 *random)
{
	__u32 count = 1 + fill(random, CHUTE_PACK_BYTES_MAX / 8), at = 16, size;

	if (below(random, 20) == 0)
		count = CHUTE_PACK_BYTES_MAX / 8 + 1;
	while (count--) {
		size = below(random, 4) ? (__u32)below(random, 20) : some_size(random);
		if (at + 8 + size > 16 + CHUTE_PACK_BYTES_MAX)
			break;
		*field(h, at) = size;
		at += 8 + (size + 7) / 8 * 8;
	}
	*field(h, 8) = CHUTE_PACK_MIXED;
	*field(h, 12) = at - 16;
	h->length = at;
}

/* ---- bad ones ---- */

static __u32 wrong_number(const struct hostile *h, __u32 number, __u64 *random)
{
	const __u32 numbers[] = {
		0,
		1,
		4,
		8,
		number + 1,
		number - 1,
		number + 8,
		number - 8,
		number ^ 1U << below(random, 32),
		CHUTE_PACK_MESSAGE_MAX,
		CHUTE_PACK_MESSAGE_MAX + 1,
		CHUTE_PACK_BYTES_MAX,
		CHUTE_PACK_BYTES_MAX + 8,
		h->length,
		h->length - 16,
		h->length - 15,
		h->length - 8,
		CHUTE_PACK_MIXED,
		CHUTE_PACK_MIXED - 1,
		CHUTE_PACK_MIXED - 7,
		1U << 31,
		(__u32)next_random(random),
	};

	return numbers[below(random, sizeof(numbers) / sizeof(numbers[0]))];
}

static void break_one(struct hostile *h, __u64 *random)
{
	__u32 at = h->length > 16 ? 16 + (__u32)below(random, h->length - 16) / 8 * 8 : 0;

	switch (below(random, 8)) {
	case 0:
		*field(h, 8) = wrong_number(h, *field(h, 8), random);
		break;
	case 1:
	case 2:
		*field(h, 12) = wrong_number(h, *field(h, 12), random);
		break;
	case 3:
	case 4: /* in a mixed record perhaps a length; the first ones are worth more */
		at = below(random, 2) ? 16 : at;
		*field(h, at) = wrong_number(h, *field(h, at), random);
		break;
	case 5:
		h->length = (__u32)below(random, h->length + 1);
		break;
	case 6:
		h->length = (__u32)below(random, HOSTILE_MAX + 1);
		break;
	default:
		h->words[0] ^= below(random, 8) ? 0 : 1ULL << below(random, 64);
		break;
	}
}

void hostile_make(struct hostile *h, __u64 *random)
{
	size_t i;

	for (i = 0; i < HOSTILE_MAX / 8; i++)
		h->words[i] = next_random(random);
	if (below(random, 8) == 0) {
		h->length = (__u32)below(random, below(random, 4) ? 100 : HOSTILE_MAX + 1);
		h->words[0] = below(random, 2) ? CHUTE_PACK_MAGIC : h->words[0];
		return;
	}
	h->words[0] = CHUTE_PACK_MAGIC;
	if (below(random, 2))
		make_run(h, random);
	else
		make_mixed(h, random);
	while (below(random, 2))
		break_one(h, random);
}

/* ---- what they are ---- */

static bool read_packed(const struct hostile *h, chute_message_fn *fn, void *ctx)
{
	const __u32 *head = (const __u32 *)&h->words[1], kind = head[0], bytes = head[1];
	const char *at = (const char *)&h->words[2], *end = at + bytes;
	size_t size, rounded;

	if (kind > CHUTE_PACK_MESSAGE_MAX && kind != CHUTE_PACK_MIXED)
		return true;
	if (!bytes || bytes > CHUTE_PACK_BYTES_MAX || bytes + 16 > h->length)
		return true;
	while (at < end) {
		size = kind;
		if (kind == CHUTE_PACK_MIXED) {
			if (end - at < 8)
				return true;
			size = *(const __u32 *)(const void *)at;
			at += 8;
		}
		rounded = (size + 7) / 8 * 8;
		if (!rounded && kind != CHUTE_PACK_MIXED)
			rounded = 8;
		if (size > CHUTE_PACK_MESSAGE_MAX || (size_t)(end - at) < rounded)
			return true;
		fn(at, (__u32)size, ctx);
		at += rounded;
	}
	return false;
}

bool hostile_read(const struct hostile *h, chute_message_fn *fn, void *ctx)
{
	if (h->length >= 16 && h->words[0] == CHUTE_PACK_MAGIC)
		return read_packed(h, fn, ctx);
	fn(h->words, h->length, ctx);
	return false;
}

void hostile_print(const struct hostile *h)
{
	__u32 i;

	fprintf(stderr, "payload of %u bytes:", h->length);
	for (i = 0; i < 12 && i < (h->length + 7) / 8; i++)
		fprintf(stderr, " %llx", (unsigned long long)h->words[i]);
	fprintf(stderr, "\n");
}
