/* SPDX-License-Identifier: BSD-2-Clause */
/* export.c: the inline calls of chute.h once more, as functions for callers that
 * can't inline C. */
#define CHUTE_INLINE
#include <chute/chute.h>
