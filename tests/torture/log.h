/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h: where a BPF program writes down the records that it drains, for a reader in
 * user space: a ring of entries, each a length and a payload, whole and in order.
 */
#ifndef CHUTE_TESTS_TORTURE_LOG_H
#define CHUTE_TESTS_TORTURE_LOG_H

#define LOG_BYTES   (4U << 20) /* a power of two; an entry that starts in it may end past it */
#define LOG_PAYLOAD 16384U     /* the longest, which a packed record has */

struct log {
	__u64 head; /* where the next entry goes; by the program */
	__u64 tail; /* where the reader is */
	__u64 too_long;
	char bytes[LOG_BYTES + 2 * LOG_PAYLOAD];
};

/* An entry: a word with the payload's size, then the payload. */
static inline __u64 log_entry_bytes(__u32 size)
{
	return 8 + (((__u64)size + 7) & ~7ULL);
}

#endif
