/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/chute.bpf.h: the receiving side, for BPF programs.
 *
 *	CHUTE_RING(orders, 256 * 1024);
 *
 *	static void on_order(const struct order *order, void *ctx) { ... }
 *	CHUTE_RECEIVE(struct order, on_order);
 *
 *	... in a program:  chute_drain_messages(&orders, on_order, ctx);
 *
 * Include <linux/bpf.h> (or vmlinux.h) and <bpf/bpf_helpers.h> first. Needs
 * nothing that Linux 6.1 has not, and no vmlinux.h. See chute(3).
 *
 * A function that receives is named once at file scope, since a BPF program can't
 * call through a pointer: CHUTE_RECEIVE(type, fn) for messages of one type,
 * CHUTE_MESSAGES(fn) for messages of any size. It returns nothing: a packed
 * record is consumed as a whole, so there is no stopping in its middle.
 */
#ifndef CHUTE_BPF_H
#define CHUTE_BPF_H

#include <chute/format.h>

/*
 * The longest message that CHUTE_MESSAGES() hands out, and what the function may
 * read from its pointer on, whatever the message's size: what lies past the size
 * is garbage. A power of two; define it before including this for longer ones.
 */
#ifndef CHUTE_MESSAGE_MAX
#define CHUTE_MESSAGE_MAX 1024
#endif

/* Messages of a run handled by one step of bpf_loop(): a step costs a call, and
 * the verifier walks through fn() as often. Half as many of a mixed record. */
#ifndef CHUTE_STEP
#define CHUTE_STEP 64
#endif

struct chute_side_value {
	struct chute_side side;
	__u64 next; /* where in the copy the next message is */
	__u64 end;  /* bytes of messages in the copy */
	__u64 size; /* of each message, or CHUTE_PACK_MIXED */
	/* A copy of the record's messages: the verifier can check offsets against
	 * its size, and nobody can change it after a look. */
	char copy[CHUTE_PACK_BYTES_MAX + CHUTE_MESSAGE_MAX];
};

/*
 * Define a user ring buffer map with @bytes of data (a power of two, a multiple
 * of the page size), and NAME_side, the array beside it: its descriptor goes into
 * chute_opts.side_fd, so that drains need to wake only producers that sleep.
 */
#define CHUTE_RING(name, bytes)                                                                    \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_USER_RINGBUF);                                           \
		__uint(max_entries, bytes);                                                        \
	} name SEC(".maps");                                                                       \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, struct chute_side_value);                                            \
	} name##_side SEC(".maps")

/* ---- insides ---- */

/* Keeps the compiler from splitting a checked offset into parts that the verifier
 * knows nothing of. */
#define CHUTE_OPAQUE(x) __asm__ volatile("" : "+r"(x))

#define CHUTE_COPY_END	(CHUTE_PACK_BYTES_MAX + CHUTE_MESSAGE_MAX)
#define CHUTE_STEPS	(CHUTE_PACK_BYTES_MAX / 8 / CHUTE_STEP + 1)

/* What the callbacks are given. All that changes is in the map's value, which the
 * verifier does not follow: on the stack each count would be a state of its own. */
struct chute_receiver {
	void *ctx; /* the caller's */
	struct chute_side_value *value;
};

/* Copy the messages of a packed record. False, and counted, if it is not what it
 * says it is. */
static __always_inline int chute_unpack(struct bpf_dynptr *record, struct chute_receiver *r,
					const struct chute_packed *pack)
{
	__u64 size = *(volatile const __u32 *)&pack->size;
	__u64 bytes = *(volatile const __u32 *)&pack->bytes;
	struct chute_side_value *value = r->value;

	value->next = 0;
	value->end = bytes;
	value->size = size;
	CHUTE_OPAQUE(bytes);
	if (bytes && bytes <= CHUTE_PACK_BYTES_MAX &&
	    (size <= CHUTE_PACK_MESSAGE_MAX || size == CHUTE_PACK_MIXED) &&
	    !bpf_dynptr_read(value->copy, bytes, record, sizeof(*pack), 0))
		return 1;
	value->side.malformed++;
	return 0;
}

/* The size of a record's payload, or CHUTE_MESSAGE_MAX + 1 if it is above that.
 * There is no helper that tells; what can't be read is past the end. */
