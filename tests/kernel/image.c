/* SPDX-License-Identifier: BSD-2-Clause */
/* image.c: see image.h. */
#include "support.h"

#include "image.h"

#include <chute/format.h>

#include <stdlib.h>
#include <string.h>

static __u64 below(__u64 *random, __u64 limit)
{
	return next_random(random) % limit;
}

static bool one_in(__u64 *random, __u64 n)
{
	return below(random, n) == 0;
}

static struct chute_header *header_at(const struct image *image, unsigned long pos)
{
	return (struct chute_header *)(image->data + (pos & (image->size - 1)));
}

__u32 image_len(const struct image *image, unsigned long pos)
{
	return header_at(image, pos)->len;
}

void image_init(struct image *image, size_t size)
{
	memset(image, 0, sizeof(*image));
	image->size = size;
	image->data = malloc(size);
	image->headers = malloc(size / CHUTE_HEADER_SIZE * sizeof(*image->headers));
	assert_non_null(image->data);
	assert_non_null(image->headers);
}

void image_fini(struct image *image)
{
	free(image->data);
	free(image->headers);
}

/* ---- laying records ---- */

/* What the records of one image are like. */
struct habit {
	enum { EMPTY, TINY, SMALL, MIXED, LARGE, HABITS } sizes;
	unsigned int discarded, busy; /* one in so many; 0: none */
};

static __u32 payload(const struct habit *habit, size_t left, __u64 *random)
{
	size_t most = left - CHUTE_HEADER_SIZE, size = 0;

	if (habit->sizes == TINY)
		size = below(random, 20);
	else if (habit->sizes == SMALL)
		size = below(random, 200);
	else if (habit->sizes == MIXED)
		size = below(random, 2UL << below(random, 20));
	else if (habit->sizes == LARGE)
		size = most / 4 + below(random, most + 1);
	return (__u32)(size < most ? size : most);
}

static __u32 bits(const struct habit *habit, __u64 *random)
{
	__u32 set = 0;

	if (habit->discarded && one_in(random, habit->discarded))
		set |= CHUTE_DISCARD;
	if (habit->busy && one_in(random, habit->busy))
		set |= CHUTE_BUSY;
	return set;
}

/* Records over the first @bytes from cons_pos, without a gap. */
static void lay(struct image *image, size_t bytes, const struct habit *habit, __u64 *random)
{
	unsigned long pos = image->cons_pos, end = pos + bytes;
	__u32 size;

	image->header_count = 0;
	while (pos != end) {
		size = payload(habit, end - pos, random);
		header_at(image, pos)->len = size | bits(habit, random);
		image->headers[image->header_count++] = pos;
		pos += (unsigned long)chute_record_bytes(size);
	}
	image->prod_pos = pos;
}

void image_make_noise(struct image *image, __u64 *random)
{
	size_t i;
	__u64 word;

	for (i = 0; i < image->size; i += sizeof(word)) {
		word = next_random(random);
		memcpy(image->data + i, &word, sizeof(word));
	}
}

/* A ring full of good records, and a producer that claims to be laps ahead: the
 * drain goes round and round, up to its limit. */
static void make_a_wheel(struct image *image, __u64 *random)
{
	struct habit habit = { .discarded = (unsigned int)below(random, 3) };

	habit.sizes = one_in(random, 2) ? EMPTY : below(random, HABITS);
	lay(image, image->size, &habit, random);
	image->prod_pos += image->size * (1 + below(random, 1UL << below(random, 20)));
	if (one_in(random, 4))
		image->prod_pos ^= 1UL << 63;
}

void image_make(struct image *image, unsigned long cons_pos, __u64 *random)
{
	static const unsigned int rarely[] = { 0, 0, 2, 16, 100 };
	struct habit habit = {
		.sizes = below(random, HABITS),
		.discarded = rarely[below(random, 5)],
		.busy = rarely[below(random, 5)],
	};
	size_t bytes;

	image->cons_pos = cons_pos;
	image_make_noise(image, random);
	if (one_in(random, 64)) {
		make_a_wheel(image, random);
		return;
	}
	if (one_in(random, 3))
		bytes = image->size;
	else
		bytes = below(random, image->size / 8) * 8;
	if (bytes)
		lay(image, bytes, &habit, random);
	else
		image->prod_pos = cons_pos;
	if (one_in(random, 50)) /* nothing but noise */
		image_make_noise(image, random);
	while (one_in(random, 2))
		image_break(image, random);
}

/* ---- breaking and mending ---- */

static unsigned long some_header(const struct image *image, __u64 *random)
{
	if (!image->header_count)
		return image->cons_pos;
	/* Those that a drain comes to first are worth more. */
	if (one_in(random, 2))
		return image->headers[below(random, 4) % image->header_count];
	return image->headers[below(random, image->header_count)];
}

