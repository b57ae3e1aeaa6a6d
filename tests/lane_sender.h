/* SPDX-License-Identifier: BSD-2-Clause */
/* lane_sender.h: threads that send on lanes, single records, batches and packed ones. */
#ifndef CHUTE_TESTS_LANE_SENDER_H
#define CHUTE_TESTS_LANE_SENDER_H

#include "laned.h"
#include "support.h"

#include <pthread.h>

#include <chute/lanes.h>

struct lane_sender {
	struct chute_lanes *lanes;
	const int *fds; /* the rings, by index */
	__u32 sender;
	__u64 count;
	/* It waits there when it has its lane, and when it has sent all; may be NULL. */
	pthread_barrier_t *seated, *done;
	pthread_t thread;
	__u32 lane; /* where it was */
	int err;    /* why it did not send all */
};

/* The index of the ring that a handle produces on; LANES if it is none of them. */
__u32 lane_of(const struct chute *c, const int *fds);

/* One message, as a record of its own. */
void say(struct chute *c, __u32 sender, __u32 lane, __u64 number);

void lane_sender_start(struct lane_sender *s);
void lane_sender_end(struct lane_sender *s);

/* Start @count of them, which send @each messages, senders 0 to @count - 1. */
void lane_senders_start(struct lane_sender *s, unsigned int count, struct chute_lanes *lanes,
			const int *fds, __u64 each, pthread_barrier_t *seated,
			pthread_barrier_t *done);

/* What a thread gets that asks for a lane and ends: the lane, or -errno. */
int lane_of_another_thread(struct chute_lanes *lanes, const int *fds);

/* How many descriptors the process has open. */
int open_files(void);

/* All that @count senders have sent has come, in order, on the lanes they were on. */
void assert_heard(const struct heard *heard, const struct lane_sender *s, unsigned int count);

#endif
