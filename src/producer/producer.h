/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * producer.h: the whole of a handle; struct chute is its first member.
 *
 * What all producers have in common is in producer.c. Where the only one of a ring and
 * one of many differ, the table of their kind says how: sole.c, shared.c.
 */
#ifndef CHUTE_SRC_PRODUCER_H
#define CHUTE_SRC_PRODUCER_H

#include "owner.h"
#include "ring/ring.h"
#include "wait.h"

#include <chute/chute.h>

struct chute_producer;

/* All but `join` are given a handle that is on its ring. */
struct chute_producer_kind {
	/* Nobody else moves producer_pos: the fast path may be taken. */
	bool alone;

	/* Get onto the ring, which is mended first if @recover. 0 or -errno. */
	int (*join)(struct chute_producer *p, bool recover);
	void (*leave)(struct chute_producer *p);

	/* Sizes have been checked. NULL and errno as chute_reserve() and its like. */
	void *(*reserve)(struct chute_producer *p, __u32 size, __u32 count, __u64 bytes);
	void (*finish)(struct chute_producer *p, void *payload, __u32 flags, bool publish);
	void (*publish)(struct chute_producer *p);

	/* A call waits from now on, and says so on the ring: by the handle's wait, which
	 * is returned, or by one of its own in @own; it no longer does, after @ns. */
	struct chute_wait *(*block)(struct chute_producer *p, struct chute_wait *own);
	void (*unblock)(struct chute_producer *p, struct chute_wait *wait, __u64 ns);
	/* Wait until there may be space for @bytes. 0, -ETIMEDOUT or -errno. */
	int (*wait)(struct chute_producer *p, struct chute_wait *wait, __u64 bytes, __s64 deadline);
	/* Discard what the dead have left, unless a call has just looked; may be NULL. */
	void (*look)(struct chute_producer *p);

	/* A record that is reserved: is it still ours alone? And make its payload end
	 * at @size bytes, and not at @had; it is finished next. */
	bool (*is_intact)(struct chute_producer *p);
	void (*shorten)(struct chute_producer *p, void *payload, __u32 had, __u32 size);
};

extern const struct chute_producer_kind chute_sole, chute_shared;

/* The only producer of a ring; see sole.c. */
struct chute_sole_state {
	unsigned long busy; /* records that are being filled, while there are several */
	bool lost;	    /* another producer has been noticed */
	/* While several are: where we left producer_pos. The fast path's is NO_POS. */
	unsigned long published_pos;
};

/* One of many; see shared.c. */
struct chute_shared_state {
	/* As in the handle, where a short reserve() and submit() will do; else no process's,
	 * as with a packed record open, and in the only producer of a ring. */
	__u64 self;
	struct chute_producer_page *page;
	/* A limit of producer_pos, perhaps out of date: we look at the consumer when it
	 * comes to room_pos, and for the dead when it comes to limit_pos. */
	unsigned long limit_pos, room_pos;
	char *payloads; /* where the payload of a record at position 0 is */
	__u64 header;	/* of a BUSY record of ours that is empty */
	__u32 tag;	/* our slot and its generation, as in chute_header.pad */
	__u32 period;	/* reserves from look to look, if all are of one size */
	/* The last look for a stuck record, and where the consumer was then. */
	__s64 looked_ns;
	unsigned long seen_pos;
	__u32 waits;   /* a thread has the handle's wait, or a fork has left it to our parent */
	__u64 joining; /* the process that has a thread in rejoin(), or 0 */
};

/* The open packed record, as far as struct chute does not have it; see pack.c. */
struct chute_packer {
	char *payload;	 /* of the packed record, or NULL */
	char *end;	 /* of its payload as reserved */
	void *single;	 /* a message that has a record of its own, still open, or NULL */
	bool mixed;	 /* lengths before the messages */
	bool next_mixed; /* so will the next one have */
};

struct chute_producer {
	struct chute fast; /* first: the public handle points at it */
	__u64 self;	   /* the word of the process that is the producer */
	struct chute_shared_state shared;
	struct chute_sole_state sole;
	const struct chute_producer_kind *kind;
	struct chute_packer pack;
	struct chute_ring ring;
	struct chute_wait wait;

	int drain_prog_fd;
	__u32 kick_every, kick_left; /* messages from one kick to the next; 0: none */
};

#define CHUTE_NO_POS 1UL /* positions are multiples of 8 */

static inline struct chute_producer *chute_producer_of(const struct chute *c)
{
	return (struct chute_producer *)c;
}

/*
 * Become a producer of @ring, whose ownership passes to the handle. Returns 0;
 * -EBUSY when somebody else is the only one; -EBADMSG when the ring's positions
 * can't be true. @ring is left alone on failure.
 */
int chute_producer_init(struct chute_producer *p, const struct chute_ring *ring,
			const struct chute_opts *opts);

/*
 * Reserve @count records of @size bytes as one region, and make the first header.
 * NULL and errno as chute_reserve(), waiting as chute_reserve_for().
 */
void *chute_producer_reserve(struct chute_producer *p, __u32 size, __u32 count);
void *chute_producer_reserve_for(struct chute_producer *p, __u32 size, __u32 count,
				 __s64 timeout_ns);

/* A packed record was opened or closed, or the handle is new: may its calls be short? */
static inline void chute_producer_shorten(struct chute_producer *p)
{
	bool packs = p->pack.payload || p->pack.single;

	/* J1: pairs with J2. */
	chute_store_release(&p->shared.self, packs || p->kind->alone ? ~0ULL : p->self);
}

/* Has another producer been noticed? */
bool chute_producer_is_lost(const struct chute_producer *p);

/* Does the handle belong to this process, and not to the one that forked it? */
static inline bool chute_producer_is_ours(const struct chute_producer *p)
{
	/* J2: pairs with J1. */
	return chute_load_acquire(&p->self) == chute_owner_self();
}

/* Finish the open packed record, if there is one, and publish it. */
void chute_pack_close(struct chute_producer *p);

/* Where others are reserved behind a record, it stays BUSY, and a discarded record
 * takes what it does not need. */
void chute_producer_split(void *payload, __u32 had, __u32 size);

/* Publish what is staged and give the ring back; unmaps nothing. */
void chute_producer_fini(struct chute_producer *p);

#endif
