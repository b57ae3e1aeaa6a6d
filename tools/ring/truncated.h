/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truncated.h: a memory ring's file, or an image, that somebody truncates while we have
 * it mapped: then its memory is not there, and whoever looks gets SIGBUS.
 */
#ifndef CHUTE_TOOLS_RING_TRUNCATED_H
#define CHUTE_TOOLS_RING_TRUNCATED_H

#include "ring/name.h"

#include <stdbool.h>

/* From now on that ends the program: one line of complaint, about @ring and its file,
 * and exit status 1. */
void truncated_expect(const struct ring_name *ring, const char *file);

/* Call look(ctx). False if that was what happened in it: @look was left just there, so
 * it must hold nothing that has to be given back. One thread at a time. */
bool truncated_survive(void (*look)(void *ctx), void *ctx);

#endif
