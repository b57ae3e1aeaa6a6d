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
 * is garbage. Define it before including this for longer ones.
 */
#ifndef CHUTE_MESSAGE_MAX
#define CHUTE_MESSAGE_MAX 1024
#endif
_Static_assert(CHUTE_MESSAGE_MAX >= CHUTE_PACK_MESSAGE_MAX, "packed messages may be that long");

/*
 * Messages of a run handled by one step of bpf_loop(), half as many of a mixed
 * record: a step costs a call, and the verifier walks through fn() as often. Where
 * that is too long for it, as with most loops over a message's bytes, define it as
 * 1 to 4 before CHUTE_RECEIVE() or CHUTE_MESSAGES() names the function.
 */
#ifndef CHUTE_STEP
#define CHUTE_STEP 64
#endif

struct chute_side_value {
	struct chute_side side;
	__u64 next;  /* where in the copy the next message is */
	__u64 end;   /* bytes of messages in the copy */
	__u64 size;  /* of each message, or CHUTE_PACK_MIXED */
	__u64 guess; /* the size of the last message that was a record of its own */
	__u64 quota; /* of a lane: records to go; 0: no limit */
	/* A copy of the record's messages, since the verifier can check variable
	 * offsets against its size. */
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
#define CHUTE_OPAQUE(x)	 __asm__ volatile("" : "+r"(x))

#define CHUTE_COPY_END	 (CHUTE_PACK_BYTES_MAX + CHUTE_MESSAGE_MAX)
#define CHUTE_STEPS	 (CHUTE_PACK_BYTES_MAX / 8 / CHUTE_STEP + 1)
#define CHUTE_MIXED_STEP ((CHUTE_STEP + 1) / 2)

/* Linux 6.5 and later tell the size of a payload, by a kfunc. On older ones that is
 * a dead branch for the verifier. CHUTE_NO_KFUNCS: where a program's loader, or a
 * kernel without BTF, can't do with a reference to one. */
#ifndef CHUTE_NO_KFUNCS
extern int LINUX_KERNEL_VERSION __kconfig;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym __weak;
#define CHUTE_ASK_SIZE(record)                                                                     \
	do {                                                                                       \
		if (LINUX_KERNEL_VERSION >= 0x060500)                                              \
			return bpf_dynptr_size(record);                                            \
	} while (0)
#else
#define CHUTE_ASK_SIZE(record)
#endif

/* What the callbacks are given. All that changes is in the map's value, which the
 * verifier does not follow: on the stack each count would be a state of its own. */
struct chute_receiver {
	void *ctx; /* the caller's */
	void *ring;
	struct chute_side_value *value;
};

/*
 * The bytes of a record's payload; above CHUTE_MESSAGE_MAX, anything above. No
 * helper tells: what can't be read is past the end. Each look costs a call, so the
 * first two are for what the last message had, and then small sizes come first.
 * Not inlined: a callback that runs out of registers spills `record` to the stack,
 * where the verifier forgets that it is a dynptr.
 */
static __noinline __attribute__((unused)) __u64 chute_probe_size(struct bpf_dynptr *record,
								 struct chute_side_value *v)
{
	__u32 bit;

