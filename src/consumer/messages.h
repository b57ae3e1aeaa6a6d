/* SPDX-License-Identifier: BSD-2-Clause */
/* messages.h: chute_drain_messages() with a limit of records. */
#ifndef CHUTE_SRC_MESSAGES_H
#define CHUTE_SRC_MESSAGES_H

#include <chute/drain.h>

#include <stdbool.h>

/* As chute_drain_messages(), but for at most @quota records; 0: no limit. @stopped: the
 * function said so. @found is not NULL. */
long chute_drain_some_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			       __u64 flags, unsigned int quota, struct chute_messages *found,
			       bool *stopped);

#endif
