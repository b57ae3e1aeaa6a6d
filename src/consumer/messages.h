/* SPDX-License-Identifier: BSD-2-Clause */
/* messages.h: chute_drain_messages() with a limit. */
#ifndef CHUTE_SRC_MESSAGES_H
#define CHUTE_SRC_MESSAGES_H

#include <chute/drain.h>

#include <stdbool.h>

/* As chute_drain_messages(), but for at most @quota records, whose number it
 * returns; 0: no limit. */
long chute_drain_some_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			       __u64 flags, unsigned int quota, struct chute_messages *found);

#endif