static __always_inline __u32 chute_payload_size(struct bpf_dynptr *record)
{
	__u32 size = 0, bit;

	if (bpf_dynptr_data(record, CHUTE_MESSAGE_MAX, 1))
		return CHUTE_MESSAGE_MAX + 1;
	for (bit = CHUTE_MESSAGE_MAX; bit; bit >>= 1)
		if (bpf_dynptr_data(record, size + bit - 1, 1))
			size += bit;
	return size;
}

/* Wake producers that sleep. The drain has moved consumer_pos before, with its
 * own wake-up turned off. */
static __always_inline long chute_drain_records(void *ring, void *callback,
						struct chute_receiver *r)
{
	struct chute_side *side = &r->value->side;
	__u64 before = side->messages;
	long ret, again;

	ret = bpf_user_ringbuf_drain(ring, callback, r, BPF_RB_NO_WAKEUP);
	/* W1: pairs with W0. An exchange is a full barrier: either the producer
	 * sees the position, or we see that it sleeps. */
	if (__sync_lock_test_and_set(&side->sleepers, 0)) {
		again = bpf_user_ringbuf_drain(ring, callback, r, BPF_RB_FORCE_WAKEUP);
		if (ret >= 0 && again < 0 && again != -16 /* EBUSY: that one looks too */)
			ret = again;
	}
	return ret < 0 ? ret : (long)(side->messages - before);
}

/*
 * Defines the callbacks that lead to fn(). NEED: bytes that fn() may read from a
 * message on. SIZE(r): of each message in a run. WANTED(size): is it to be
 * delivered? CALL(r, msg, size): calls fn(). SINGLE(r, record): handles a record
 * that is not packed.
 */
