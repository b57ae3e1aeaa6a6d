/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/receive.bpf.h: functions that receive, and drains that call them. Part of
 * chute/chute.bpf.h.
 *
 * A function that receives is named once at file scope, since a BPF program can't call
 * through a pointer. It returns CHUTE_NEXT, or CHUTE_STOP to end the drain after this
 * message: what is left, of a packed record too, comes first at the next drain.
 */
#ifndef CHUTE_RECEIVE_BPF_H
#define CHUTE_RECEIVE_BPF_H

#include <chute/user.bpf.h>

/*
 * Messages of a run handled by one step of bpf_loop(), half as many of a mixed
 * record: a step costs a call, and the verifier walks through fn() as often. Where
 * that is too long for it, as with most loops over a message's bytes, define it as
 * 1 to 4 before CHUTE_RECEIVE() or CHUTE_MESSAGES() names the function; as 1 where
 * programs are loaded without CAP_PERFMON, for which the verifier walks farther.
 */
#ifndef CHUTE_STEP
#define CHUTE_STEP 64
#endif

/*
 * CHUTE_MESSAGES(fn): int fn(const void *msg, __u32 size, void *ctx) receives messages
 * of any size up to CHUTE_MESSAGE_MAX; longer ones are counted (too_long). The verifier
 * knows that @size is no more than that: it can be a length of a copy or of a helper's
 * argument as it is. @msg is a copy that no producer can change, and aligned to 8.
 */
#define CHUTE_MESSAGES(fn)                                                                         \
	static __always_inline int fn##__call(const void *msg, __u32 size, void *ctx)              \
	{                                                                                          \
		return fn(msg, size, ctx);                                                         \
	}                                                                                          \
	CHUTE_RECEIVER(fn, CHUTE_ANY_SIZE)

/*
 * CHUTE_RECEIVE(type, fn): int fn(const type *msg, void *ctx) receives messages of
 * exactly the type's size; others are counted (wrong_size). A message that is a record of
 * its own is the ring's memory, which a producer that misbehaves may change meanwhile.
 */
#define CHUTE_RECEIVE(type, fn)                                                                    \
	static __always_inline int fn##__call(const void *msg, __u32 size, void *ctx)              \
	{                                                                                          \
		(void)size;                                                                        \
		return fn((const type *)msg, ctx);                                                 \
	}                                                                                          \
	CHUTE_RECEIVER(fn, sizeof(type))

/*
 * Drain the ring and call fn() for each message; @ring is &NAME of CHUTE_RING. Ends where
 * the ring does, when fn() returns CHUTE_STOP, or when CHUTE_DRAIN_BUDGET is used up.
 * Wakes producers only if one sleeps. One drain at a time, on whatever CPU.
 *
 * Returns the number of messages, or -EBUSY, or what bpf_user_ringbuf_drain() returned if
 * that is negative, whatever was received before.
 */
