/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life.h: a sign of life that no namespace hides: a lock of the kernel's that lasts
 * exactly as long as the address space that holds it.
 */
#ifndef CHUTE_SRC_LIFE_H
#define CHUTE_SRC_LIFE_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * Hold @name until this address space ends, by death or execve(2). Children of fork(2)
 * do not inherit it, and no descriptor stays open. Returns whether that is so: once it
 * is tried, another look has to see it.
 */
bool chute_life_hold(__u64 name);

enum chute_life {
	CHUTE_LIFE_OVER,    /* who has held @name holds it no longer */
	CHUTE_LIFE_GOES_ON, /* somebody holds it */
	CHUTE_LIFE_UNKNOWN, /* such locks don't work here, or there is no descriptor left */
};

/* Of a @name that was held. */
enum chute_life chute_life_look(__u64 name);

#endif
