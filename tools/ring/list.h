/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rings.h: the names of all rings of this machine.
 */
#ifndef CHUTE_TOOLS_RING_RINGS_H
#define CHUTE_TOOLS_RING_RINGS_H

#include "ring/open.h"

/*
 * Call @found(given, ctx) with map:ID for each user ring buffer map, by id, and with
 * mem:NAME for each file in /dev/shm that may be a memory ring, by name; not everything
 * that is found can be opened. Returns 0, or the errno value that says why maps are not
 * among them.
 */
int rings_find(void (*found)(const char *given, void *ctx), void *ctx);

/* That errno value as a complaint of a few words. */
const char *rings_no_maps(int err);

#endif
