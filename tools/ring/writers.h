/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writers.h: who may be producing on a map's ring and can't be seen on it: libbpf's
 * producers, told by what a process has mapped.
 */
#ifndef CHUTE_TOOLS_RING_WRITERS_H
#define CHUTE_TOOLS_RING_WRITERS_H

#include "ring/view.h"

#include <stdbool.h>

struct writers {
	size_t count;
	char text[256]; /* "NAME (PID), ..." */
	bool blind;	/* some process could not be looked into */
};

/*
 * Look for processes, but this one, that have a ring's producer page and data of this
 * size mapped for writing. A mapping does not say of which map it is: one counts if its
 * process holds this map, or holds none that it could be of.
 */
void writers_find(struct writers *writers, const struct ring_view *ring);

#endif
