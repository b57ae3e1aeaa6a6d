/* SPDX-License-Identifier: BSD-2-Clause */
/* plain.c: see plain.h. */
#include "plain.h"

#include <string.h>

void plain_init(struct plain *r, size_t size, unsigned long start_pos, int fill)
{
	memset(r, 0, sizeof(*r));
	memset(r->data, fill, sizeof(r->data));
	r->consumer_page.consumer_pos = start_pos;
	r->producer_page.producer_pos = start_pos;
	chute_ring_init(&r->ring, &r->consumer_page, &r->producer_page, r->data, size);
	chute_consumer_init(&r->consumer, &r->ring);
}

struct chute *plain_open(struct plain *r)
{
	const struct chute_opts opts = { .sz = sizeof(opts) };

	assert_int_equal(chute_producer_init(&r->producer, &r->ring, &opts), 0);
	return &r->producer.fast;
}

unsigned long start_pos_at(size_t size, int i)
{
	const unsigned long starts[START_COUNT] = {
		0, size / 2, size - 8, -8UL, -(unsigned long)size / 2, -(unsigned long)size,
	};

	return starts[i];
}

char *plain_at(struct plain *r, unsigned long pos)
{
	return r->data + (pos & (r->ring.size - 1));
}
