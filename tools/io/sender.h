/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sender.h: puts records into a ring as its options have it: one of many producers,
 * packed, in batches, at a rate.
 *
 * Records are published some at a time while there is input, and all of them before we
 * wait for anything but the time of a record in a batch's middle, which has none: nobody
 * has to wait for records that we have.
 */
#ifndef CHUTE_TOOLS_IO_SENDER_H
#define CHUTE_TOOLS_IO_SENDER_H

#include "io/pace.h"
#include "cli/progress.h"
#include "ring/open.h"

#include <chute/chute.h>

#include <stdbool.h>

struct sender {
	struct ring ring;
	bool shared, recover; /* open the ring so */
	bool pack;
	__u64 batch; /* records that are published together; 0: as we see fit */
	struct pace pace;
	__s64 timeout_ns;
	bool quiet;

	struct chute *c;
	struct progress progress;
	struct tally sent;	/* published or staged */
	struct tally delivered; /* published, and the ring was still ours then */
};

/* Open the ring. Returns an exit status. */
int sender_open(struct sender *s);

/* Put a record into the ring, when its time has come and when there is space. Returns
 * an exit status; if a signal has come, the record may not be in the ring. */
int sender_put(struct sender *s, const char *data, __u32 size);

/* Before a wait, and at the end: publish all, and tell the consumer of a memory ring;
 * a map's comes when it likes. */
void sender_publish(struct sender *s);

/* The same at the end: has all been delivered? Returns an exit status. */
int sender_finish(struct sender *s);

/* Redraw the progress line if it is time. */
void sender_tick(struct sender *s);

#endif
