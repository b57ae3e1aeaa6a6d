// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * count.bpf.c: drains a user ring buffer and counts what comes: the receiver of
 * examples/count.c. Needs nothing that Linux 6.1 has not.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../examples/count.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define CHUNKS_MAX 256 /* 16 KiB a record */

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 256 * 1024);
} lines SEC(".maps");

struct count received;
__u64 too_long; /* records cut to CHUNKS_MAX */

/* One drain runs at a time, so one chunk will do. */
static __u64 words[CHUNK / 8];

/* Not inlined: `record` must stay in a register in the callback, because the
 * verifier forgets that it is a dynptr once it has been spilled to the stack. */
static __noinline int sum_chunk(void)
{
	count_chunk(&received, words);
	return 0;
}

/* A piece of the last chunk, if there is that much left. */
#define PIECE(at, size)                                                                            \
	do {                                                                                       \
		if (!bpf_dynptr_read((char *)words + (at), size, record, offset, 0))               \
			offset += (size);                                                          \
	} while (0)

static long count_record(struct bpf_dynptr *record, void *ctx)
{
	__u32 offset = 0;
	int i;

	for (i = 0; i < CHUNKS_MAX; i++) {
		if (bpf_dynptr_read(words, CHUNK, record, offset, 0))
			break;
		offset += CHUNK;
		sum_chunk();
	}
	if (i == CHUNKS_MAX) {
		too_long++;
		return 0;
	}
	__builtin_memset(words, 0, sizeof(words));
	PIECE(0, 32);
	PIECE(32, 16);
	PIECE(48, 8);
	PIECE(56, 4);
	PIECE(60, 2);
	PIECE(62, 1);
	sum_chunk();
	received.records++;
	received.bytes += offset;
	return 0;
}

/* Run by BPF_PROG_TEST_RUN; returns what the drain did. */
SEC("syscall")
int drain(void *ctx)
{
	return bpf_user_ringbuf_drain(&lines, count_record, NULL, 0);
}
