/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unpack.h: the messages in a record, packed or not (chute/format.h), without consuming
 * it: what chute_drain_messages() would deliver.
 *
 * A producer may change a record under our eyes: each length is loaded once, checked
 * and then used; nothing outside the record is read.
 */
#ifndef CHUTE_TOOLS_IO_UNPACK_H
#define CHUTE_TOOLS_IO_UNPACK_H

#include <linux/types.h>
#include <stdbool.h>

struct unpack {
	const char *at, *end; /* what is left */
	__u32 size;	      /* of each message, or CHUTE_PACK_MIXED */
	bool packed;	      /* else the record is a message by itself */
	bool malformed;	      /* it is not what it says: what was delivered made sense */
};

/* @apart false: take it as a message by itself, whatever is in it. */
void unpack_start(struct unpack *u, const void *payload, __u32 length, bool apart);

/* The next message; it stays where it is. False after the last one. */
bool unpack_next(struct unpack *u, const void **message, __u32 *size);

#endif
