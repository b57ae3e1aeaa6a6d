/* SPDX-License-Identifier: BSD-2-Clause */
/* runner.c: what the two runners have in common; see runner.h. */
#include "support.h"

#include "runner.h"

#include <chute/drain.h>

#define PAD 0xbadc0ffeU /* what nobody reads */

void runner_close(struct runner *r)
{
	if (r)
		r->ops->close(r);
}

long runner_drain(struct runner *r)
{
	r->written->count = 0;
	r->written->used = 0;
	r->ops->watch(r);
	return r->ops->drain(r);
}

long runner_drain_flags(struct runner *r, __u64 flags)
{
	*r->order = (struct oracle_order){ .flags = flags };
	return runner_drain(r);
}

bool runner_woken(struct runner *r)
{
	return r->ops->woken(r);
}

unsigned long runner_consumer_pos(const struct runner *r)
{
	return chute_load_acquire(&r->ring.consumer->consumer_pos);
}

unsigned long runner_producer_pos(const struct runner *r)
{
	return chute_load_relaxed(&r->ring.producer->producer_pos);
}

void runner_publish(struct runner *r, unsigned long pos)
{
	chute_store_release(&r->ring.producer->producer_pos, pos);
}

unsigned long runner_put_header(struct runner *r, unsigned long pos, __u32 len)
{
	struct chute_header *header = (struct chute_header *)runner_at(r, pos);

	header->len = len;
	header->pad = PAD;
	return pos + chute_record_bytes(len & CHUTE_LENGTH_MASK);
}

unsigned long runner_put(struct runner *r, unsigned long pos, __u32 len)
{
	unsigned char *payload = (unsigned char *)runner_at(r, pos) + CHUTE_HEADER_SIZE;
	__u32 i, size = len & CHUTE_LENGTH_MASK;

	for (i = 0; i < size && i < r->ring.size - CHUTE_HEADER_SIZE; i++)
		payload[i] = (unsigned char)((pos >> 3) + i * 7);
	return runner_put_header(r, pos, len);
}

static void skip_bytes(struct runner *r, unsigned long bytes)
{
	unsigned long pos = runner_consumer_pos(r);

	runner_put_header(r, pos, (__u32)(bytes - CHUTE_HEADER_SIZE) | CHUTE_DISCARD);
	runner_publish(r, pos + bytes);
	*r->order = (struct oracle_order){ .flags = CHUTE_NO_WAKEUP };
	if (r->ops->drain(r) || runner_consumer_pos(r) != pos + bytes)
		fail_msg("%s: can't bring consumer_pos from %lu to %lu", r->name, pos, pos + bytes);
}

void runner_place(struct runner *r, unsigned long off)
{
	size_t size = r->ring.size;
	size_t step = size > CHUTE_PAYLOAD_MAX ? (CHUTE_PAYLOAD_MAX + 1) / 2 : size;
	unsigned long pos = runner_consumer_pos(r);
	unsigned long target = (pos & ~(size - 1)) + off;

	if (r->at_wrap) {
		pos = off - size;
		chute_store_release(&r->ring.consumer->consumer_pos, pos);
		runner_publish(r, pos);
		return;
	}
	if (target < pos)
		target += size;
	while (target < 3 * size)
		target += size;
	for (; pos != target; pos = runner_consumer_pos(r))
		skip_bytes(r, target - pos < step ? target - pos : step);
	runner_publish(r, pos);
}
