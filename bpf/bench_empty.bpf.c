// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * bench_empty.bpf.c: a look at a ring in which nothing is, by the helper alone and by
 * chute.bpf.h. Classifiers: the kernel runs those again and again in one system call, so
 * that a program that does nothing tells what a run costs. (It would XDP programs too,
 * but each such call patches the kernel, which takes milliseconds.)
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

#include "../bench/bench.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 4096);

struct bench_totals received;

static __always_inline int count_message(const struct bench_message_8 *message, void *ctx)
{
	received.messages++;
	return CHUTE_NEXT;
}
CHUTE_RECEIVE(struct bench_message_8, count_message);

static long count_record(struct bpf_dynptr *record, void *ctx)
{
	received.messages++;
	return 0;
}

SEC("tc")
int look_nowhere(struct __sk_buff *packet)
{
	return TC_ACT_OK;
}

SEC("tc")
int look_bare(struct __sk_buff *packet)
{
	return bpf_user_ringbuf_drain(&ring, count_record, NULL, 0) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc")
int look_chute(struct __sk_buff *packet)
{
	return chute_drain_messages(&ring, count_message, NULL) ? TC_ACT_SHOT : TC_ACT_OK;
}
