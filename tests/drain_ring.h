/* SPDX-License-Identifier: BSD-2-Clause */
/* drain_ring.h: a memory ring with its producer and a consumer, for a test case. */
#ifndef CHUTE_TESTS_DRAIN_RING_H
#define CHUTE_TESTS_DRAIN_RING_H

#include <chute/drain.h>

#define RING 65536

struct drain_ring {
	int fd;
	struct chute *producer;
	struct chute_consumer *consumer;
};

/* A case's set-up and tear-down; its state is the ring. */
int drain_ring_open(void **state);
int drain_ring_close(void **state);

/* Send a record of 8 bytes; and the callback that adds them up in a __u64. */
void send_number(struct drain_ring *ring, __u64 number);
int sum_up(const void *payload, __u32 size, void *sum);

#endif
