// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * bench.bpf.c: receivers as one writes them by hand: a drain with default flags,
 * whose callback looks at the message through bpf_dynptr_data(), the cheapest way
 * to it. The same program receives from chute and from libbpf's producer.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../bench/bench.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

/* What one might use in place of a ring. */
#define OTHER_ENTRIES (64 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OTHER_ENTRIES);
	__type(key, __u32);
	__type(value, struct bench_message_8);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, OTHER_ENTRIES);
	__type(value, struct bench_message_8);
} queue SEC(".maps");

struct bench_totals received;

static long add_8(struct bpf_dynptr *record, void *ctx)
{
	const struct bench_message_8 *message = bpf_dynptr_data(record, 0, sizeof(*message));

	if (message) {
		received.sum += message->word;
		received.messages++;
	}
	return 0;
}

static long add_64(struct bpf_dynptr *record, void *ctx)
{
	const struct bench_message_64 *message = bpf_dynptr_data(record, 0, sizeof(*message));
	int i;

	if (!message)
		return 0;
#pragma unroll
	for (i = 0; i < 8; i++)
		received.sum += message->words[i];
	received.messages++;
	return 0;
}

static long note_time(struct bpf_dynptr *record, void *ctx)
{
	received.messages++;
	received.last_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("syscall")
int drain_8(void *ctx)
{
	return bpf_user_ringbuf_drain(&ring, add_8, NULL, 0);
}

SEC("syscall")
int drain_64(void *ctx)
{
	return bpf_user_ringbuf_drain(&ring, add_64, NULL, 0);
}

SEC("syscall")
int drain_note_time(void *ctx)
{
	return bpf_user_ringbuf_drain(&ring, note_time, NULL, 0);
}

/* A message as the context of a test run. */
SEC("syscall")
int take_context(struct bench_message_8 *message)
{
	received.sum += message->word;
	received.messages++;
	return 0;
}

static long pop_one(__u32 i, void *ctx)
{
	struct bench_message_8 message;

	if (bpf_map_pop_elem(&queue, &message))
		return 1;
	received.sum += message.word;
	received.messages++;
	return 0;
}

SEC("syscall")
int drain_queue(void *ctx)
{
	bpf_loop(OTHER_ENTRIES, pop_one, NULL, 0);
	return 0;
}

static long read_one(__u32 i, void *ctx)
{
	const struct bench_message_8 *message = bpf_map_lookup_elem(&array, &i);

	if (!message)
		return 1;
	received.sum += message->word;
	received.messages++;
	return 0;
}

/* Reads the array's first entries, as many as the context says. */
SEC("syscall")
int read_array(struct bench_message_8 *entries)
{
	bpf_loop((__u32)entries->word, read_one, NULL, 0);
	return 0;
}
