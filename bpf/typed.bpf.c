// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * typed.bpf.c: receivers of one type each, by CHUTE_RECEIVE(): shorter than a word,
 * around the size of a packed record's header, the longest that is packed, and one
 * that never is.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

#include "../tests/fixture/receive.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 64 * 1024);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct received);
} received SEC(".maps");

/* A part of a message, at a place that the compiler knows. */
#define PART(msg, at, size)                                                                        \
	({                                                                                         \
		__u64 word = 0;                                                                    \
		__builtin_memcpy(&word, (const char *)(msg) + (at), size);                         \
		receive_part(word, size);                                                          \
	})

/* As receive_ends(). */
#define TYPED(SIZE)                                                                                \
	struct type_##SIZE {                                                                       \
		char bytes[SIZE];                                                                  \
	};                                                                                         \
                                                                                                   \
	static __always_inline int on_##SIZE(const struct type_##SIZE *msg, void *ctx)             \
	{                                                                                          \
		struct received *got = ctx;                                                        \
                                                                                                   \
		got->messages++;                                                                   \
		got->bytes += SIZE;                                                                \
		got->checksum = receive_mix(got->checksum, SIZE);                                  \
		got->checksum = receive_mix(got->checksum, PART(msg, 0, SIZE < 8 ? SIZE : 8));     \
		got->checksum = receive_mix(got->checksum,                                         \
					    PART(msg, (SIZE - 1) / 8 * 8, (SIZE - 1) % 8 + 1));    \
		return CHUTE_NEXT;                                                                 \
	}                                                                                          \
	CHUTE_RECEIVE(struct type_##SIZE, on_##SIZE)                                               \
                                                                                                   \
	SEC("syscall")                                                                             \
	int drain_##SIZE(void *ctx)                                                                \
	{                                                                                          \
		struct received *got;                                                              \
		__u32 zero = 0;                                                                    \
                                                                                                   \
		got = bpf_map_lookup_elem(&received, &zero);                                       \
		return got ? chute_drain_messages(&ring, on_##SIZE, got) : -1;                     \
	}

TYPED(1)
TYPED(8)
TYPED(12)
TYPED(16)
TYPED(24)
TYPED(64)
TYPED(200)
TYPED(1024)
TYPED(4096)
