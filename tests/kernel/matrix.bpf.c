// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * matrix.bpf.c: receivers of all kinds, to be loaded and never run: types from a byte
 * to more than is packed, functions that are short, branchy, long or loop, and program
 * types other than the one that the tests run. With -DVMLINUX: on vmlinux.h.
 */
#ifdef VMLINUX
#include "vmlinux.h"
#else
#include <linux/bpf.h>
#endif
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* As a program may have it that asks for itself. */
extern int LINUX_KERNEL_VERSION __kconfig;

CHUTE_RING(ring, 64 * 1024);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} counts SEC(".maps");

__u64 count, bytes, sum;

#define PROGRAM(name, section, fn)                                                                 \
	SEC(section)                                                                               \
	int name(void *ctx)                                                                        \
	{                                                                                          \
		return chute_drain_messages(&ring, fn, ctx) > 0;                                   \
	}

/* ---- types ---- */

#define TYPED(SIZE)                                                                                \
	struct type_##SIZE {                                                                       \
		unsigned char bytes[SIZE];                                                         \
	};                                                                                         \
                                                                                                   \
	static int on_##SIZE(const struct type_##SIZE *msg, void *ctx)                             \
	{                                                                                          \
		count++;                                                                           \
		sum += msg->bytes[0] + msg->bytes[SIZE - 1];                                       \
		return CHUTE_NEXT;                                                                 \
	}                                                                                          \
	CHUTE_RECEIVE(struct type_##SIZE, on_##SIZE)                                               \
	PROGRAM(typed_##SIZE, "syscall", on_##SIZE)

TYPED(1)
TYPED(8)
TYPED(12)
TYPED(64)
TYPED(200)
TYPED(1024)
TYPED(4096)

struct words {
	__u64 words[128];
};

/* Every word, without a branch. */
static int on_words(const struct words *msg, void *ctx)
{
	__u64 hash = sum;
	int i;

	for (i = 0; i < 128; i++)
		hash = (hash ^ msg->words[i]) * 0x100000001b3ULL;
	sum = hash;
	return CHUTE_NEXT;
}
CHUTE_RECEIVE(struct words, on_words)
PROGRAM(typed_hash, "syscall", on_words)

/* ---- messages of any size ---- */

static int on_any(const void *msg, __u32 size, void *ctx)
{
	count++;
	bytes += size;
	sum += *(const __u64 *)msg;
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(on_any)
PROGRAM(messages, "syscall", on_any)
PROGRAM(messages_tracepoint, "tp/syscalls/sys_enter_getpgid", on_any)
PROGRAM(messages_kprobe, "kprobe", on_any)
PROGRAM(messages_perf_event, "perf_event", on_any)
PROGRAM(messages_xdp, "xdp", on_any)
PROGRAM(messages_tc, "tc", on_any)

static __always_inline void count_word(const __u64 *word)
{
	__u64 key = *word, one = 1, *value;

	if (key & 1)
		sum ^= key;
	if (key % 3)
		bytes += key & 0xff;
	else
		count++;
	value = bpf_map_lookup_elem(&counts, &key);
	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
}

/* Long, with many branches and calls. */
static int on_branches(const void *msg, __u32 size, void *ctx)
{
	const __u64 *words = msg;

	count_word(&words[0]);
	count_word(&words[1]);
	count_word(&words[2]);
	count_word(&words[3]);
	count_word(&words[4]);
	count_word(&words[5]);
	count_word(&words[6]);
	count_word(&words[7]);
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(on_branches)
PROGRAM(messages_branches, "syscall", on_branches)

/* An index that depends on the size, bounded by the function itself. */
static int on_last(const void *msg, __u32 size, void *ctx)
{
	const __u64 *words = msg;

	sum += words[(size - 1) / 8 & (CHUTE_MESSAGE_MAX / 8 - 1)];
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(on_last)
PROGRAM(messages_last, "syscall", on_last)

/* Loops that end early: a state of its own for each end. */
#undef CHUTE_STEP
#define CHUTE_STEP 2

static int on_words_of(const void *msg, __u32 size, void *ctx)
{
	const __u64 *words = msg;
	__u64 hash = sum;
	__u32 i;

	for (i = 0; i < CHUTE_MESSAGE_MAX / 8 && i * 8 < size; i++)
		hash = (hash ^ words[i]) * 0x100000001b3ULL;
	sum = hash;
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(on_words_of)
PROGRAM(messages_hash, "syscall", on_words_of)

static int on_bytes_of(const void *msg, __u32 size, void *ctx)
{
	const unsigned char *each = msg;
	__u64 hash = sum;
	__u32 i;

	for (i = 0; i < CHUTE_MESSAGE_MAX && i < size; i++)
		hash = (hash ^ each[i]) * 0x100000001b3ULL;
	sum = hash;
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(on_bytes_of)
PROGRAM(messages_byte_hash, "syscall", on_bytes_of)

static __noinline int on_bytes_apart(const void *msg, __u32 size, void *ctx)
{
	return on_bytes_of(msg, size, ctx);
}
CHUTE_MESSAGES(on_bytes_apart)
PROGRAM(messages_not_inlined, "syscall", on_bytes_apart)
