// SPDX-License-Identifier: BSD-2-Clause
/*
 * fuzz_drain: chute_drain() over a ring that the input describes, while the
 * callback, as a hostile producer, may go on writing to it.
 *
 * Each area is an allocation of its own, so that AddressSanitizer sees the first
 * byte beside it: the data twice, as a mapping has it, and not a byte more. Where
 * the callback writes nothing, a second, simpler drain says what must come out.
 */
#include "consumer/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* setup.mode */
#define DISTANCE      1 /* producer_low is a distance from the consumer, in 8 bytes */
#define STUCK	      2 /* an unfinished record at the head has stood there for long */

#define SIZE_MIN_LOG2 3 /* a header */
#define SIZE_MAX_LOG2 12

/* The input's head. What follows is the data, from consumer_pos on; what the ring
 * has no room for is the callback's script. */
struct setup {
	__u8 size_log2;
	__u8 flags;	 /* the upper bits shift the lower ones to where no flag is */
	__u8 stop_after; /* callbacks; 0: many */
	__u8 mode;
	__u32 producer_low;
	__u32 producer_high;
	__u32 consumer_low;
	__u32 consumer_high;
};

struct ring {
	struct chute_consumer consumer;
	struct setup setup;
	const __u8 *script;
	size_t script_size;
	unsigned long calls;
};

/* What a drain comes to. */
struct result {
	long ret;
	unsigned long calls, pos;
};

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

/* So that a ring without an end, and few of them are of use, does not take long. */
static unsigned long stop_after(const struct setup *setup)
{
	return setup->stop_after ? setup->stop_after : 2000;
}

static __u64 flags_of(const struct setup *setup)
{
	return (__u64)(setup->flags & 7) << (setup->flags >> 3);
}

/* ---- the ring ---- */

static void *new_area(size_t size)
{
	void *area = aligned_alloc(64, size);

	MUST(area);
	memset(area, 0, size);
	return area;
}

static void set_up(struct ring *r, const __u8 *input, size_t input_size)
{
	size_t size, off, i;
	struct chute_consumer_page *consumer = new_area(sizeof(*consumer));
	struct chute_producer_page *producer = new_area(sizeof(*producer));
	struct chute_ring ring;
	char *data;

	memset(r, 0, sizeof(*r));
	memcpy(&r->setup, input, sizeof(r->setup));
	input += sizeof(r->setup);
	input_size -= sizeof(r->setup);
	size = 1UL << (SIZE_MIN_LOG2 + r->setup.size_log2 % (SIZE_MAX_LOG2 - SIZE_MIN_LOG2 + 1));
	data = malloc(2 * size);
	MUST(data);
	/* Not with zeroes: a producer far ahead would have a drain of 131,072 empty
	 * records in most inputs. */
	memset(data, 0xee, 2 * size);
	consumer->consumer_pos =
		(unsigned long)((__u64)r->setup.consumer_high << 32 | r->setup.consumer_low);
	producer->producer_pos =
		(unsigned long)((__u64)r->setup.producer_high << 32 | r->setup.producer_low);
	if (r->setup.mode & DISTANCE)
		producer->producer_pos =
			consumer->consumer_pos + 8UL * (r->setup.producer_low & 0xfff);
	for (i = 0; i < size && i < input_size; i++) {
		off = (consumer->consumer_pos + i) & (size - 1);
		data[off] = data[off + size] = (char)input[i];
	}
	r->script = input + i;
	r->script_size = input_size - i;
	chute_ring_init(&ring, consumer, producer, data, size);
	chute_consumer_init(&r->consumer, &ring);
	r->consumer.stuck_pos = r->setup.mode & STUCK ? consumer->consumer_pos : ~0UL;
}

static void tear_down(struct ring *r)
{
	free(r->consumer.ring.consumer);
	free(r->consumer.ring.producer);
	free(r->consumer.ring.data);
}

/* ---- the callback ---- */

static void put_word(const struct chute_ring *ring, unsigned long pos, __u64 word)
{
	size_t off = pos & (ring->size - 1) & ~7UL;

	memcpy(ring->data + off, &word, sizeof(word));
	memcpy(ring->data + ring->size + off, &word, sizeof(word));
}

