/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * replay_log.h: what a drain's callback writes down of each record, in the same way in
 * the BPF program (bpf/replay.bpf.c) and in user space (replay.c).
 */
#ifndef CHUTE_TOOLS_BPF_REPLAY_LOG_H
#define CHUTE_TOOLS_BPF_REPLAY_LOG_H

#include <linux/types.h>

/* One more than a drain takes, so that one that takes too many shows. */
#define REPLAY_ENTRIES 131073

/* A payload of up to this is kept whole; of a longer one, its two ends. A callback that
 * finds so much in use stops the drain: the next payload always has room. */
#define REPLAY_WHOLE (512 * 1024)
#define REPLAY_END   4096

struct replay_entry {
	__u32 size; /* the payload's */
	__u32 at;   /* where what is kept of it starts in replay_log.bytes */
};

struct replay_log {
	__u32 count;
	__u32 used; /* of bytes */
	struct replay_entry entries[REPLAY_ENTRIES];
	char bytes[2 * REPLAY_WHOLE];
};

static inline __u32 replay_kept(__u32 size)
{
	return size <= REPLAY_WHOLE ? size : 2 * REPLAY_END;
}

#endif
