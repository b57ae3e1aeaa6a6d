/* SPDX-License-Identifier: BSD-2-Clause */
/* sole.h: become the only producer of a ring, for as long as it takes. */
#ifndef CHUTE_SRC_SOLE_H
#define CHUTE_SRC_SOLE_H

#include "ring/ring.h"

/*
 * Claim @ring for @self, and mend it: what the dead have left unfinished, or, with
 * @recover, all that chute_recover() does. Returns 0; -EBUSY while anyone else
 * produces; -EXDEV while that can't be told.
 */
int chute_sole_claim(const struct chute_ring *ring, __u64 self, bool recover);

#endif