/* Two bytes of script: where to write, and what. */
static void be_hostile(struct ring *r)
{
	const struct chute_ring *ring = &r->consumer.ring;
	unsigned long *prod_pos = &ring->producer->producer_pos;
	__u8 where, what;

	if (r->script_size < 2)
		return;
	where = r->script[0];
	what = r->script[1];
	r->script += 2;
	r->script_size -= 2;
	if (where == 0xff)
		*prod_pos += 8UL * what;
	else if (where == 0xfe)
		*prod_pos = (unsigned long)what << 56;
	else if (where == 0xfd)
		*prod_pos ^= what;
	else if (where & 1) /* a header, not far from this record's */
		put_word(ring, ring->consumer->consumer_pos + 4UL * (where & ~1U),
			 (what & 0x3fU) | (__u32)(what & 0xc0) << 24);
	else
		put_word(ring, 4UL * where, (__u64)what << 24 | what);
}

/* The payload lies in the ring, where the position says, and all of it can be read. */
static int look(const void *payload, __u32 size, void *ctx)
{
	struct ring *r = ctx;
	const struct chute_ring *ring = &r->consumer.ring;
	size_t off = (size_t)((const char *)payload - ring->data);
	static char copy[1 << SIZE_MAX_LOG2];

	MUST(off == (ring->consumer->consumer_pos & (ring->size - 1)) + CHUTE_HEADER_SIZE);
	MUST(off % 8 == 0);
	MUST(size <= ring->size - CHUTE_HEADER_SIZE && size <= CHUTE_PAYLOAD_MAX);
	memcpy(copy, payload, size);
	r->calls++;
	be_hostile(r);
	return r->calls == stop_after(&r->setup);
}

/* ---- what must come out ---- */

/* A row of the contract's table after the other, with nothing that is clever. */
static struct result by_the_book(const struct ring *r)
{
	const struct chute_ring *ring = &r->consumer.ring;
	const unsigned long prod_pos = ring->producer->producer_pos;
	struct result is = { .pos = ring->consumer->consumer_pos };
	unsigned long taken;
	__u64 ahead, bytes;
	__u32 len;

	if (flags_of(&r->setup) > 3) {
		is.ret = -EINVAL;
		return is;
	}
	for (taken = 0; taken < 131072; taken++) {
		if (prod_pos % 8 || is.pos % 8) {
			is.ret = -EINVAL;
			return is;
		}
		ahead = prod_pos - is.pos;
		if (!ahead || (ahead > ring->size && prod_pos < is.pos))
			break;
		memcpy(&len, ring->data + is.pos % ring->size, sizeof(len));
		bytes = ((len & 0x3fffffff) + 8ULL + 7) / 8 * 8;
		if (bytes > ahead || bytes > ring->size) {
			is.ret = bytes > ahead ? -EINVAL : -E2BIG;
			return is;
		}
		if (!(len & 1U << 30) && len >> 31)
			break;
		is.pos += (unsigned long)bytes;
		if (!(len & 1U << 30) && ++is.calls == stop_after(&r->setup))
			break;
	}
	is.ret = (long)is.calls;
	return is;
}

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size)
{
	struct result must, is;
	unsigned long from;
	struct ring r;
	bool scripted;
	int ready;

	if (size < sizeof(struct setup))
		return -1;
	set_up(&r, input, size);
	scripted = r.script_size >= 2;
	from = r.consumer.ring.consumer->consumer_pos;
	ready = chute_drain_wait(&r.consumer, 0);
	MUST(ready == 0 || ready == -ETIMEDOUT);
	/* The wait may have discarded a record that no live process is working on. */
	must = by_the_book(&r);

	is.ret = chute_drain(&r.consumer, look, &r, flags_of(&r.setup));
	is.pos = r.consumer.ring.consumer->consumer_pos;
	is.calls = r.calls;
	MUST(is.ret < 0 || (unsigned long)is.ret == is.calls);
	if (!scripted)
		MUST(is.ret == must.ret && is.calls == must.calls && is.pos == must.pos);
	/* A wait ends exactly if a drain would do something. */
	if (flags_of(&r.setup) <= 3 && !(r.setup.mode & STUCK))
		MUST((ready == 0) == (is.ret != 0 || is.pos != from));
	/* It is not left busy. */
	r.calls = 0;
	MUST(chute_drain(&r.consumer, look, &r, 0) != -EBUSY);
	tear_down(&r);
	return 0;
}
