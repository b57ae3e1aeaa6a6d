/* SPDX-License-Identifier: BSD-2-Clause */
/* fail.h: how a call that returns a pointer fails. */
#ifndef CHUTE_SRC_FAIL_H
#define CHUTE_SRC_FAIL_H

#include <errno.h>
#include <stddef.h>

static inline void *chute_fail(int err)
{
	errno = err;
	return NULL;
}

#endif
