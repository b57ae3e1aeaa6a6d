/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libbpf.c: the drop-in: libbpf's user_ring_buffer over chute's ring and wait.
 *
 * Unlike a struct chute it keeps no position of its own: it reads producer_pos
 * from the ring each time and publishes in reserve, so that several handles,
 * processes included, may take turns under the caller's lock, and a submit may
 * run beside another thread's reserve. Only the view of the consumer is cached,
 * and that one can only be too old, never too new.
 */
#include "clock.h"
#include "dropin/print.h"
#include "fail.h"
#include "opts.h"
#include "owner.h"
#include "producer/members.h"
#include "ring/bpf.h"
#include "ring/record.h"
#include "wait.h"

#include <chute/user_ring_buffer.h>

#include <stdlib.h>
#include <string.h>

struct user_ring_buffer {
	unsigned long *producer_pos;
	char *payloads; /* where the payload of a record at position 0 is */
	unsigned long mask;
	unsigned long
		limit_pos; /* producer_pos may come to here: the consumer was seen a ring behind */
	struct chute_ring ring;
	struct chute_wait wait;
};

/* The two calls of the fast path are short, and each fits in a cache line, the target of
 * the branch to the slow path included: of a line too many, the branch predictor's too,
 * either costs a tenth more, as much as all that they do beside being called. */
#define ONE_LINE __attribute__((aligned(64)))

/* A program of type BPF_PROG_TYPE_SYSCALL has the map type's number; libbpf goes on to
 * mmap() it. */
static int as_libbpf(int err, int map_fd)
{
	struct bpf_map_info info;

	if (err == -EINVAL && !chute_bpf_map_info(map_fd, &info) &&
	    info.type == BPF_MAP_TYPE_USER_RINGBUF)
		return -ENODEV;
	return err;
}

/* libbpf opens whatever is a ring. We do so too, unless somebody is proved to be there. */
static bool is_in_use(const struct chute_ring *ring)
{
	return chute_owner_state(chute_load_relaxed(&ring->producer->owner)) == CHUTE_OWNER_ALIVE ||
	       chute_members_state(ring, -1) == CHUTE_OWNER_ALIVE;
}

static int open_ring(struct user_ring_buffer *rb, int map_fd)
{
	int err;

	err = chute_ring_map(&rb->ring, map_fd);
	if (err)
		return as_libbpf(err, map_fd);
	err = -EBUSY;
	if (!is_in_use(&rb->ring))
		err = chute_wait_init(&rb->wait, &rb->ring, CHUTE_SPIN_NS);
	rb->wait.as_libbpf = true;
	/* One descriptor stays, as with libbpf. */
	chute_ring_close_fd(&rb->ring);
	if (err)
		chute_ring_unmap(&rb->ring);
	return err;
}

static const char *why(int err)
{
	switch (err) {
	case -EINVAL:
		return "not a BPF_MAP_TYPE_USER_RINGBUF";
	case -EBUSY:
		return "a producer with chute's own calls has the ring";
	case -E2BIG:
		return "the ring is larger than the address space";
	default:
		return strerror(-err);
	}
}

struct user_ring_buffer *user_ring_buffer__new(int map_fd, const struct user_ring_buffer_opts *opts)
{
	struct user_ring_buffer *rb;
	int err;

	if (!chute_opts_ok(opts, sizeof(*opts)))
		return chute_fail(EINVAL);
	rb = calloc(1, sizeof(*rb));
	if (!rb)
		return chute_fail(ENOMEM);
	err = open_ring(rb, map_fd);
	if (err) {
		free(rb);
		chute_dropin_warn("libbpf: user ringbuf (chute): map fd %d: %s\n", map_fd,
				  why(err));
		return chute_fail(-err);
	}
	rb->producer_pos = &rb->ring.producer->producer_pos;
	rb->payloads = rb->ring.data + CHUTE_HEADER_SIZE;
	rb->mask = rb->ring.size - 1;
	/* The first reserve looks at the consumer. */
	rb->limit_pos = chute_load_relaxed(rb->producer_pos);
	return rb;
}

void user_ring_buffer__free(struct user_ring_buffer *rb)
{
	if (!rb)
		return;
	chute_wait_fini(&rb->wait);
	chute_ring_unmap(&rb->ring);
	free(rb);
}

