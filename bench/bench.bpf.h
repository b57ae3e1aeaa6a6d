/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* bench.bpf.h: what the benchmarks' BPF programs and their user space share. */
#ifndef CHUTE_BENCH_BPF_H
#define CHUTE_BENCH_BPF_H

/* What has arrived. A cache line of its own: user space looks at it. */
struct bench_totals {
	__u64 messages;
	__u64 sum;     /* of the words that the receiver reads */
	__u64 last_ns; /* when the last one came, if the program says so */
	__u64 pad[5];
} __attribute__((aligned(64)));

struct bench_message_8 {
	__u64 word;
};

struct bench_message_64 {
	__u64 words[8];
};

/* The longest message of bench_copy.bpf.c. */
#define BENCH_COPY_MAX (64 * 1024)

/* Bytes of data in each of two lanes. */
#define BENCH_LANE_SIZE (128 * 1024)

#endif
