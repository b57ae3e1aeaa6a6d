/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile.h: payloads of packed records that are not what they say, of ones that are,
 * and of plain records that look like them; and what a consumer must make of each,
 * told by the format alone.
 */
#ifndef CHUTE_TESTS_HOSTILE_H
#define CHUTE_TESTS_HOSTILE_H

#include "support.h"

#include <chute/drain.h>

#define HOSTILE_MAX 20480

struct hostile {
	__u64 words[HOSTILE_MAX / 8];
	__u32 length; /* of the payload */
};

void hostile_make(struct hostile *h, __u64 *random);

/* Call @fn for each message that must come out. Returns whether it is malformed. */
bool hostile_read(const struct hostile *h, chute_message_fn *fn, void *ctx);

/* On stderr, so that it is no part of TAP. */
void hostile_print(const struct hostile *h);

#endif
