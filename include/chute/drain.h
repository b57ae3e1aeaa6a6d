/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/drain.h: the consumer's side of a memory ring.
 *
 * chute_drain() does in user space what bpf_user_ringbuf_drain() does in the
 * kernel (kernel/bpf/ringbuf.c; the documentation in linux/bpf.h), error for
 * error and count for count. A ring in a BPF map can't be drained from user
 * space: its consumer page is read-only there, and the kernel drains it.
 */
#ifndef CHUTE_DRAIN_H
#define CHUTE_DRAIN_H

#include <chute/chute.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of a drain; the same values as BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP.
 * Both together are accepted and wake. */
#define CHUTE_NO_WAKEUP	   (1ULL << 0)
#define CHUTE_FORCE_WAKEUP (1ULL << 1)

/* The most records, discarded ones counted, that one drain takes. */
#define CHUTE_DRAIN_MAX 131072

struct chute_consumer;

/*
 * Called for each record, with its payload (8-byte aligned, contiguous, valid
 * until the callback returns). A producer that misbehaves can change it at any
 * time: load once what you check. Returns 0 to go on, anything else to stop
 * after this record, which is consumed all the same.
 *
 * It may throw, and its thread may end or be cancelled in it: the record is then not
 * consumed, and the next drain, of anyone, begins with it. After a longjmp() out of it
 * the ring is free again when this consumer is closed.
 */
typedef int chute_drain_fn(const void *payload, __u32 size, void *ctx);

/*
 * Open a memory ring for draining. @fd is what chute_memory() returned or a
 * file that chute_memory_format() made; it stays the caller's, and may be closed.
 * Any number of consumers may be open; one at a time drains. The handle is the
 * caller's; chute_consumer_close() ends it, NULL is fine.
 *
 * NULL and errno: EINVAL (not a memory ring), EPERM (a ring in a BPF map),
 * EACCES (@fd is not open for writing), EBADF, E2BIG, EMFILE, ENOMEM.
 */
struct chute_consumer *chute_consumer_open(int fd);
void chute_consumer_close(struct chute_consumer *consumer);

/*
 * Consume records from the ring until there are no more, a record is not
 * finished (not an error), @callback stops it, or CHUTE_DRAIN_MAX are through.
 * Discarded records are skipped. The position moves after each callback: who
 * dies in one finds the same record again. A record that is published while it
 * runs may be left to the next call. Who calls it again and again without sleeping
 * (chute_drain_wait()) does well to rest for most of a microsecond after it has brought little:
 * looks at a producer's heels take from it the cache lines that it needs.
 *
 * Wakes producers that wait for space if at least one record was consumed, a
 * discarded one included; never with CHUTE_NO_WAKEUP; always with
 * CHUTE_FORCE_WAKEUP. Costs a system call only if one sleeps.
 *
 * Any thread or process may call it, one at a time: the others get -EBUSY.
 * A drain that was cut short by its process's death is not in the way.
 *
 * Returns the number of callbacks, or, whatever was consumed before:
 *   -EINVAL  unknown @flags; or a position is not a multiple of 8;
 *            or a record is longer than what the producer has published
 *   -E2BIG   a record is longer than the ring or than CHUTE_PAYLOAD_MAX
 *   -EBUSY   another drain is running
 */
long chute_drain(struct chute_consumer *consumer, chute_drain_fn *callback, void *ctx, __u64 flags);

/*
 * Consume without a callback: the records from @from, which must be the consumer's position,
 * up to @to, the next_pos of one that chute_peek() has shown (chute/inspect.h). What lies
 * between them is the caller's to have looked at: an unfinished record there would be
 * lost to its producer. @flags, wake-ups and who may call it are chute_drain()'s.
 *
 * Returns 0; -ESTALE if the consumer is elsewhere: another drain has been here since;
 * -EINVAL (unknown @flags; @to is not a multiple of 8, or is not published); -EBUSY.
 */
int chute_consume(struct chute_consumer *consumer, unsigned long from, unsigned long to,
		  __u64 flags);

/*
 * Called for each message by chute_drain_messages(). Returns CHUTE_NEXT to go on,
 * CHUTE_STOP (anything else) to stop after this message. The same function may be
 * compiled for BPF and named in CHUTE_MESSAGES() of chute/chute.bpf.h.
 */
typedef int chute_message_fn(const void *msg, __u32 size, void *ctx);

/* What chute_drain_messages() found. Zeroed by the caller, once. */
struct chute_messages {
	__u64 messages;	 /* delivered, added up */
	__u64 malformed; /* packed records that were not what they said, added up */
	__u32 more;	 /* 1: the last drain ended before it saw the ring's end. 0: it did */
	__u32 turn;	 /* of chute_drain_lanes(): which lane the next one begins with */
};

