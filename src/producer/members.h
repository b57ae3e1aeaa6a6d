/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * members.h: the table of a ring's many producers: who has which slot. It is on the
 * ring's producer page, so every process that maps the ring is in.
 */
#ifndef CHUTE_SRC_MEMBERS_H
#define CHUTE_SRC_MEMBERS_H

#include "owner.h"
#include "ring/ring.h"

/*
 * Take a slot for @self. Returns 0, and in *@tag what its records' pads say; -EBUSY
 * while a sole producer has the ring; -EUSERS when all slots are taken; -EXDEV when there is
 * a producer of whom nobody could tell when it dies.
 */
int chute_members_join(const struct chute_ring *ring, __u64 self, __u32 *tag);

/* Leave. What is reserved and not finished will be discarded. */
void chute_members_leave(const struct chute_ring *ring, __u64 self, __u32 tag);

/* Is any producer of the table, but for that in the slot @but, or -1, alive? If none is,
 * can't any be judged? */
enum chute_owner_state chute_members_state(const struct chute_ring *ring, int but);

/* Is anyone in the table, or at the lock, who can't tell whether we live, nor we of
 * them? Full barriers, so that of two that come at once at least one sees it. */
bool chute_members_are_foreign(const struct chute_ring *ring, __u64 self);

/* Count threads of a member that wait for space. */
void chute_members_blocked(const struct chute_ring *ring, __u32 tag, int change);

#endif
