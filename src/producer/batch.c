/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.c: many equal records reserved as one region. Only the first header can
 * be BUSY: a drain stops there, so the others are final from the start, and
 * finishing the first record finishes them all.
 */
#include "fail.h"
#include "producer/producer.h"
#include "ring/record.h"

/* Makes the other headers. Nobody looks at them yet: what is published of the
 * region, if anything is, starts with a BUSY record. */
static void *make_headers(void *first, __u32 count, __u32 size)
{
	char *payload = first;
	__u32 i;

	for (i = 1; first && i < count; i++) {
		payload = chute_batch_next(payload, size);
		chute_store_relaxed(&chute_header_of(payload)->len, size);
	}
	return first;
}

void *chute_reserve_batch_for(struct chute *c, __u32 count, __u32 size, __s64 timeout_ns)
{
	if (!count || count > CHUTE_BATCH_MAX)
		return chute_fail(EINVAL);
	return make_headers(
		chute_producer_reserve_for(chute_producer_of(c), size, count, timeout_ns), count,
		size);
}

void *chute_reserve_batch(struct chute *c, __u32 count, __u32 size)
{
	return chute_reserve_batch_for(c, count, size, 0);
}
