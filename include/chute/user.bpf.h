/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/user.bpf.h: drains a user ring buffer: from a record's dynptr to a function that
 * receives, and whom to wake. Part of chute/chute.bpf.h.
 */
#ifndef CHUTE_USER_BPF_H
#define CHUTE_USER_BPF_H

#include <chute/unpack.bpf.h>

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

/*
 * The bytes of a record's payload; above CHUTE_MESSAGE_MAX, anything above. No
 * helper tells: what can't be read is past the end. Each look costs a call, so the
 * first two are for what the last message had. The size is put together in memory, where
 * the verifier does not follow it, and without a loop: each way through one would be a
 * path of its own, and each of those more where it follows what a CPU may guess.
 * Not inlined: a callback that runs out of registers spills `record` to the stack,
 * where the verifier forgets that it is a dynptr.
 */
static __noinline __attribute__((unused)) __u64 chute_probe_size(struct bpf_dynptr *record,
								 struct chute_state *v)
{
	__u32 bit;

	if (bpf_dynptr_data(record, v->guess, 0) && !bpf_dynptr_data(record, v->guess, 1))
		return v->guess;
	if (bpf_dynptr_data(record, CHUTE_MESSAGE_MAX, 1))
		return CHUTE_MESSAGE_MAX + 1;
	v->guess = 0;
	_Pragma("clang loop unroll(full)") for (bit = CHUTE_SIZE_MASK / 2 + 1; bit; bit /= 2)
	{
		if (bpf_dynptr_data(record, v->guess + bit - 1, 1))
			v->guess += bit;
	}
	return v->guess;
}

static __always_inline __u64 chute_payload_size(struct bpf_dynptr *record, struct chute_state *v)
{
	CHUTE_ASK_SIZE(record);
	return chute_probe_size(record, v);
}

/* Is what starts here, and is long enough, a packed record? Notes what it says. */
static __always_inline int chute_is_packed(const void *start, struct chute_state *v)
{
	const volatile struct chute_packed *pack = start;

	if (pack->magic != CHUTE_PACK_MAGIC)
		return 0;
	v->size = pack->size;
	v->end = pack->bytes;
	return 1;
}

/* A record that is no message for us: is it packed? Otherwise it counts. */
static __always_inline int chute_pass_over(struct bpf_dynptr *record, struct chute_state *v,
					   __u64 *count)
{
	const void *start = bpf_dynptr_data(record, 0, sizeof(struct chute_packed));

	if (start && chute_is_packed(start, v))
		return 0;
	++*count;
	return 1;
}

/* Copy the messages of a packed record. False, and counted, if it is not what it
 * says it is. Not inlined, as chute_probe_size(). */
static __noinline __attribute__((unused)) int chute_copy_messages(struct bpf_dynptr *record,
								  struct chute_state *v)
{
	__u64 size = v->size, bytes = v->end;
	int good = bytes && (size <= CHUTE_PACK_MESSAGE_MAX || size == CHUTE_PACK_MIXED);

	v->next = 0;
	/* Masked for the verifier, see chute_callback(). */
	if (good && bytes <= CHUTE_PACK_BYTES_MAX) {
		v->budget -= bytes / 64;
		CHUTE_OPAQUE(bytes);
		bytes &= CHUTE_COPY_MASK + 7;
		if (!bpf_dynptr_read(v->copy, bytes, record, sizeof(struct chute_packed), 0))
			return 1;
	}
	v->malformed++;
	return 0;
}

/*
 * A message that is a record of its own. The function around this is not inlined: what it
 * calls may need every register, and the callback would spill `record` to the stack.
 */
static __always_inline void chute_plain(struct chute_receiver *r, __u32 want, const void *msg,
					__u64 size, chute_call_fn *call)
{
	r->state->stopped = !!chute_call(r, want, call, msg, size);
	r->state->messages++;
}

typedef void chute_plain_fn(struct chute_receiver *r, const void *msg, __u64 size);

/* A record that is a message: delivered by @plain, or counted, and 1. 0: it is packed. */
static __always_inline int chute_plain_any(struct bpf_dynptr *record, struct chute_receiver *r,
					   chute_plain_fn *plain)
{
	struct chute_state *v = r->state;
	__u64 size = chute_payload_size(record, v);

	CHUTE_OPAQUE(size);
	if (size > CHUTE_MESSAGE_MAX)
		return chute_pass_over(record, v, &v->too_long);
	/* Masked for the verifier, see chute_callback(). */
	CHUTE_OPAQUE(size);
	size &= CHUTE_SIZE_MASK;
	if (bpf_dynptr_read(v->copy, size, record, 0, 0))
		return chute_pass_over(record, v, &v->too_long);
	if (size >= sizeof(struct chute_packed) && chute_is_packed(v->copy, v))
		return 0;
	plain(r, v->copy, size);
	return 1;
}