/*
 * As chute_drain(), and take packed records (chute/pack.h) apart: @fn is called
 * for each message, packed or not, in order. A packed record that is not what it
 * says is read as far as it makes sense, and counted in @found, which may be NULL.
 *
 * Ends as well when @fn stops it, and after the record in which CHUTE_DRAIN_MAX messages
 * are reached. A packed record that @fn has stopped in stays in the ring, and the next call,
 * by whatever process, goes on with the message after that one. (chute_drain() and
 * chute_peek() show the whole record once more.)
 *
 * Returns the number of messages, or -errno as chute_drain() does.
 */
long chute_drain_messages(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx,
			  __u64 flags, struct chute_messages *found);

/*
 * The same until the ring is empty: until a drain has seen its end, or @fn has stopped it, or
 * CHUTE_DRAIN_ALL_MAX drains have been made.
 */
long chute_drain_all(struct chute_consumer *consumer, chute_message_fn *fn, void *ctx, __u64 flags,
		     struct chute_messages *found);
#define CHUTE_DRAIN_ALL_MAX 1024

/*
 * The messages of one record, one after the other: what chute_drain_messages() would
 * call @fn for, for who has a payload in hand (chute_drain(), chute_peek()). Each length
 * is loaded once and checked before it is used; nothing outside the record is read.
 */
struct chute_unpacker {
	const char *at;	  /* the next message, not above ... */
	const char *last; /* ... the last place for one, or, where that varies, the end */
	__u32 stride;	  /* from message to message; 0: each has its size before it */
	__u32 size;	  /* of each */
	__u32 packed;	  /* else the record is a message by itself */
	__u32 malformed;  /* it is not what it says: what was delivered made sense */
};

static inline void chute_unpack(struct chute_unpacker *u, const void *payload, __u32 length);

/* The next message, in place. Returns 1, or 0 after the last one. */
static inline int chute_unpack_next(struct chute_unpacker *u, const void **message, __u32 *size);

/*
 * Wait up to @timeout_ns nanoseconds (CHUTE_FOREVER: without end; 0: only look)
 * until a drain would find something to consume, or an error, at the head.
 * chute_kick() ends the wait at once; a producer that does not kick is noticed
 * within 10 ms. A signal does not shorten it; it is a cancellation point. Any thread may
 * call it at any time.
 * Returns 0; -ETIMEDOUT; -EINVAL for any other negative @timeout_ns.
 */
int chute_drain_wait(struct chute_consumer *consumer, __s64 timeout_ns);

/* The bytes of data in the ring. Never changes. */
size_t chute_consumer_size(const struct chute_consumer *consumer);

/* ---- insides ---- */

static inline void chute_unpack(struct chute_unpacker *u, const void *payload, __u32 length)
{
	const struct chute_packed *pack = (const struct chute_packed *)payload;
	__u32 bytes;

	u->malformed = 0;
	u->packed = length >= sizeof(*pack) && chute_load_relaxed(&pack->magic) == CHUTE_PACK_MAGIC;
	if (!u->packed) {
		u->at = u->last = (const char *)payload;
		u->size = length;
		u->stride = length ? length : 1;
		return;
	}
	u->at = u->last = (const char *)(pack + 1);
	u->size = chute_load_relaxed(&pack->size);
	u->stride = u->size == CHUTE_PACK_MIXED ? 0 : chute_message_bytes(u->size);
	bytes = chute_load_relaxed(&pack->bytes);
	if (!bytes || bytes > CHUTE_PACK_BYTES_MAX || bytes > length - sizeof(*pack) ||
	    (u->size > CHUTE_PACK_MESSAGE_MAX && u->size != CHUTE_PACK_MIXED)) {
		u->malformed = 1;
		u->stride = 8;
		u->last = u->at - 8;
	} else {
		u->last = u->at + bytes - u->stride;
	}
}

static inline int chute_unpack_mixed(struct chute_unpacker *u, const void **message, __u32 *size)
{
	const struct chute_message *header = (const struct chute_message *)(const void *)u->at;
	__u32 left = (__u32)(u->last - u->at), bytes;

	if (left >= sizeof(*header)) {
		*size = chute_load_relaxed(&header->len);
		bytes = (__u32)sizeof(*header) + ((*size + 7) & ~7U);
		if (*size <= CHUTE_PACK_MESSAGE_MAX && bytes <= left) {
			*message = header + 1;
			u->at += bytes;
			return 1;
		}
	}
	u->malformed |= left != 0;
	u->at = u->last;
	return 0;
}

static inline int chute_unpack_next(struct chute_unpacker *u, const void **message, __u32 *size)
{
	if (!u->stride)
		return chute_unpack_mixed(u, message, size);
	if (u->at > u->last) {
		u->malformed |= u->at != u->last + u->stride;
		return 0;
	}
	*message = u->at;
	*size = u->size;
	u->at += u->stride;
	return 1;
}

#ifdef __cplusplus
}
#endif

#endif /* CHUTE_DRAIN_H */
