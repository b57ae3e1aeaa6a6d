/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/format.h: what a record of a BPF user ring buffer looks like.
 *
 * Knows the header's bits and the rounding, nothing about memory or positions.
 * Compiles for user space and for BPF. The format is the kernel's own:
 * kernel/bpf/ringbuf.c, __bpf_user_ringbuf_peek(); see chute(7).
 */
#ifndef CHUTE_FORMAT_H
#define CHUTE_FORMAT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Bits of chute_header.len; the same as BPF_RINGBUF_BUSY_BIT and _DISCARD_BIT. */
#define CHUTE_BUSY	  (1U << 31) /* reserved and not finished: a drain stops here */
#define CHUTE_DISCARD	  (1U << 30) /* to be skipped; wins over CHUTE_BUSY */
#define CHUTE_LENGTH_MASK (CHUTE_DISCARD - 1)

/* Bytes of a record's header. Records start at positions divisible by 8. */
#define CHUTE_HEADER_SIZE 8U

/*
 * The longest payload, in bytes, that the kernel hands to a callback: what a
 * dynptr can describe (bpf_dynptr_check_size()). A longer record is refused
 * with -E2BIG by every drain, for ever, so no producer of ours makes one.
 */
#define CHUTE_PAYLOAD_MAX ((1U << 24) - 1)

struct chute_header {
	__u32 len; /* payload bytes, with CHUTE_BUSY and CHUTE_DISCARD */
	__u32 pad; /* never read by the kernel, and kept by a drain */
};

/* The bytes that a record with @size bytes of payload takes in the ring. */
static inline __u64 chute_record_bytes(__u32 size)
{
	return ((__u64)size + CHUTE_HEADER_SIZE + 7) & ~7ULL;
}

#endif /* CHUTE_FORMAT_H */