static __always_inline int chute_plain_typed(struct bpf_dynptr *record, struct chute_receiver *r,
					     __u32 want, chute_plain_fn *plain)
{
	struct chute_state *v = r->state;
	const void *msg = bpf_dynptr_data(record, 0, want);

	if (want >= sizeof(struct chute_packed) && msg && chute_is_packed(msg, v))
		return 0;
	if (!msg || bpf_dynptr_data(record, want, 1))
		return chute_pass_over(record, v, &v->wrong_size);
	plain(r, msg, want);
	return 1;
}

/*
 * The drain's callback. The messages of a packed record are copied and left for
 * chute_user_pull(): here, each of the calls would be one frame deeper, and the verifier
 * would walk through the function for each place that drains.
 */
static __always_inline long chute_user_record(struct bpf_dynptr *record, struct chute_receiver *r,
					      __u32 want, chute_plain_fn *plain)
{
	struct chute_state *v = r->state;
	int done;

	if (want == CHUTE_ANY_SIZE)
		done = chute_plain_any(record, r, plain);
	else
		done = chute_plain_typed(record, r, want, plain);
	v->rest = !done && chute_copy_messages(record, v);
	v->used = 1;
	v->records--;
	v->budget--;
	return chute_callback(v->rest || chute_ends(v));
}

static __always_inline int chute_sleeps(const struct chute_side *side)
{
	return *(volatile const __u32 *)&side->sleepers != 0;
}

/* Consume what the ring has, up to a packed record, and wake producers if one slept when
 * this began. @record is the callback around chute_user_record(). */
static __always_inline void chute_user_consume(struct chute_receiver *r, void *record)
{
	__u64 flags = BPF_RB_NO_WAKEUP;
	long ret;

	/* W1: pairs with W0. Taken before the positions move: who sets it after that is
	 * woken by this call as well, since the kernel wakes after they have moved. */
	if (chute_sleeps(r->side) && chute_bpf_exchange(&r->side->sleepers, 0))
		flags = BPF_RB_FORCE_WAKEUP;
	ret = bpf_user_ringbuf_drain(r->ring, record, r, flags);
	/* W1: pairs with W0. The drain of another program holds the ring: the reason to wake
	 * goes back. */
	if (ret == -CHUTE_EBUSY && flags == BPF_RB_FORCE_WAKEUP)
		chute_bpf_exchange(&r->side->sleepers, 1);
	if (ret < 0)
		r->state->error = ret;
}

/*
 * What chute_user_consume() has left: a packed record, or the end, where the lock is given
 * back. 1: the drain is over. 0: there is something to do.
 */
static __always_inline long chute_user_over(struct chute_receiver *r)
{
	struct chute_state *v = r->state;

	if (v->rest && !v->stopped)
		return 0;
	chute_ends(v);
	v->count += v->messages;
	chute_state_unlock(v, r->side);
	/* Unlocking was a full barrier: either the producer sees the
	 * position that the drain moved, or we see that it sleeps. Whoever holds the lock by now
	 * looks in its turn, and so does the next drain, where this one ended before the ring. */
	if (v->more || v->error || !chute_sleeps(r->side) || !chute_state_lock(v))
		return 1;
	v->count -= v->messages;
	return 0;
}

/* A step of a drain that has more to do, a packed record each. */
static __always_inline long chute_user_pull(struct chute_receiver *r, __u32 want, __u32 steps,
					    void *record, void *run, void *mixed)
{
	struct chute_state *v = r->state;

	if (v->rest)
		chute_unpack_copy(r, want, steps, run, mixed);
	if (!chute_ends(v))
		chute_user_consume(r, record);
	return chute_callback(chute_user_over(r));
}

/*
 * Drain a ring. Returns the messages, or an error. @record and @pull are the callbacks around
 * the functions above. A ring that is empty, or has no packed records, is done without a loop.
 */
static __always_inline long chute_user_drain(struct chute_receiver *r, __u64 records, void *record,
					     void *pull)
{
	struct chute_state *v = r->state;

	if (!chute_state_lock(v))
		return -CHUTE_EBUSY;
	v->count = -v->messages;
	v->error = 0;
	v->records = records;
	v->budget = CHUTE_DRAIN_BUDGET;
	v->stopped = 0;
	v->used = 0;
	if (!v->rest)
		chute_user_consume(r, record);
	/* Each step takes a record, but for the last ones. */
	if (!chute_user_over(r))
		bpf_loop(CHUTE_DRAIN_BUDGET, pull, r, 0);
	return v->error ? v->error : v->count;
}

#endif /* CHUTE_USER_BPF_H */