	if (bpf_dynptr_data(record, v->guess, 0) && !bpf_dynptr_data(record, v->guess, 1))
		return v->guess;
	if (bpf_dynptr_data(record, CHUTE_MESSAGE_MAX, 1))
		return CHUTE_MESSAGE_MAX + 1;
	for (bit = 8; bit < CHUTE_MESSAGE_MAX && bpf_dynptr_data(record, bit, 1); bit *= 2)
		;
	for (v->guess = 0; bit; bit /= 2)
		if (bpf_dynptr_data(record, v->guess + bit - 1, 1))
			v->guess += bit;
	return v->guess;
}

static __always_inline __u64 chute_payload_size(struct bpf_dynptr *record,
						struct chute_side_value *v)
{
	CHUTE_ASK_SIZE(record);
	return chute_probe_size(record, v);
}

/* Is what starts here, and is long enough, a packed record? Notes what it says. */
static __always_inline int chute_is_packed(const void *start, struct chute_side_value *v)
{
	const volatile struct chute_packed *pack = start;

	if (pack->magic != CHUTE_PACK_MAGIC)
		return 0;
	v->size = pack->size;
	v->end = pack->bytes;
	return 1;
}

/* A record that is no message for us: is it packed? Otherwise it counts. */
static __always_inline int chute_pass_over(struct bpf_dynptr *record, struct chute_side_value *v,
					   __u64 *count)
{
	const void *start = bpf_dynptr_data(record, 0, sizeof(struct chute_packed));

	if (start && chute_is_packed(start, v))
		return 0;
	++*count;
	return 1;
}

/* Copy the messages of a packed record. False, and counted, if it is not what it
 * says it is. */
static __always_inline int chute_unpack(struct bpf_dynptr *record, struct chute_side_value *v)
{
	__u64 size = v->size, bytes = v->end;
	int good = bytes && (size <= CHUTE_PACK_MESSAGE_MAX || size == CHUTE_PACK_MIXED);

	v->next = 0;
	/* Linux 6.1 knows of a limit only if just this is compared with it. */
	CHUTE_OPAQUE(bytes);
	if (good && bytes <= CHUTE_PACK_BYTES_MAX &&
	    !bpf_dynptr_read(v->copy, bytes, record, sizeof(struct chute_packed), 0))
		return 1;
	v->side.malformed++;
	return 0;
}

/* A run whose messages are of the wrong size. */
static __always_inline void chute_pass_over_run(struct chute_side_value *v)
{
	__u64 count = v->end / chute_message_bytes(v->size);

	v->side.wrong_size += count;
	v->next = count * chute_message_bytes(v->size);
}

/* What a drain's callback returns: 1 stops it. */
static __always_inline long chute_quota_is_up(struct chute_side_value *v)
{
	if (!v->quota)
		return 0;
	return --v->quota == 0;
}

/* 8 bytes wide, which is the word and zeroes: a shorter exchange needs more of a
 * compiler's -mcpu than its default. */
static __always_inline __u64 chute_exchange_sleepers(struct chute_side *side, __u64 sleepers)
{
	/* W1: pairs with W0. A full barrier: either the producer sees the position
	 * that the drain moved, or we see that it sleeps. */
	return __sync_lock_test_and_set((__u64 *)&side->sleepers, sleepers);
}

/*
 * Defines the callbacks that lead to fn(). NEED: bytes that fn() may read from a
 * message on. SIZE(v): of each message in a run. WANTED(size): is it to be
 * delivered? CALL(r, msg, size): calls fn(). PLAIN(record, r): handles a record
 * and returns 1, or 0 for a packed one.
 */
#define CHUTE_RECEIVER(fn, NEED, SIZE, WANTED, CALL, PLAIN)                                        \
	static long fn##__run(__u64 step, struct chute_receiver *r)                                \
	{                                                                                          \
		struct chute_side_value *v = r->value;                                             \
		__u64 next = v->next, end = v->end, stride = chute_message_bytes(SIZE(v));         \
		__u32 i;                                                                           \
                                                                                                   \
		_Pragma("clang loop unroll(disable)") for (i = 0; i < CHUTE_STEP; i++)             \
		{                                                                                  \
			CHUTE_OPAQUE(next);                                                        \
			if (next + stride > end || next > CHUTE_COPY_END - (NEED))                 \
				break;                                                             \
			CALL(r, v->copy + next, SIZE(v));                                          \
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
		_Pragma("clang loop unroll(disable)") for (i = 0; i < CHUTE_MIXED_STEP; i++)       \
		{                                                                                  \
			CHUTE_OPAQUE(next);                                                        \
			if (next + 8 > end || next > CHUTE_COPY_END - 8 - (NEED))                  \
				break;                                                             \
			size = *(volatile const __u32 *)(v->copy + next);                          \
			rounded = (size + 7) & ~7ULL;                                              \
			CHUTE_OPAQUE(rounded);                                                     \
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
		return i < CHUTE_MIXED_STEP;                                                       \
	}                                                                                          \
                                                                                                   \
	static long fn##__record(struct bpf_dynptr *record, struct chute_receiver *r)              \
	{                                                                                          \
		struct chute_side_value *v = r->value;                                             \
                                                                                                   \
		if (PLAIN(record, r) || !chute_unpack(record, v))                                  \
			return chute_quota_is_up(v);                                               \
		if (v->size == CHUTE_PACK_MIXED)                                                   \
			bpf_loop(2 * CHUTE_STEPS, fn##__mixed, r, 0);                              \
		else if (WANTED(v->size))                                                          \
			bpf_loop(CHUTE_STEPS, fn##__run, r, 0);                                    \
		else                                                                               \
			chute_pass_over_run(v);                                                    \
		/* A run ends with its last message, and so does a mixed record. */                \
		if (v->next != v->end)                                                             \
			v->side.malformed++;                                                       \
		return chute_quota_is_up(v);                                                       \
	}                                                                                          \
                                                                                                   \
	/* -EBUSY: another drain holds the ring and wakes nobody, since we have taken              \
	 * its reason from `sleepers`. Put it back: who still holds the ring after that            \
	 * looks there when it is through. */                                                      \
	static long fn##__wake(__u64 again, struct chute_receiver *r)                              \
	{                                                                                          \
		if (bpf_user_ringbuf_drain(r->ring, fn##__record, r, BPF_RB_FORCE_WAKEUP) != -16)  \
			return 1;                                                                  \
		chute_exchange_sleepers(&r->value->side, 1);                                       \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	static __always_inline long fn##__drain(void *ring, void *side, __u32 index, __u64 quota,  \
						void *ctx)                                         \
	{                                                                                          \
		struct chute_receiver r = { .ctx = ctx, .ring = ring };                            \
		struct chute_side_value *v;                                                        \
		__u64 before;                                                                      \
		long ret;                                                                          \
                                                                                                   \
		v = r.value = bpf_map_lookup_elem(side, &index);                                   \
		if (!v)                                                                            \
			return -22;                                                                \
		v->quota = quota;                                                                  \
		before = v->side.messages;                                                         \
		ret = bpf_user_ringbuf_drain(ring, fn##__record, &r, BPF_RB_NO_WAKEUP);            \
		/* -EBUSY: the other one looks. The wake drains what is there by now: one          \
		 * record where the quota is up, for a quota of 0 is none. */                      \
		if (ret != -16 && chute_exchange_sleepers(&v->side, 0)) {                          \
			if (quota && !v->quota)                                                    \
				v->quota = 1;                                                      \
			bpf_loop(2, fn##__wake, &r, 0);                                            \
		}                                                                                  \
		return ret < 0 ? ret : (long)(v->side.messages - before);                          \
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
		return *(volatile __u64 *)&v->size;                                                \
	}                                                                                          \
	static __always_inline void fn##__call(struct chute_receiver *r, const void *msg,          \
					       __u32 size)                                         \
	{                                                                                          \
		/* The compiler may not know how long a message can be: it would leave out the     \
		 * checks of fn() that the verifier wants. */                                      \
		CHUTE_OPAQUE(size);                                                                \
		fn(msg, size, r->ctx);                                                             \
	}                                                                                          \
	static __always_inline int fn##__plain(struct bpf_dynptr *record,                          \
					       struct chute_receiver *r)                           \
	{                                                                                          \
		struct chute_side_value *v = r->value;                                             \
		__u64 size = chute_payload_size(record, v);                                        \
                                                                                                   \
		CHUTE_OPAQUE(size);                                                                \
		if (size > CHUTE_MESSAGE_MAX || bpf_dynptr_read(v->copy, size, record, 0, 0))      \
			return chute_pass_over(record, v, &v->side.too_long);                      \
		if (size >= sizeof(struct chute_packed) && chute_is_packed(v->copy, v))            \
			return 0;                                                                  \
		fn##__call(r, v->copy, size);                                                      \
		v->side.messages++;                                                                \
		return 1;                                                                          \
	}                                                                                          \
	CHUTE_RECEIVER(fn, CHUTE_MESSAGE_MAX, fn##__size, fn##__wanted, fn##__call, fn##__plain)

/*
 * CHUTE_RECEIVE(type, fn): fn(const type *msg, void *ctx) receives messages of
 * exactly the type's size; others are counted (wrong_size).
 */
#define CHUTE_RECEIVE(type, fn)                                                                    \
	static __always_inline int fn##__wanted(__u32 size)                                        \
	{                                                                                          \
		return sizeof(type) <= CHUTE_PACK_MESSAGE_MAX && size == sizeof(type);             \
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
	static __always_inline int fn##__plain(struct bpf_dynptr *record,                          \
					       struct chute_receiver *r)                           \
	{                                                                                          \
		const type *msg = bpf_dynptr_data(record, 0, sizeof(type));                        \
		struct chute_side_value *v = r->value;                                             \
                                                                                                   \
		if (sizeof(type) >= sizeof(struct chute_packed) && msg && chute_is_packed(msg, v)) \
			return 0;                                                                  \
		if (!msg || bpf_dynptr_data(record, sizeof(type), 1))                              \
			return chute_pass_over(record, v, &v->side.wrong_size);                    \
		fn(msg, r->ctx);                                                                   \
		v->side.messages++;                                                                \
		return 1;                                                                          \
	}                                                                                          \
	CHUTE_RECEIVER(fn, sizeof(type) <= CHUTE_PACK_MESSAGE_MAX ? sizeof(type) : 0, fn##__size,  \
		       fn##__wanted, fn##__call, fn##__plain)

/*
 * Drain the ring and call fn() for each message; @ring is &NAME of CHUTE_RING.
 * Returns the number of messages, or what bpf_user_ringbuf_drain() returned if
 * that is negative. Wakes producers only if one sleeps.
 */
#define chute_drain_messages(ring, fn, ctx) fn##__drain(ring, ring##_side, 0, 0, ctx)

/*
 * Lanes: an array of rings, one for each producing thread (chute/lanes.h).
 *
 * CHUTE_LANES defines the array of up to @count rings of @bytes each, and NAME_side,
 * with an element for each. User space puts rings into it: the loader before or
 * after it loads the program, a new one whenever it likes (bpf_map_update_elem()).
 */
#define CHUTE_LANES(name, count, bytes)                                                            \
	struct name##_ring {                                                                       \
		__uint(type, BPF_MAP_TYPE_USER_RINGBUF);                                           \
		__uint(max_entries, bytes);                                                        \
	};                                                                                         \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, count);                                                        \
		__uint(key_size, sizeof(__u32));                                                   \
		__array(values, struct name##_ring);                                               \
	} name SEC(".maps");                                                                       \
	enum { name##_count = (count) };                                                           \
	_Static_assert((count) > 0 && (count) <= CHUTE_LANES_MAX, "too many lanes");               \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, count);                                                        \
		__type(key, __u32);                                                                \
		__type(value, struct chute_side_value);                                            \
	} name##_side SEC(".maps")

/* A lane is left after this many records, for the next one; a drain ends when a
 * round over all lanes has found none with more, or after this many rounds. */
#define CHUTE_LANE_QUOTA  64
#define CHUTE_LANE_ROUNDS 1024
#define CHUTE_LANES_MAX	  8192 /* what bpf_loop() takes, by the rounds */

/* On the stack of the function that drains. */
struct chute_lanes_state {
	void *ctx; /* the caller's */
	__u32 count, lane;
	__u32 more; /* a lane of this round had its quota */
	__s32 error;
	__u64 messages;
};

#define CHUTE_LANES_RECEIVER(lanes, fn)                                                            \
	static long fn##__lane(__u64 step, struct chute_lanes_state *s)                            \
	{                                                                                          \
		__u32 lane = step % lanes##_count;                                                 \
		void *ring = bpf_map_lookup_elem(&lanes, &lane);                                   \
		struct chute_side_value *v = bpf_map_lookup_elem(&lanes##_side, &lane);            \
		__u64 before;                                                                      \
		long ret;                                                                          \
                                                                                                   \
		s->lane = lane;                                                                    \
		if (ring && v) {                                                                   \
			before = v->side.messages;                                                 \
			ret = fn##__drain(ring, &lanes##_side, lane, CHUTE_LANE_QUOTA, s);         \
			if (ret < 0 && !s->error)                                                  \
				s->error = ret;                                                    \
			s->messages += v->side.messages - before;                                  \
			s->more |= !v->quota;                                                      \
		}                                                                                  \
		if (lane + 1 < lanes##_count)                                                      \
			return 0;                                                                  \
		ret = !s->more;                                                                    \
		s->more = 0;                                                                       \
		return ret;                                                                        \
	}                                                                                          \
                                                                                                   \
	static __always_inline long fn##__drain_##lanes(void *ctx)                                 \
	{                                                                                          \
		struct chute_lanes_state s = { .ctx = ctx };                                       \
                                                                                                   \
		bpf_loop(lanes##_count *CHUTE_LANE_ROUNDS, fn##__lane, &s, 0);                     \
		return s.error ? s.error : (long)s.messages;                                       \
	}

/*
 * CHUTE_LANE_MESSAGES(lanes, fn): fn(__u32 lane, const void *msg, __u32 size,
 * void *ctx) receives messages of any size from the rings of CHUTE_LANES(lanes, ...);
 * CHUTE_LANE_RECEIVE(lanes, type, fn): fn(__u32 lane, const type *msg, void *ctx)
 * those of exactly the type's size. Else as CHUTE_MESSAGES and CHUTE_RECEIVE.
 */
#define CHUTE_LANE_MESSAGES(lanes, fn)                                                             \
	static __always_inline void fn##__in(const void *msg, __u32 size, void *ctx)               \
	{                                                                                          \
		struct chute_lanes_state *s = ctx;                                                 \
                                                                                                   \
		fn(s->lane, msg, size, s->ctx);                                                    \
	}                                                                                          \
	CHUTE_MESSAGES(fn##__in)                                                                   \
	CHUTE_LANES_RECEIVER(lanes, fn##__in)

#define CHUTE_LANE_RECEIVE(lanes, type, fn)                                                        \
	static __always_inline void fn##__in(const type *msg, void *ctx)                           \
	{                                                                                          \
		struct chute_lanes_state *s = ctx;                                                 \
                                                                                                   \
		fn(s->lane, msg, s->ctx);                                                          \
	}                                                                                          \
	CHUTE_RECEIVE(type, fn##__in)                                                              \
	CHUTE_LANES_RECEIVER(lanes, fn##__in)

/*
 * Drain all lanes in turn and call fn() for each message. Returns the number of
 * messages, or the first error of a lane, which does not keep the others from
 * being drained.
 */
#define chute_drain_lanes(lanes, fn, ctx) fn##__in__drain_##lanes(ctx)

#endif /* CHUTE_BPF_H */
