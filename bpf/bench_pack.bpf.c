// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * bench_pack.bpf.c: the receivers of bench.bpf.c with chute.bpf.h: for packed
 * messages and plain records alike, and with wake-ups on demand.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

#include "../bench/bench.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 256 * 1024);

struct bench_totals received;

static __always_inline int add_8(const struct bench_message_8 *message, void *ctx)
{
	received.sum += message->word;
	received.messages++;
	return CHUTE_NEXT;
}
CHUTE_RECEIVE(struct bench_message_8, add_8);

static __always_inline int add_64(const struct bench_message_64 *message, void *ctx)
{
	int i;

#pragma unroll
	for (i = 0; i < 8; i++)
		received.sum += message->words[i];
	received.messages++;
	return CHUTE_NEXT;
}
CHUTE_RECEIVE(struct bench_message_64, add_64);

static __always_inline int add_first(const void *message, __u32 size, void *ctx)
{
	received.sum += *(const __u64 *)message;
	received.messages++;
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(add_first);

static __always_inline int note_time(const void *message, __u32 size, void *ctx)
{
	received.messages++;
	received.last_ns = bpf_ktime_get_ns();
	return CHUTE_NEXT;
}
CHUTE_MESSAGES(note_time);

SEC("syscall")
int drain_8(void *ctx)
{
	return chute_drain_messages(&ring, add_8, NULL);
}

SEC("syscall")
int drain_64(void *ctx)
{
	return chute_drain_messages(&ring, add_64, NULL);
}

SEC("syscall")
int drain_mixed(void *ctx)
{
	return chute_drain_messages(&ring, add_first, NULL);
}

SEC("syscall")
int drain_note_time(void *ctx)
{
	return chute_drain_messages(&ring, note_time, NULL);
}
