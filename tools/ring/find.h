/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * find.h: RING that is map:ID or map:NAME: which map that is, and what to say where
 * there is none.
 */
#ifndef CHUTE_TOOLS_RING_FIND_H
#define CHUTE_TOOLS_RING_FIND_H

#include "ring/name.h"

/* Find the id of RING_MAP_NAME. Returns 0; -1 after a complaint. */
int ring_find_map(struct ring_name *ring);

/* Opening the map with that id failed with @err: complain. */
void ring_find_complain(const struct ring_name *ring, int err);

#endif
