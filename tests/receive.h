/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * receive.h: a consumer that is one source for user space and for BPF, where the
 * same functions are named in CHUTE_MESSAGES(). What they make of a sequence of
 * messages depends on each one's size, content and place in it.
 */
#ifndef CHUTE_TESTS_RECEIVE_H
#define CHUTE_TESTS_RECEIVE_H

#ifdef __bpf__
#define RECEIVE_INLINE static __always_inline
#define RECEIVE_WORDS  (CHUTE_MESSAGE_MAX / 8) /* which can be read, a power of two */
#else
#define RECEIVE_INLINE static inline
#define RECEIVE_WORDS  (1U << 28)
#endif

struct received {
	__u64 messages, bytes, checksum;
};

RECEIVE_INLINE __u64 receive_mix(__u64 checksum, __u64 word)
{
	checksum = (checksum ^ word) * 0x9e3779b97f4a7c15ULL;
	return checksum ^ checksum >> 29;
}

/* The first @size bytes, 1 to 8, of a word in memory. */
RECEIVE_INLINE __u64 receive_part(__u64 word, __u32 size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return word << (64 - 8 * size);
#else
	return word >> (64 - 8 * size);
#endif
}

/* Every byte. A loop that ends early is what the verifier likes least. */
RECEIVE_INLINE void receive_whole(const void *msg, __u32 size, void *ctx)
{
	struct received *got = ctx;
	const __u64 *words = msg;
	__u64 checksum = receive_mix(got->checksum, size);
	__u32 i;

	for (i = 0; i < RECEIVE_WORDS && (i + 1) * 8 <= size; i++)
		checksum = receive_mix(checksum, words[i]);
	if (size % 8)
		checksum = receive_mix(
			checksum, receive_part(words[size / 8 & (RECEIVE_WORDS - 1)], size % 8));
	got->checksum = checksum;
	got->messages++;
	got->bytes += size;
}

/* The first and the last 8 bytes: short, as most receivers are. */
RECEIVE_INLINE void receive_ends(const void *msg, __u32 size, void *ctx)
{
	struct received *got = ctx;
	const __u64 *words = msg;
	__u32 last = (size - 1) / 8 & (RECEIVE_WORDS - 1);

	got->messages++;
	got->bytes += size;
	got->checksum = receive_mix(got->checksum, size);
	if (!size)
		return;
	got->checksum = receive_mix(got->checksum, receive_part(words[0], size < 8 ? size : 8));
	got->checksum = receive_mix(got->checksum, receive_part(words[last], (size - 1) % 8 + 1));
}

#endif
