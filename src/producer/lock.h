/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h: the producers' lock, a word of the ring's that names who holds it. Who holds
 * it may die at any instruction: then the next one takes it over, and must find nothing
 * to undo.
 */
#ifndef CHUTE_SRC_LOCK_H
#define CHUTE_SRC_LOCK_H

#include "ring/ring.h"

#include <chute/atomic.h>

static inline bool chute_lock_try(struct chute_producer_page *page, __u64 self)
{
	__u64 seen = 0;

	/* S0: pairs with S1 and O6. What the last holder wrote is visible to the next. */
	return chute_compare_exchange(&page->lock, &seen, self);
}

/* The lock of a dead owner becomes ours: the dead write nothing more. */
bool chute_lock_take_over(struct chute_producer_page *page, __u64 self);

/* It is not free: wait for it. Returns 0, or -errno without the lock. */
int chute_lock_slow(struct chute_producer_page *page, __u64 self);

/* Returns 0, or -errno without the lock. */
static inline int chute_lock(struct chute_producer_page *page, __u64 self)
{
	if (__builtin_expect(chute_lock_try(page, self), 1))
		return 0;
	return chute_lock_slow(page, self);
}

static inline void chute_unlock(struct chute_producer_page *page)
{
	/* S1: pairs with S0. */
	chute_store_release(&page->lock, (__u64)0);
}

#endif
