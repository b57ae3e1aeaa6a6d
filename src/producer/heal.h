/* SPDX-License-Identifier: BSD-2-Clause */
/* heal.h: discard what dead producers have left unfinished on a shared ring. */
#ifndef CHUTE_SRC_HEAL_H
#define CHUTE_SRC_HEAL_H

#include "ring/ring.h"

/*
 * Discard what the dead have left unfinished, from the consumer's position on. Looks
 * at @most records, which bounds how long the lock is held: what lies past them does
 * not hinder the consumer yet. Costs a look at /proc for each owner of an unfinished
 * record.
 */
#define CHUTE_HEAL_SOME 4096UL
#define CHUTE_HEAL_ALL	(~0UL)
void chute_heal(const struct chute_ring *ring, unsigned long most);

/* The same of what was left by producers that are not in the table: sole ones, or libbpf's.
 * For who has the lock, and a slot. Returns how many records it discarded. */
unsigned long chute_heal_unowned(const struct chute_ring *ring);

/* The same of some, for a consumer: a producer that lives and has the lock, and may be
 * stopped or hostile, is not waited for. */
void chute_heal_try(const struct chute_ring *ring);

#endif
