/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * oracle.h: what a drain's callback writes down of each record, in the same way in the
 * kernel (oracle.bpf.c) and in user space: for the tests that compare the two, and for
 * chute replay.
 */
#ifndef CHUTE_BPF_ORACLE_H
#define CHUTE_BPF_ORACLE_H

#include <linux/types.h>

/* One more than a drain takes, so that a drain that takes too many shows. */
#define ORACLE_ENTRIES 131073

/* A payload of up to this is kept whole; of a longer one, its two ends. */
#define ORACLE_WHOLE (1024 * 1024)
#define ORACLE_END   4096

/* A callback that finds ORACLE_WHOLE of them in use stops the drain, so the next
 * record's payload always has room. */
#define ORACLE_BYTES (2 * ORACLE_WHOLE)

struct oracle_entry {
	__u32 size; /* the payload's */
	__u32 at;   /* where what is kept of it starts in oracle_log.bytes */
};

struct oracle_log {
	__u32 count;
	__u32 used; /* of bytes */
	struct oracle_entry entries[ORACLE_ENTRIES];
	char bytes[ORACLE_BYTES];
};

/* What a drain is asked to do. */
struct oracle_order {
	__u64 flags;
	__u32 stop_after; /* callbacks; 0: never stop */
	__u32 nested;	  /* in its callback, drain once more with nested_flags */
	__u64 nested_flags;
	__u32 hold; /* stay in the callback until this is 0 again, for a bounded time */
};

static inline __u32 oracle_kept(__u32 size)
{
	return size <= ORACLE_WHOLE ? size : 2 * ORACLE_END;
}

#ifndef __bpf__
#include <string.h>

/* As write_down() of oracle.bpf.c. False if there is no room. */
static inline int oracle_write_down(struct oracle_log *log, const void *payload, __u32 size)
{
	char *to = log->bytes + log->used;

	if (log->count >= ORACLE_ENTRIES)
		return 0;
	log->entries[log->count].size = size;
	log->entries[log->count].at = log->used;
	if (size <= ORACLE_WHOLE) {
		memcpy(to, payload, size);
	} else {
		memcpy(to, payload, ORACLE_END);
		memcpy(to + ORACLE_END, (const char *)payload + size - ORACLE_END, ORACLE_END);
	}
	log->used += oracle_kept(size);
	log->count++;
	return 1;
}
#endif

#endif
