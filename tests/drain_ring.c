/* SPDX-License-Identifier: BSD-2-Clause */
/* drain_ring.c: see drain_ring.h. */
#include "support.h"

#include "drain_ring.h"

#include <stdlib.h>
#include <unistd.h>

int drain_ring_open(void **state)
{
	struct drain_ring *ring = calloc(1, sizeof(*ring));

	ring->fd = chute_memory("drain", RING);
	ring->producer = chute_open_memory(ring->fd, NULL);
	ring->consumer = chute_consumer_open(ring->fd);
	*state = ring;
	return ring->producer && ring->consumer ? 0 : -1;
}

int drain_ring_close(void **state)
{
	struct drain_ring *ring = *state;

	chute_close(ring->producer);
	chute_consumer_close(ring->consumer);
	close(ring->fd);
	free(ring);
	return 0;
}

void send_number(struct drain_ring *ring, __u64 number)
{
	assert_int_equal(chute_send(ring->producer, &number, sizeof(number), 0), 0);
}

int sum_up(const void *payload, __u32 size, void *sum)
{
	if (size != sizeof(__u64))
		return 1;
	*(__u64 *)sum += *(const __u64 *)payload;
	return 0;
}
