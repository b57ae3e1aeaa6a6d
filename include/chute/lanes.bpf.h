/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/lanes.bpf.h: arrays of rings, one for each producing thread (chute/lanes.h), and
 * drains of all of them. Part of chute/chute.bpf.h.
 */
#ifndef CHUTE_LANES_BPF_H
#define CHUTE_LANES_BPF_H

#include <chute/receive.bpf.h>

/*
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
	_Static_assert((count) > 0 && (count) <= CHUTE_LANES_MAX, "too many lanes");               \
	CHUTE_BESIDE(name, count)

/* A lane is left after this many records, for the next one; a drain ends when a
 * round over all lanes has found none with more, or after this many rounds. */
#define CHUTE_LANE_QUOTA  64
#define CHUTE_LANE_ROUNDS 1024
#define CHUTE_LANES_MAX	  8192 /* what bpf_loop() takes, by the rounds */

/*
 * CHUTE_LANE_MESSAGES(fn): int fn(__u32 lane, const void *msg, __u32 size, void *ctx)
 * receives messages of any size from the rings of CHUTE_LANES; CHUTE_LANE_RECEIVE(type,
 * fn): int fn(__u32 lane, const type *msg, void *ctx) those of exactly the type's size.
 * Else as CHUTE_MESSAGES and CHUTE_RECEIVE.
 */
#define CHUTE_LANE_MESSAGES(fn)                                                                    \
	static __always_inline int fn##__in(const void *msg, __u32 size, void *ctx)                \
	{                                                                                          \
		struct chute_lanes_state *s = ctx;                                                 \
                                                                                                   \
		return fn(s->lane, msg, size, s->ctx);                                             \
	}                                                                                          \
	CHUTE_MESSAGES(fn##__in)                                                                   \
	CHUTE_LANES_RECEIVER(fn, fn##__in)

#define CHUTE_LANE_RECEIVE(type, fn)                                                               \
	static __always_inline int fn##__in(const type *msg, void *ctx)                            \
	{                                                                                          \
		struct chute_lanes_state *s = ctx;                                                 \
                                                                                                   \
		return fn(s->lane, msg, s->ctx);                                                   \
	}                                                                                          \
	CHUTE_RECEIVE(type, fn##__in)                                                              \
	CHUTE_LANES_RECEIVER(fn, fn##__in)

/*
 * Drain all lanes in turn and call fn() for each message; @lanes is &NAME of CHUTE_LANES.
 * When fn() returns CHUTE_STOP the drain ends, and the next one begins with the lane after
 * that one. Returns the number of messages, or the first error of a lane, which does not
 * keep the others from being drained.
 */
#define chute_drain_lanes(lanes, fn, ctx)                                                          \
	((void)fn##__must_be_named_by_CHUTE_LANE_RECEIVE_or_CHUTE_LANE_MESSAGES,                   \
	 fn##__drain_lanes(CHUTE_MAPS_OF(lanes), ctx))

/* ---- insides ---- */

/* On the stack of the function that drains. The verifier should not follow what changes: it
 * begins as something of which it knows nothing, and is then no new state each time. */
struct chute_lanes_state {
	void *ctx; /* the caller's */
	struct chute_maps maps;
	__u32 first; /* whose turn was first */
	__u32 lane;  /* whose turn it is */
	__u64 more;  /* a lane of this round did not see its ring's end */
	__u64 stopped;
	__s64 error;
	__u64 messages;
};

#define CHUTE_LANES_RECEIVER(fn, in)                                                               \
	enum { fn##__must_be_named_by_CHUTE_LANE_RECEIVE_or_CHUTE_LANE_MESSAGES };                 \
	static long fn##__lane(__u64 step, struct chute_lanes_state *s)                            \
	{                                                                                          \
		__u32 lane = (s->first + (__u32)step) % s->maps.count;                             \
		void *ring = bpf_map_lookup_elem(s->maps.ring, &lane);                             \
		long ret;                                                                          \
                                                                                                   \
		s->lane = lane;                                                                    \
		if (ring) {                                                                        \
			ret = in##__drain_one(ring, s->maps.side, s->maps.state, lane,             \
					      CHUTE_LANE_QUOTA, s);                                \
			chute_lane_count(s, ret);                                                  \
		}                                                                                  \
		return chute_lane_is_last(s, step);                                                \
	}                                                                                          \
                                                                                                   \
	static __always_inline                                                                     \
		__attribute__((unused)) long fn##__drain_lanes(struct chute_maps maps, void *ctx)  \
	{                                                                                          \
		struct chute_lanes_state s = { .ctx = ctx, .maps = maps };                         \
                                                                                                   \
		chute_lanes_begin(&s);                                                             \
		bpf_loop(maps.count *CHUTE_LANE_ROUNDS, fn##__lane, &s, 0);                        \
		return chute_lanes_end(&s);                                                        \
	}

static __always_inline void chute_lanes_begin(struct chute_lanes_state *s)
{
	struct chute_state *v = chute_state_first(s->maps.state);

	if (!v)
		return;
	s->first = v->turn;
	s->more = s->stopped = s->error = s->messages = v->nothing;
}

/* What the drain of a lane returned. */
static __always_inline void chute_lane_count(struct chute_lanes_state *s, long ret)
{
	struct chute_state *v = bpf_map_lookup_elem(s->maps.state, &s->lane);

	if (ret >= 0)
		s->messages += ret;
	else if (!s->error)
		s->error = ret;
	if (v) {
		s->more |= v->more;
		s->stopped = v->stopped;
	}
}

/* Was it the last one? A round ends with the lane before the first. */
static __always_inline long chute_lane_is_last(struct chute_lanes_state *s, __u64 step)
{
	__u64 more = s->more;

	if (s->stopped)
		return chute_callback(1);
	if ((step + 1) % s->maps.count)
		return chute_callback(0);
	s->more = 0;
	return chute_callback(!more);
}

/* The first lane's state has what there is one of. */
static __always_inline long chute_lanes_end(struct chute_lanes_state *s)
{
	struct chute_state *v = chute_state_first(s->maps.state);

	if (v && s->stopped)
		v->turn = s->lane + 1;
	if (v)
		v->more = s->stopped || s->more;
	return s->error ? s->error : (long)s->messages;
}

#endif /* CHUTE_LANES_BPF_H */
