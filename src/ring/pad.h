/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pad.h: chute_header.pad of a BUSY record of a shared ring: whose it is, and for how
 * many records of a batch it stands. CHUTE_PAD_SKIP (bit 30) says that the first of
 * them is to be discarded when it is finished. See chute(7).
 */
#ifndef CHUTE_SRC_PAD_H
#define CHUTE_SRC_PAD_H

#include "ring/ring.h"

#include <chute/chute.h>

#define CHUTE_PAD_SHARED      (1U << 31)
#define CHUTE_PAD_GEN_SHIFT   19 /* bits 19-29: the slot's generation */
#define CHUTE_PAD_GEN_MASK    0x7ffU
#define CHUTE_PAD_COUNT_SHIFT 8 /* bits 8-18: records - 1 */
#define CHUTE_PAD_COUNT_MASK  0x7ffU
#define CHUTE_PAD_SLOT_MASK   0xffU /* bits 0-7 */

_Static_assert(CHUTE_SLOTS <= CHUTE_PAD_SLOT_MASK + 1, "a slot must fit in the pad");
_Static_assert(CHUTE_BATCH_MAX <= CHUTE_PAD_COUNT_MASK + 1, "a batch's count must fit in the pad");

static inline __u32 chute_pad_tag(__u32 slot, __u32 generation)
{
	return CHUTE_PAD_SHARED | (generation & CHUTE_PAD_GEN_MASK) << CHUTE_PAD_GEN_SHIFT | slot;
}

static inline __u32 chute_pad_count(__u32 pad)
{
	return (pad >> CHUTE_PAD_COUNT_SHIFT & CHUTE_PAD_COUNT_MASK) + 1;
}

/* The slot that the pad of an unfinished record names, or -1. */
static inline int chute_pad_slot(__u32 pad)
{
	__u32 i = pad & CHUTE_PAD_SLOT_MASK;

	return (pad & CHUTE_PAD_SHARED) && i < CHUTE_SLOTS ? (int)i : -1;
}

/* Is what it names still that slot's producer? */
static inline bool chute_pad_is_current(__u32 pad, const struct chute_slot *slot)
{
	return !((chute_load_relaxed(&slot->generation) ^ pad >> CHUTE_PAD_GEN_SHIFT) &
		 CHUTE_PAD_GEN_MASK);
}

#endif
