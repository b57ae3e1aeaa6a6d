/* SPDX-License-Identifier: BSD-2-Clause */
/* force.h: take a ring from whoever is named on it. */
#ifndef CHUTE_SRC_FORCE_H
#define CHUTE_SRC_FORCE_H

#include "ring/ring.h"

/*
 * Take the sole producer's place, the lock, all slots and the drain from whoever has
 * them, alive or not, but for @self. For a person who knows better than what can be
 * proved: one that lives and goes on may write into what has become another's.
 */
void chute_force(const struct chute_ring *ring, __u64 self);

#endif
