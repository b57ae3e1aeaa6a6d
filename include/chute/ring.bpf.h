/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/ring.bpf.h: the maps of a ring that a BPF program drains, and what a drain keeps
 * in them. Part of chute/chute.bpf.h.
 *
 * NAME is the ring. NAME_side is shared with producers, which may write anything into it:
 * nothing is read from it but whether one sleeps. NAME_state is the receiver's own: no
 * producer has its descriptor, and it can't be mapped.
 */
#ifndef CHUTE_RING_BPF_H
#define CHUTE_RING_BPF_H

#include <chute/atomic.bpf.h>
#include <chute/format.h>

/*
 * The longest message that CHUTE_MESSAGES() hands out, and what the function may
 * read from its pointer on, whatever the message's size: what lies past the size
 * is garbage. Define it before including this for longer ones; a multiple of 8.
 */
#ifndef CHUTE_MESSAGE_MAX
#define CHUTE_MESSAGE_MAX 1024
#endif
_Static_assert(CHUTE_MESSAGE_MAX >= CHUTE_PACK_MESSAGE_MAX, "packed messages may be that long");
_Static_assert(CHUTE_MESSAGE_MAX % 8 == 0, "messages are copied in words");

/* Where a message may start in the copy: what an offset is masked with, since every
 * verifier knows what a mask leaves, and not all know what a comparison leaves of one
 * that is a multiple of 8. */
#define CHUTE_COPY_MASK	 0x3ff8ULL
#define CHUTE_COPY_BYTES (CHUTE_COPY_MASK + 8 + CHUTE_MESSAGE_MAX)
_Static_assert(CHUTE_PACK_BYTES_MAX <= CHUTE_COPY_MASK, "an offset stays as it is");

/* What a drain works with: one at a time, which has `busy`. */
struct chute_state {
	__u64 busy;
	/* The copy has messages from `next` to `end`, of `size` bytes or CHUTE_PACK_MIXED. */
	__u64 next;
	__u64 end;
	__u32 size;
	__u32 pad;
	__u64 rest;    /* they were left by a drain that stopped: they come first */
	__u64 stopped; /* the function said CHUTE_STOP */
	__u64 used;    /* this drain has received something */
	__u64 more;    /* the last drain did not see the ring's end */
	__u64 records; /* this drain may still take */
	__s64 budget;  /* of this drain, see CHUTE_DRAIN_BUDGET */
	__s64 count;   /* messages delivered by this drain */
	__s64 error;   /* of this drain */
	__u64 guess;   /* the size of the last message that was a record of its own */
	__u64 turn;    /* of lanes, in the first one's state: which is drained first */
	__u64 nothing; /* 0, which the verifier does not know */
	/* Totals, for NAME_side. */
	__u64 messages;
	__u64 malformed;
	__u64 wrong_size;
	__u64 too_long;
	/* The messages of a record: last, so that what reads past them leaves the map. The
	 * verifier can check variable offsets against its size. */
	__u64 copy[CHUTE_COPY_BYTES / 8];
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
	CHUTE_BESIDE(name, 1)

/* ---- insides ---- */

/* The maps beside @count rings, and where chute_drain_messages() finds them. */
#define CHUTE_BESIDE(name, count)                                                                  \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__uint(max_entries, count);                                                        \
		__type(key, __u32);                                                                \
		__type(value, struct chute_side);                                                  \
	} name##_side SEC(".maps");                                                                \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(max_entries, count);                                                        \
		__type(key, __u32);                                                                \
		__type(value, struct chute_state);                                                 \
	} name##_state SEC(".maps");                                                               \
	static __always_inline __attribute__((unused)) struct chute_maps                           \
		name##__must_be_defined_by_CHUTE_RING_or_CHUTE_LANES(void)                         \
	{                                                                                          \
		return (struct chute_maps){ &name, &name##_side, &name##_state, count };           \
	}                                                                                          \
	struct chute_maps

struct chute_maps {
	void *ring; /* of lanes: the array of rings */
	void *side;
	void *state;
	__u32 count;
};

/* Error numbers, the same on all of Linux's architectures. */
#define CHUTE_EBUSY  16
#define CHUTE_EINVAL 22

/* Keeps the compiler from splitting a checked value into parts that the verifier
 * knows nothing of. */
#define CHUTE_OPAQUE(x) __asm__ volatile("" : "+r"(x))

/* Not inlined: the key would come to lie where the compiler has kept a pointer, which
 * programs without CAP_PERFMON may not write over. */
static __noinline __attribute__((unused)) struct chute_state *chute_state_first(void *states)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(states, &first);
}

/* One drain at a time. The kernel's own lock is not enough: what a drain has left is
 * delivered without a record to call for. */
static __always_inline int chute_state_lock(struct chute_state *v)
{
	/* X0: pairs with X1. What the last drain has left is visible after it. */
	return chute_bpf_exchange(&v->busy, 1) == 0;
}

/*
 * Tells user space the totals, if they have changed. What has received nothing unlocks by a
 * plain store, and orders nothing: an empty look should cost little. Discarded records are
 * not told of: a producer that comes to sleep at this moment, for the space of these alone, is
 * woken by the next drain, or looks for itself within 10 ms.
 */
static __always_inline void chute_state_unlock(struct chute_state *v, struct chute_side *side)
{
	if (!v->used) {
		*(volatile __u64 *)&v->busy = 0;
		return;
	}
	side->messages = v->messages;
	side->malformed = v->malformed;
	side->wrong_size = v->wrong_size;
	side->too_long = v->too_long;
	/* X1: pairs with X0. Also a look at `sleepers` comes after it. */
	chute_bpf_exchange(&v->busy, 0);
}

#endif /* CHUTE_RING_BPF_H */