/* Look at the consumer. 0 if a record of @size fits at @pos; else the errno value. */
static int look_again(struct user_ring_buffer *rb, unsigned long pos, __u32 size)
{
	const __u64 bytes = chute_record_bytes(size);
	__s64 room;

	if (size & (CHUTE_BUSY | CHUTE_DISCARD) || bytes > rb->mask + 1)
		return E2BIG;
	/* Not libbpf's: it makes the record, and every drain is refused from
	 * then on. */
	if (size > CHUTE_PAYLOAD_MAX)
		return E2BIG;
	room = chute_ring_room(&rb->ring, pos);
	if (room < 0)
		return ENOSPC;
	rb->limit_pos = pos + (unsigned long)(room < CHUTE_LIMIT_STEP ? room : CHUTE_LIMIT_STEP);
	return bytes <= (__u64)room ? 0 : ENOSPC;
}

static inline void *make_record(struct user_ring_buffer *rb, unsigned long *producer_pos,
				unsigned long pos, __u64 bytes, __u32 size)
{
	char *payload = rb->payloads + (pos & rb->mask);
	struct chute_header *header = (struct chute_header *)payload - 1;

	chute_store_relaxed(&header->len, size | CHUTE_BUSY);
	/* As libbpf has it: what an earlier lap left there may name an owner. */
	chute_store_relaxed(&header->pad, 0U);
	/* L0: pairs with the kernel's D0. The header is there before its record. */
	chute_store_release(producer_pos, pos + (unsigned long)bytes);
	return payload;
}

static __attribute__((noinline)) void *reserve_slow(struct user_ring_buffer *rb, unsigned long pos,
						    __u32 size)
{
	int err = look_again(rb, pos, size);

	if (err)
		return chute_fail(err);
	return make_record(rb, rb->producer_pos, pos, chute_record_bytes(size), size);
}

ONE_LINE void *user_ring_buffer__reserve(struct user_ring_buffer *rb, __u32 size)
{
	unsigned long *producer_pos = rb->producer_pos;
	/* Other handles have moved it, before our caller's lock: relaxed. They may
	 * have moved it past our limit. */
	unsigned long pos = chute_load_relaxed(producer_pos);
	__u64 bytes = chute_record_bytes(size);

	if (__builtin_expect((long)(rb->limit_pos - pos) < (__s64)bytes, 0))
		return reserve_slow(rb, pos, size);
	return make_record(rb, producer_pos, pos, bytes, size);
}

void *user_ring_buffer__reserve_blocking(struct user_ring_buffer *rb, __u32 size, int timeout_ms)
{
	int saved = errno;
	void *sample;
	__s64 deadline;
	int err;

	if (timeout_ms < 0 && timeout_ms != -1)
		return chute_fail(EINVAL);
	sample = user_ring_buffer__reserve(rb, size);
	if (sample || errno != ENOSPC || !timeout_ms)
		return sample;
	deadline = timeout_ms < 0 ? CHUTE_FOREVER : chute_deadline_ns(timeout_ms * CHUTE_NS_PER_MS);
	do {
		err = chute_wait_space(&rb->wait, chute_load_relaxed(rb->producer_pos),
				       chute_record_bytes(size), deadline);
		if (err)
			return chute_fail(err == -ETIMEDOUT ? ENOSPC : -err);
		sample = user_ring_buffer__reserve(rb, size);
		/* What there was, another handle has taken; or a neighbour plays with us. */
	} while (!sample && errno == ENOSPC && chute_left_ns(deadline, 1));
	if (sample)
		errno = saved;
	return sample;
}

static inline void commit(void *sample, __u32 flags)
{
	struct chute_header *header = (struct chute_header *)sample - 1;
	__u32 len = chute_load_relaxed(&header->len) & ~CHUTE_BUSY;

	/* L1: pairs with the kernel's D1. libbpf has a locked exchange here, and
	 * nothing needs it: the record is this thread's alone. What was discarded
	 * stays discarded, as with libbpf. */
	chute_store_release(&header->len, len | flags);
}

/* libbpf looks for the header of a NULL sample as well, and spoils what it finds in the
 * ring by the mask; here nothing happens. */
ONE_LINE void user_ring_buffer__submit(struct user_ring_buffer *rb, void *sample)
{
	(void)rb;
	if (__builtin_expect(sample != NULL, 1))
		commit(sample, 0);
}

void user_ring_buffer__discard(struct user_ring_buffer *rb, void *sample)
{
	(void)rb;
	if (sample)
		commit(sample, CHUTE_DISCARD);
}