static __u32 interesting_len(const struct image *image, unsigned long pos, __u64 *random)
{
	__u32 left = (__u32)(image->prod_pos - pos), size = (__u32)image->size;
	const __u32 lens[] = {
		0,	  1,	    7,	      8,	 9,	   left,
		left - 7, left - 8, left - 9, left - 16, left + 1, size,
		size - 7, size - 8, size - 9, size + 1,	 0xffffff, CHUTE_LENGTH_MASK,
		1U << 24, 1U << 29,
	};
	__u32 len = lens[below(random, sizeof(lens) / sizeof(lens[0]))] & CHUTE_LENGTH_MASK;

	if (one_in(random, 4))
		len |= CHUTE_BUSY;
	if (one_in(random, 4))
		len |= CHUTE_DISCARD;
	return len;
}

static void break_a_header(struct image *image, __u64 *random)
{
	unsigned long pos = some_header(image, random);
	struct chute_header *header = header_at(image, pos);

	switch (below(random, 5)) {
	case 0:
		header->len ^= 1U << below(random, 32);
		break;
	case 1:
		header->len = (__u32)next_random(random);
		break;
	case 2:
		header->len ^= (__u32)below(random, 4) << 30;
		break;
	default:
		header->len = interesting_len(image, pos, random);
		break;
	}
}

static void break_producer_pos(struct image *image, __u64 *random)
{
	const unsigned long size = image->size;
	unsigned long *pos = &image->prod_pos;

	switch (below(random, 10)) {
	case 0:
		*pos += 1 + below(random, 7);
		break;
	case 1:
		*pos -= 8 * (1 + below(random, 4));
		break;
	case 2:
		*pos += 8 * (1 + below(random, 4));
		break;
	case 3: /* behind the consumer, up to two laps */
		*pos = image->cons_pos - 8 * (1 + below(random, size / 4));
		*pos += one_in(random, 3) ? below(random, 8) : 0;
		break;
	case 4:
		*pos += size * (1 + below(random, 1000));
		break;
	case 5:
		*pos ^= 1UL << below(random, 64);
		break;
	case 6:
		*pos ^= 3UL << 62;
		break;
	case 7:
		*pos = next_random(random);
		break;
	case 8:
		*pos = next_random(random) & ~7UL;
		break;
	case 9:
		*pos = image->cons_pos + 8 * below(random, 3);
		break;
	}
}

void image_break(struct image *image, __u64 *random)
{
	__u64 word = next_random(random);

	switch (below(random, 8)) {
	case 0:
	case 1:
	case 2:
		break_producer_pos(image, random);
		break;
	case 3:
		memcpy(header_at(image, 8 * below(random, image->size / 8)), &word, sizeof(word));
		break;
	default:
		break_a_header(image, random);
		break;
	}
}

void image_mend(struct image *image, __u64 *random)
{
	struct chute_header *header = header_at(image, image->cons_pos);
	unsigned long covered = image->prod_pos - image->cons_pos;
	__u32 size = header->len & CHUTE_LENGTH_MASK;

	if (image->prod_pos % 8) {
		image->prod_pos &= ~7UL;
		return;
	}
	if (covered > image->size)
		size = (__u32)below(random, 100);
	else if (covered && chute_record_bytes(size) > covered)
		size = (__u32)(covered - CHUTE_HEADER_SIZE);
	header->len = size | (one_in(random, 4) ? CHUTE_DISCARD : 0);
}

/* ---- telling ---- */

#define PRINTED 24

/* Whether a drain would end at such a header, and why. */
static const char *end_of_drain(const struct image *image, __u32 len, long left)
{
	__u64 bytes = chute_record_bytes(len & CHUTE_LENGTH_MASK);

	if (left >= 0 && bytes > (__u64)left)
		return ", beyond the producer";
	if (bytes > image->size)
		return ", longer than the ring";
	return len >> 30 == 2 ? ", where a drain ends" : NULL;
}

void image_print(const struct image *image, FILE *to)
{
	unsigned long pos = image->cons_pos;
	const char *end = NULL;
	long left;
	__u32 len;
	int i;

	fprintf(to, "ring of %zu bytes, consumer_pos %#lx (offset %lu), producer_pos %#lx (%+ld)\n",
		image->size, pos, pos & (image->size - 1), image->prod_pos,
		(long)(image->prod_pos - pos));
	for (i = 0; i < PRINTED && !end && pos != image->prod_pos; i++) {
		len = image_len(image, pos);
		left = (long)(image->prod_pos - pos);
		end = end_of_drain(image, len, left);
		fprintf(to, "  +%-8lu offset %-8lu len %#010x = %u%s%s%s\n", pos - image->cons_pos,
			pos & (image->size - 1), len, len & CHUTE_LENGTH_MASK,
			len & CHUTE_BUSY ? " busy" : "", len & CHUTE_DISCARD ? " discarded" : "",
			end ? end : "");
		pos += (unsigned long)chute_record_bytes(len & CHUTE_LENGTH_MASK);
	}
	if (i == PRINTED)
		fprintf(to, "  and so on\n");
}