#define CHUTE_RECEIVER(fn, NEED, SIZE, WANTED, CALL, SINGLE)                                       \
	static long fn##__run(__u64 step, struct chute_receiver *r)                                \
	{                                                                                          \
		struct chute_side_value *v = r->value;                                             \
		__u64 size = SIZE(v), stride = chute_message_bytes(size);                          \
		__u64 next = v->next, end = v->end;                                                \
		__u32 i;                                                                           \
                                                                                                   \
		_Pragma("clang loop unroll(disable)") for (i = 0; i < CHUTE_STEP; i++)             \
		{                                                                                  \
			CHUTE_OPAQUE(next);                                                        \
			if (next + stride > end || next > CHUTE_COPY_END - (NEED))                 \
				break;                                                             \
			CALL(r, v->copy + next, size);                                             \
			next += stride;                                                            \
		}                                                                                  \
		v->next = next;                                                                    \
		v->side.messages += i;                                                             \
		return i < CHUTE_STEP;                                                             \
	}                                                                                          \
                                                                                                   \
	static long fn##__mixed(__u64 step, struct chute_receiver *r)                              \
	{                                                                                          \
		struct chute_side_value *v = r->value;                                             \
		__u64 next = v->next, end = v->end, size, rounded;                                 \
		__u32 i;                                                                           \
                                                                                                   \
		_Pragma("clang loop unroll(disable)") for (i = 0; i < CHUTE_STEP / 2; i++)         \
		{                                                                                  \
			CHUTE_OPAQUE(next);                                                        \
			if (next + 8 > end || next > CHUTE_COPY_END - 8 - (NEED))                  \
				break;                                                             \
			size = *(volatile const __u32 *)(v->copy + next);                          \
			rounded = (size + 7) & ~7ULL;                                              \
			if (size > CHUTE_PACK_MESSAGE_MAX || next + 8 + rounded > end)             \
				break;                                                             \
			if (WANTED(size)) {                                                        \
				CALL(r, v->copy + next + 8, size);                                 \
				v->side.messages++;                                                \
			} else {                                                                   \
				v->side.wrong_size++;                                              \
			}                                                                          \
			next += 8 + rounded;                                                       \
		}                                                                                  \
		v->next = next;                                                                    \
		return i < CHUTE_STEP / 2;                                                         \
	}                                                                                          \
                                                                                                   \
	static long fn##__record(struct bpf_dynptr *record, struct chute_receiver *r)              \
	{                                                                                          \
		struct chute_side_value *v = r->value;                                             \
		const struct chute_packed *pack = bpf_dynptr_data(record, 0, sizeof(*pack));       \
                                                                                                   \
		if (!pack || pack->magic != CHUTE_PACK_MAGIC) {                                    \
			SINGLE(r, record);                                                         \
			return 0;                                                                  \
		}                                                                                  \
		if (!chute_unpack(record, r, pack))                                                \
			return 0;                                                                  \
		if (v->size == CHUTE_PACK_MIXED) {                                                 \
			bpf_loop(2 * CHUTE_STEPS, fn##__mixed, r, 0);                              \
		} else if (WANTED(v->size)) {                                                      \
			bpf_loop(CHUTE_STEPS, fn##__run, r, 0);                                    \
		} else {                                                                           \
			v->side.wrong_size += v->end / chute_message_bytes(v->size);               \
			return 0;                                                                  \
		}                                                                                  \
		/* A run ends with its last message, and so does a mixed record. */                \
		if (v->next != v->end)                                                             \
			v->side.malformed++;                                                       \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	static __always_inline long fn##__drain(void *ring, void *side, void *ctx)                 \
	{                                                                                          \
		struct chute_receiver r = { .ctx = ctx };                                          \
		__u32 zero = 0;                                                                    \
                                                                                                   \
		r.value = bpf_map_lookup_elem(side, &zero);                                        \
		return r.value ? chute_drain_records(ring, fn##__record, &r) : -22;                \
	}

/*
 * CHUTE_MESSAGES(fn): fn(const void *msg, __u32 size, void *ctx) receives messages
 * of any size up to CHUTE_MESSAGE_MAX; longer ones are counted (too_long).
 */
#define CHUTE_MESSAGES(fn)                                                                         \
	static __always_inline int fn##__wanted(__u32 size)                                        \
	{                                                                                          \
		return 1;                                                                          \
	}                                                                                          \
	static __always_inline __u32 fn##__size(struct chute_side_value *v)                        \
	{                                                                                          \
		return v->size;                                                                    \
	}                                                                                          \
	static __always_inline void fn##__call(struct chute_receiver *r, const void *msg,          \
					       __u32 size)                                         \
	{                                                                                          \
		fn(msg, size, r->ctx);                                                             \
	}                                                                                          \
	static __always_inline void fn##__single(struct chute_receiver *r,                         \
						 struct bpf_dynptr *record)                        \
	{                                                                                          \
		__u32 size = chute_payload_size(record);                                           \
                                                                                                   \
		if (size > CHUTE_MESSAGE_MAX ||                                                    \
		    bpf_dynptr_read(r->value->copy, size, record, 0, 0)) {                         \
			r->value->side.too_long++;                                                 \
			return;                                                                    \
		}                                                                                  \
		fn(r->value->copy, size, r->ctx);                                                  \
		r->value->side.messages++;                                                         \
	}                                                                                          \
	CHUTE_RECEIVER(fn, CHUTE_MESSAGE_MAX, fn##__size, fn##__wanted, fn##__call, fn##__single)

/*
 * CHUTE_RECEIVE(type, fn): fn(const type *msg, void *ctx) receives messages of
 * exactly the type's size; others are counted (wrong_size).
 */
#define CHUTE_RECEIVE(type, fn)                                                                    \
	static __always_inline int fn##__wanted(__u32 size)                                        \
	{                                                                                          \
		return size == sizeof(type);                                                       \
	}                                                                                          \
	static __always_inline __u32 fn##__size(struct chute_side_value *v)                        \
	{                                                                                          \
		return sizeof(type);                                                               \
	}                                                                                          \
	static __always_inline void fn##__call(struct chute_receiver *r, const void *msg,          \
					       __u32 size)                                         \
	{                                                                                          \
		fn((const type *)msg, r->ctx);                                                     \
	}                                                                                          \
	static __always_inline void fn##__single(struct chute_receiver *r,                         \
						 struct bpf_dynptr *record)                        \
	{                                                                                          \
		const type *msg = bpf_dynptr_data(record, 0, sizeof(type));                        \
                                                                                                   \
		if (!msg || bpf_dynptr_data(record, sizeof(type), 1)) {                            \
			r->value->side.wrong_size++;                                               \
			return;                                                                    \
		}                                                                                  \
		fn(msg, r->ctx);                                                                   \
		r->value->side.messages++;                                                         \
	}                                                                                          \
	CHUTE_RECEIVER(fn, sizeof(type), fn##__size, fn##__wanted, fn##__call, fn##__single)

/*
 * Drain the ring and call fn() for each message; @ring is &NAME of CHUTE_RING.
 * Returns the number of messages, or what bpf_user_ringbuf_drain() returned if
 * that is negative. Wakes producers only if one sleeps.
 */
#define chute_drain_messages(ring, fn, ctx) fn##__drain(ring, ring##_side, ctx)

#endif /* CHUTE_BPF_H */
