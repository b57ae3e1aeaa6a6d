/* SPDX-License-Identifier: BSD-2-Clause */
/* outcome.c: see outcome.h. */
#include "outcome.h"

#include <chute/drain.h>

#include <errno.h>

const char *const outcome_names[OUTCOMES] = {
	[OUTCOME_CALLBACKS] = "records delivered",
	[OUTCOME_EMPTY] = "empty",
	[OUTCOME_DRAINED_EMPTY] = "drained to the end",
	[OUTCOME_PRODUCER_BEHIND] = "producer behind the consumer",
	[OUTCOME_PRODUCER_TOP_BIT] = "producer with the top bit set",
	[OUTCOME_PRODUCER_LAPS_AHEAD] = "producer laps ahead, records delivered",
	[OUTCOME_ROUND_AND_ROUND] = "more than a lap in a drain",
	[OUTCOME_UNKNOWN_FLAGS] = "EINVAL: flags",
	[OUTCOME_CROOKED_PRODUCER] = "EINVAL: producer_pos",
	[OUTCOME_CROOKED_PRODUCER_BEHIND] = "EINVAL: producer_pos, behind the consumer",
	[OUTCOME_EINVAL] = "EINVAL: beyond the producer",
	[OUTCOME_EINVAL_MARKED] = "EINVAL: busy or discarded",
	[OUTCOME_E2BIG] = "E2BIG",
	[OUTCOME_E2BIG_MARKED] = "E2BIG: busy or discarded",
	[OUTCOME_ERROR_AFTER_CALLBACKS] = "an error after good records",
	[OUTCOME_BUSY] = "busy at once",
	[OUTCOME_BUSY_AFTER_CALLBACKS] = "busy after good records",
	[OUTCOME_DISCARDED] = "discarded",
	[OUTCOME_DISCARDED_AND_BUSY] = "discarded and busy",
	[OUTCOME_ONLY_DISCARDED] = "only discarded ones",
	[OUTCOME_ZERO_LENGTH] = "zero length",
	[OUTCOME_FILLS_THE_RING] = "a record that fills the ring",
	[OUTCOME_WRAPS] = "a payload across the end",
	[OUTCOME_HEADER_IN_LAST_8] = "a header in the last 8 bytes",
	[OUTCOME_STOPPED] = "stopped by the callback",
	[OUTCOME_LOG_FULL] = "stopped for want of room to log",
	[OUTCOME_LIMIT] = "131072 records",
	[OUTCOME_WOKEN] = "producers woken",
	[OUTCOME_NOT_WOKEN] = "nobody woken",
};

/* The records that were consumed. Returns how many. */
static unsigned long count_consumed(const struct image *image, const struct drained *d,
				    unsigned long *counts)
{
	unsigned long seen[OUTCOMES] = { 0 }, pos, records = 0, off;
	enum outcome o;
	__u32 len, size;

	for (pos = image->cons_pos; pos != d->to_pos; records++) {
		len = image_len(image, pos);
		size = len & CHUTE_LENGTH_MASK;
		off = pos & (image->size - 1);
		seen[OUTCOME_DISCARDED] |= !!(len & CHUTE_DISCARD);
		seen[OUTCOME_DISCARDED_AND_BUSY] |= len >> 30 == 3;
		seen[OUTCOME_ZERO_LENGTH] |= len == 0;
		seen[OUTCOME_FILLS_THE_RING] |= len == image->size - CHUTE_HEADER_SIZE;
		seen[OUTCOME_HEADER_IN_LAST_8] |= off == image->size - CHUTE_HEADER_SIZE &&
						  len < image->size;
		seen[OUTCOME_WRAPS] |= !(len & CHUTE_DISCARD) &&
				       off + CHUTE_HEADER_SIZE < image->size &&
				       off + CHUTE_HEADER_SIZE + size > image->size;
		pos += (unsigned long)chute_record_bytes(size);
	}
	for (o = 0; o < OUTCOMES; o++)
		counts[o] += seen[o];
	return records;
}

/* What stands where the drain ended, when it ended in an error. */
static enum outcome error_outcome(const struct image *image, const struct drained *d)
{
	bool marked = image_len(image, d->to_pos) & (CHUTE_BUSY | CHUTE_DISCARD);

	if (d->ret == -E2BIG)
		return marked ? OUTCOME_E2BIG_MARKED : OUTCOME_E2BIG;
	if (d->order.flags & ~3ULL)
		return OUTCOME_UNKNOWN_FLAGS;
	if (image->prod_pos % 8)
		return image->prod_pos < d->to_pos ? OUTCOME_CROOKED_PRODUCER_BEHIND
						   : OUTCOME_CROOKED_PRODUCER;
	return marked ? OUTCOME_EINVAL_MARKED : OUTCOME_EINVAL;
}

static enum outcome good_outcome(const struct image *image, const struct drained *d,
				 unsigned long records)
{
	if (records == CHUTE_DRAIN_MAX)
		return OUTCOME_LIMIT;
	if (d->ret && (__u32)d->ret == d->order.stop_after)
		return OUTCOME_STOPPED;
	if (d->log->used >= ORACLE_WHOLE)
		return OUTCOME_LOG_FULL;
	if (image->prod_pos < image->cons_pos)
		return OUTCOME_PRODUCER_BEHIND;
	if (d->to_pos == image->prod_pos)
		return records ? OUTCOME_DRAINED_EMPTY : OUTCOME_EMPTY;
	return d->ret ? OUTCOME_BUSY_AFTER_CALLBACKS : OUTCOME_BUSY;
}

void outcome_count(const struct image *image, const struct drained *d, unsigned long *counts)
{
	unsigned long records = count_consumed(image, d, counts);
	bool far = image->prod_pos > image->cons_pos &&
		   image->prod_pos - image->cons_pos > image->size;

	if (d->ret < 0)
		counts[error_outcome(image, d)]++;
	else
		counts[good_outcome(image, d, records)]++;
	counts[OUTCOME_CALLBACKS] += d->ret > 0;
	counts[OUTCOME_ONLY_DISCARDED] += d->ret == 0 && records;
	counts[OUTCOME_ERROR_AFTER_CALLBACKS] += d->ret < 0 && d->log->count;
	counts[OUTCOME_PRODUCER_TOP_BIT] += image->prod_pos > ~0UL >> 1;
	counts[OUTCOME_PRODUCER_LAPS_AHEAD] += far && d->log->count;
	counts[OUTCOME_ROUND_AND_ROUND] += d->to_pos - image->cons_pos > image->size;
	counts[d->woken ? OUTCOME_WOKEN : OUTCOME_NOT_WOKEN]++;
}
