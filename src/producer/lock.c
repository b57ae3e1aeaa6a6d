/* SPDX-License-Identifier: BSD-2-Clause */
/* lock.c: the lock where it is not free: waiting, and taking it from the dead. */
#include "producer/lock.h"
#include "clock.h"
#include "owner.h"

#include <sched.h>

#define JUDGE_NS (1 * CHUTE_NS_PER_MS) /* between two looks at who holds the lock */

bool chute_lock_take_over(struct chute_producer_page *page, __u64 self)
{
	__u64 seen = chute_load_relaxed(&page->lock);

	if (!seen || chute_owner_state(seen) != CHUTE_OWNER_DEAD)
		return false;
	/* S0: the dead one has released nothing, and needs not to: the kernel ended
	 * it before it told us so. */
	if (!chute_compare_exchange(&page->lock, &seen, self))
		return false;
	chute_store_relaxed(&page->takeovers, page->takeovers + 1);
	return true;
}

/*
 * Contended: back off, longer and longer, so that whoever has the lock's line in
 * its cache makes a long run of records meanwhile; then give the CPU away, for the
 * holder may be waiting for it; then sleep.
 */
int chute_lock_slow(struct chute_producer_page *page, __u64 self)
{
	__s64 judged = chute_now_ns(), now;
	struct timespec nap;
	__u32 spins = 16, tries = 0, i;

	/* Not by an exchange as long as it is taken: that would take its line away. */
	while (chute_load_relaxed(&page->lock) || !chute_lock_try(page, self)) {
		for (i = 0; i < spins; i++)
			chute_pause();
		if (spins < 256)
			spins *= 2;
		if (++tries > 4)
			sched_yield();
		if (tries <= 16)
			continue;
		now = chute_now_ns();
		if (now - judged > JUDGE_NS) {
			if (chute_lock_take_over(page, self))
				return 0;
			judged = chute_now_ns();
		}
		if (tries > 64) {
			nap = chute_timespec(50000);
			nanosleep(&nap, NULL);
		}
	}
	return 0;
}