#define chute_drain_messages(ring, fn, ctx)                                                        \
	((void)fn##__must_be_named_by_CHUTE_RECEIVE_or_CHUTE_MESSAGES,                             \
	 fn##__drain(CHUTE_MAPS_OF(ring), ctx))

/*
 * The same until a drain has seen the ring's end, or fn() has stopped it, or
 * CHUTE_DRAIN_ALL_MAX drains have been made. Not where others wait for this CPU and
 * producers are not trusted.
 */
#define chute_drain_all(ring, fn, ctx)                                                             \
	((void)fn##__must_be_named_by_CHUTE_RECEIVE_or_CHUTE_MESSAGES,                             \
	 fn##__drain_all(CHUTE_MAPS_OF(ring), ctx))
#define CHUTE_DRAIN_ALL_MAX 1024

/*
 * Did the last drain end before the ring did, so that there may be more? 1 or 0. @ring is
 * &NAME of CHUTE_RING or CHUTE_LANES.
 */
#define chute_drain_more(ring) chute_more(CHUTE_MAPS_OF(ring))

/* ---- insides ---- */

#define CHUTE_MIXED_STEP ((CHUTE_STEP + 1) / 2)

/* @ring is `&name`, of which the last token is taken. */
#define CHUTE_MAPS_OF(ring) ((ring##__must_be_defined_by_CHUTE_RING_or_CHUTE_LANES)())

/* The callbacks that lead to fn##__call(), and the drains. */
#define CHUTE_RECEIVER(fn, WANT)                                                                   \
	enum { fn##__must_be_named_by_CHUTE_RECEIVE_or_CHUTE_MESSAGES };                           \
	static long fn##__run(__u64 step, struct chute_receiver *r)                                \
	{                                                                                          \
		(void)step;                                                                        \
		return chute_run_step(r, WANT, CHUTE_STEP, fn##__call);                            \
	}                                                                                          \
	static long fn##__mixed(__u64 step, struct chute_receiver *r)                              \
	{                                                                                          \
		(void)step;                                                                        \
		return chute_mixed_step(r, WANT, CHUTE_MIXED_STEP, fn##__call);                    \
	}                                                                                          \
	static __noinline void fn##__plain(struct chute_receiver *r, const void *msg, __u64 size)  \
	{                                                                                          \
		chute_plain(r, WANT, msg, size, fn##__call);                                       \
	}                                                                                          \
	static long fn##__record(struct bpf_dynptr *record, struct chute_receiver *r)              \
	{                                                                                          \
		return chute_user_record(record, r, WANT, fn##__plain);                            \
	}                                                                                          \
	static long fn##__pull(__u64 step, struct chute_receiver *r)                               \
	{                                                                                          \
		(void)step;                                                                        \
		return chute_user_pull(r, WANT, CHUTE_STEP, fn##__record, fn##__run, fn##__mixed); \
	}                                                                                          \
	static __always_inline long fn##__drain_one(void *ring, void *side, void *state,           \
						    __u32 index, __u64 records, void *ctx)         \
	{                                                                                          \
		return chute_drain_one(ring, side, state, index, records, ctx, fn##__record,       \
				       fn##__pull);                                                \
	}                                                                                          \
	static __always_inline                                                                     \
		__attribute__((unused)) long fn##__drain(struct chute_maps maps, void *ctx)        \
	{                                                                                          \
		return fn##__drain_one(maps.ring, maps.side, maps.state, 0, CHUTE_RECORDS_MAX,     \
				       ctx);                                                       \
	}                                                                                          \
	static long fn##__again(__u64 step, struct chute_again *a)                                 \
	{                                                                                          \
		(void)step;                                                                        \
		return chute_again_is_over(a, fn##__drain_one(a->maps.ring, a->maps.side,          \
							      a->maps.state, 0, CHUTE_RECORDS_MAX, \
							      a->ctx));                            \
	}                                                                                          \
	static __always_inline                                                                     \
		__attribute__((unused)) long fn##__drain_all(struct chute_maps maps, void *ctx)    \
	{                                                                                          \
		struct chute_again a = { .maps = maps, .ctx = ctx };                               \
                                                                                                   \
		chute_again_begin(&a);                                                             \
		bpf_loop(CHUTE_DRAIN_ALL_MAX, fn##__again, &a, 0);                                 \
		return a.error ? a.error : (long)a.messages;                                       \
	}

/* What the kernel's drain takes. */
#define CHUTE_RECORDS_MAX 131072

/* Of chute_drain_all(). */
struct chute_again {
	struct chute_maps maps;
	void *ctx;
	__s64 error;
	__u64 messages;
};

/* Begins as something of which the verifier knows nothing: it is then no new state each
 * time that it changes. */
static __always_inline void chute_again_begin(struct chute_again *a)
{
	struct chute_state *v = chute_state_first(a->maps.state);

	if (v)
		a->error = a->messages = v->nothing;
}

static __always_inline int chute_more(struct chute_maps maps)
{
	struct chute_state *v = chute_state_first(maps.state);

	return v && *(volatile __u64 *)&v->more;
}

static __always_inline long chute_again_is_over(struct chute_again *a, long ret)
{
	struct chute_state *v = chute_state_first(a->maps.state);

	if (ret < 0)
		a->error = ret;
	else
		a->messages += ret;
	return chute_callback(ret < 0 || !v || !v->more || v->stopped);
}

/* Drain a ring, up to so many records, with element @index of what is beside it. */
static __always_inline long chute_drain_one(void *ring, void *side, void *state, __u32 index,
					    __u64 records, void *ctx, void *record, void *pull)
{
	struct chute_receiver r = { .ctx = ctx, .ring = ring };

	r.state = bpf_map_lookup_elem(state, &index);
	r.side = bpf_map_lookup_elem(side, &index);
	if (!r.state || !r.side)
		return -CHUTE_EINVAL;
	return chute_user_drain(&r, records, record, pull);
}

#endif /* CHUTE_RECEIVE_BPF_H */
