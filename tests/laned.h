/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * laned.h: what senders on lanes say, and what a receiver makes of it: in the tests, and
 * in bpf/lanes.bpf.c.
 */
#ifndef CHUTE_TESTS_LANED_H
#define CHUTE_TESTS_LANED_H

#include <linux/types.h>

#define LANES	4
#define SENDERS 8
#define LOG	16384

/* A message: who sends it on which lane, and its number, from 0 on. */
struct said {
	__u32 sender;
	__u32 lane;
	__u64 number;
};

struct heard {
	__u64 messages, wrong;
	__u64 next[SENDERS];	 /* of each sender: the next number */
	__u64 lane_count[LANES]; /* messages of each lane */
	__u8 log[LOG];		 /* the lane of each message */
};

/* Is the message of the lane that it says, and its sender's next one? */
static inline void hear(struct heard *h, __u32 lane, const struct said *said)
{
	__u64 at = h->messages++, sender = said->sender;

	if (at < LOG)
		h->log[at] = (__u8)lane;
	if (lane < LANES)
		h->lane_count[lane]++;
	if (sender < SENDERS && said->lane == lane && said->number == h->next[sender])
		h->next[sender]++;
	else
		h->wrong++;
}

#endif
