/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/unpack.bpf.h: takes apart the packed record whose messages are in a state's copy,
 * and calls a function for each. Part of chute/chute.bpf.h; knows no kind of ring.
 *
 * All that changes is in the map's value, which the verifier does not follow: on the
 * stack each count would be a state of its own. Functions are constants for whoever calls
 * these, which are inlined into the callbacks that CHUTE_RECEIVER() defines.
 */
#ifndef CHUTE_UNPACK_BPF_H
#define CHUTE_UNPACK_BPF_H

#include <chute/ring.bpf.h>

/*
 * What one drain may do: the messages that it delivers or skips, the records that it takes,
 * and each 64 bytes that it copies out of packed ones, added up. It ends after the record
 * in which that much is reached, and says that there is more. A packed record has 2045
 * messages at most. Define it before including this for shorter or longer ones.
 */
#ifndef CHUTE_DRAIN_BUDGET
#define CHUTE_DRAIN_BUDGET 131072
#endif

/* As the size that a receiver wants: any. */
#define CHUTE_ANY_SIZE 0xffffffffU

/* What the callbacks are given, on the stack of the function that drains. */
struct chute_receiver {
	void *ctx; /* the caller's */
	void *ring;
	struct chute_state *state;
	struct chute_side *side;
};

typedef int chute_call_fn(const void *msg, __u32 size, void *ctx);

/* What a callback returns: 1 is the end. Masked, since the verifier of Linux 6.1 wants to see
 * that it is 0 or 1 also where it follows what a CPU may guess, and there knows no more. */
static __always_inline long chute_callback(__u64 over)
{
	CHUTE_OPAQUE(over);
	return over & 1;
}

static __always_inline int chute_wants(__u32 want, __u64 size)
{
	return want == CHUTE_ANY_SIZE || (want <= CHUTE_PACK_MESSAGE_MAX && size == want);
}

static __always_inline void *chute_copy_at(struct chute_state *v, __u64 at)
{
	/* The compiler must not know that the mask changes nothing. */
	CHUTE_OPAQUE(at);
	return (char *)v->copy + (at & CHUTE_COPY_MASK);
}

/* The ones of the least power of two that is above CHUTE_MESSAGE_MAX. */
#define CHUTE_SIZE_MASK ((2ULL << (31 - __builtin_clz(CHUTE_MESSAGE_MAX))) - 1)

/*
 * Call the function, and return what it did. That a message is aligned is said, since clang
 * copies byte by byte what it takes for bytes. A size that varies is limited here once more,
 * for the verifier, and not for the compiler, which would leave out what the verifier wants in
 * the function. But the compiler must know that its upper half is zero: the size extended
 * once more would be a new value, of which the verifier knows nothing. Hence the mask.
 */
static __always_inline int chute_call(struct chute_receiver *r, __u32 want, chute_call_fn *call,
				      const void *msg, __u64 size)
{
	if (want == CHUTE_ANY_SIZE) {
		CHUTE_OPAQUE(size);
		if (size > CHUTE_MESSAGE_MAX)
			return CHUTE_NEXT;
		CHUTE_OPAQUE(size);
		size &= CHUTE_SIZE_MASK;
	}
	return call(__builtin_assume_aligned(msg, 8), (__u32)size, r->ctx);
}

/*
 * A message's size, in memory that is ours. Loaded for each use: the verifier follows what a
 * function makes of it, and that should not become states of the loop around it. The
 * compiler may not know of a limit that it has not seen compared, for it would leave out what
 * the verifier wants.
 */
static __always_inline __u64 chute_size_of(const volatile __u32 *size)
{
	__u64 value = *size;

	CHUTE_OPAQUE(value);
	return value;
}

/* @steps messages of a run. */
static __always_inline long chute_run_step(struct chute_receiver *r, __u32 want, __u32 steps,
					   chute_call_fn *call)
{
	struct chute_state *v = r->state;
	__u64 next = v->next, end = v->end, stride;
	__u64 size = want;
	int stop = 0;
	__u32 i;

	stride = chute_message_bytes(want == CHUTE_ANY_SIZE ? v->size : want);
	_Pragma("clang loop unroll(disable)") for (i = 0; i < steps && !stop; i++)
	{
		CHUTE_OPAQUE(next);
		if (want == CHUTE_ANY_SIZE)
			size = chute_size_of(&v->size);
		if (next + stride > end || size > CHUTE_PACK_MESSAGE_MAX)
			break;
		stop = chute_call(r, want, call, chute_copy_at(v, next), size);
		next += stride;
	}
	v->next = next;
	v->messages += i;
	v->budget -= i;
	v->stopped = !!stop;
	return chute_callback(stop || i < steps);
}

/* @steps messages of a mixed record. */
static __always_inline long chute_mixed_step(struct chute_receiver *r, __u32 want, __u32 steps,
					     chute_call_fn *call)
{
	struct chute_state *v = r->state;
	__u64 next = v->next, end = v->end, size, rounded;
	const __u32 *message;
	int stop = 0;
	__u32 i;

	_Pragma("clang loop unroll(disable)") for (i = 0; i < steps && !stop; i++)
	{
		CHUTE_OPAQUE(next);
		if (next + 8 > end)
			break;
		message = chute_copy_at(v, next);
		size = chute_size_of(message);
		rounded = (size + 7) & ~7ULL;
		CHUTE_OPAQUE(rounded);
		if (size > CHUTE_PACK_MESSAGE_MAX || next + 8 + rounded > end)
			break;
		if (chute_wants(want, size)) {
			size = want == CHUTE_ANY_SIZE ? chute_size_of(message) : want;
			if (size > CHUTE_PACK_MESSAGE_MAX)
				break;
			stop = chute_call(r, want, call, message + 2, size);
			v->messages++;
		} else {
			v->wrong_size++;
		}
		next += 8 + rounded;
	}
	v->next = next;
	v->budget -= i;
	v->stopped = !!stop;
	return chute_callback(stop || i < steps);
}

/* A run whose messages are of the wrong size. */
static __always_inline void chute_pass_over_run(struct chute_state *v)
{
	__u64 count = (v->end - v->next) / chute_message_bytes(v->size);

	v->wrong_size += count;
	v->budget -= count;
	v->next += count * chute_message_bytes(v->size);
}

/*
 * Deliver what is in the copy, from `next` on. @run and @mixed are the callbacks around
 * the two above. What is left when the function stops is there for the next drain.
 */
static __always_inline void chute_unpack_copy(struct chute_receiver *r, __u32 want, __u32 steps,
					      void *run, void *mixed)
{
	/* A mixed record's step has half as many messages, and a run's are 8 bytes at least. */
	const __u32 loops = 2 * (CHUTE_PACK_BYTES_MAX / 8 / steps + 1);
	struct chute_state *v = r->state;

	v->used = 1;
	if (v->size == CHUTE_PACK_MIXED)
		bpf_loop(loops, mixed, r, 0);
	else if (chute_wants(want, v->size))
		bpf_loop(loops, run, r, 0);
	else
		chute_pass_over_run(v);
	v->rest = v->stopped && v->next != v->end;
	/* A run ends with its last message, and so does a mixed record. */
	if (!v->stopped && v->next != v->end)
		v->malformed++;
}

/* Is the drain to end, before the ring does? */
static __always_inline int chute_ends(struct chute_state *v)
{
	v->more = v->stopped || !v->records || v->budget <= 0;
	return v->more;
}

#endif /* CHUTE_UNPACK_BPF_H */
