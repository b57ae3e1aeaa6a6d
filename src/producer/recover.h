/* SPDX-License-Identifier: BSD-2-Clause */
/* recover.h: make a ring that a producer left behind fit for its consumer. */
#ifndef CHUTE_SRC_RECOVER_H
#define CHUTE_SRC_RECOVER_H

#include "ring/ring.h"

/*
 * Walk the pending records: unfinished ones become discarded ones, and so does
 * what a drain would refuse, with all behind it. What is finished before that
 * stays. For who has made sure that nobody else produces; the consumer may run.
 * Returns how many records it discarded.
 */
unsigned long chute_recover(const struct chute_ring *ring);

#endif
