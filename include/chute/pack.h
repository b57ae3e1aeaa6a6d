/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/pack.h: many small messages in one record.
 *
 * What a message costs is mostly what a record costs: for the kernel's drain, and
 * in cache lines between two CPUs. Packed messages keep their boundaries and
 * their order, also among records made by chute_reserve(). The receiver takes
 * them apart: CHUTE_RECEIVE and CHUTE_MESSAGES of chute/chute.bpf.h in a BPF
 * program, chute_drain_messages() of chute/drain.h in user space. Included by
 * chute/chute.h; the same rules hold as there.
 */
/* Outside the guard: chute.h includes this file in its turn, and comes first. */
#include <chute/chute.h>

#ifndef CHUTE_PACK_H
#define CHUTE_PACK_H

/*
 * Give the place of the next message, of @size bytes, in the open packed record,
 * 8-byte aligned; fill it before the next call with this handle. It is finished
 * by that next call, whatever it is. Opens and closes packed records as they
 * fill; a record that is full is published. A message above
 * CHUTE_PACK_MESSAGE_MAX bytes goes as a record of its own, in order.
 *
 * Never blocks. NULL and errno: as chute_reserve().
 */
CHUTE_INLINE void *chute_pack(struct chute *c, __u32 size);

/*
 * The same, and wait up to @timeout_ns nanoseconds for space, as
 * chute_reserve_for(). NULL and errno: as chute_reserve_for().
 */
void *chute_pack_for(struct chute *c, __u32 size, __s64 timeout_ns);

/*
 * Make all that was packed visible to the consumer. chute_close(), chute_kick(),
 * a full ring, and chute_reserve() and its like do that too.
 * Returns 0; -EBUSY when another producer was noticed, as chute_reserve() does.
 */
int chute_flush(struct chute *c);

/* ---- insides ---- */

void *chute_pack_slow(struct chute *c, __u32 size);

/* A message of a mixed record, behind its length. NULL if it does not fit. */
static inline void *chute_pack_mixed(struct chute *c, __u32 size)
{
	struct chute_message *message = (struct chute_message *)c->pack_next;
	char *end = (char *)(message + 1) + ((size + 7) & ~7U);

	if (size > CHUTE_PACK_MESSAGE_MAX || end > c->pack_end)
		return NULL;
	message->len = size;
	message->pad = 0;
	c->pack_varied |= size ^ c->pack_size;
	c->pack_next = end;
	return message + 1;
}

CHUTE_INLINE void *chute_pack(struct chute *c, __u32 size)
{
	char *next = c->pack_next;
	void *message;

	/* As chute_reserve(): nobody else has been here, or the place is not ours. */
	if (__builtin_expect(chute_load_relaxed(c->producer_pos) != c->published_pos, 0))
		return chute_pack_slow(c, size);
	if (__builtin_expect(size == c->pack_size && next <= c->pack_last, 1)) {
		c->pack_next = next + chute_message_bytes(size);
		return next;
	}
	message = c->pack_end ? chute_pack_mixed(c, size) : NULL;
	return message ? message : chute_pack_slow(c, size);
}

#endif /* CHUTE_PACK_H */
