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
	/* Never read by the kernel, and kept by a drain. While the record is BUSY,
	 * chute keeps there whose it is; see chute(7). */
	__u32 pad;
};

/* In the pad of a BUSY record: discard it when it is finished. */
#define CHUTE_PAD_SKIP (1U << 30)

/* The bytes that a record with @size bytes of payload takes in the ring. */
static inline __u64 chute_record_bytes(__u32 size)
{
	return ((__u64)size + CHUTE_HEADER_SIZE + 7) & ~7ULL;
}

/*
 * A packed record: many messages in one record's payload, behind this header.
 *
 * A run has messages of one size, at a distance of chute_message_bytes(size). A
 * mixed record has a struct chute_message before each one. Messages start at
 * multiples of 8. What a record's payload does not start with the magic number
 * is a message by itself.
 */
#define CHUTE_PACK_MAGIC 0x9c4b1f63d25ae807ULL
#define CHUTE_PACK_MIXED 0xffffffffU /* as a size: each message has its own */

/* The longest message that is packed, in bytes; longer ones are records of their own. */
#define CHUTE_PACK_MESSAGE_MAX 1024

/* The most bytes of messages that one packed record has: a record of 16 KiB. */
#define CHUTE_PACK_BYTES_MAX (16384 - 24)

struct chute_packed {
	__u64 magic;
	__u32 size;  /* of each message, in bytes, or CHUTE_PACK_MIXED */
	__u32 bytes; /* all that follows: not 0, a multiple of 8 */
};

struct chute_message {
	__u32 len; /* bytes of the message that follows */
	__u32 pad; /* not used */
};

/* The bytes that a message of @size bytes takes in a run. Never 0, so that a
 * walk always gets on. */
static inline __u32 chute_message_bytes(__u32 size)
{
	return size ? (size + 7) & ~7U : 8;
}

/* What a function that receives messages returns, in user space and in BPF: go on, or
 * stop after this message. */
enum { CHUTE_NEXT, CHUTE_STOP };

/*
 * What user space and a BPF program share beside a ring in a map (the value of
 * the array map that CHUTE_RING makes). On the ring itself they can't: a BPF
 * program does not get at the ring's memory.
 */
struct chute_side {
	__u32 sleepers;	  /* a producer sleeps, or is about to; see chute(7), W0 */
	__u32 pad0[15];	  /* 0: a BPF program exchanges 8 bytes */
	__u64 messages;	  /* delivered */
	__u64 malformed;  /* packed records that were not what they said, skipped */
	__u64 wrong_size; /* messages that were not of the type's size, skipped */
	__u64 too_long;	  /* messages above CHUTE_MESSAGE_MAX, skipped */
	__u64 pad1[4];
};

#endif /* CHUTE_FORMAT_H */
