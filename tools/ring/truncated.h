/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truncated.h: a memory ring's file, or an image, that somebody truncates while we have
 * it mapped: then its memory is not there, and whoever looks gets SIGBUS.
 */
#ifndef CHUTE_TOOLS_RING_TRUNCATED_H
#define CHUTE_TOOLS_RING_TRUNCATED_H

#include "ring/open.h"

#include <stdbool.h>

/* From now on that ends the program: one line of complaint, about @ring,
 * and exit status 1. A map can't be truncated. */
void truncated_expect(const struct ring *ring);

/* Call look(ctx). False if that was what happened in it: @look was left just there, so
 * it must hold nothing that has to be given back. One thread at a time. */
bool truncated_survive(void (*look)(void *ctx), void *ctx);

#endif
