/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opts.h: structs of options that grow: the first member is the caller's sizeof.
 */
#ifndef CHUTE_SRC_OPTS_H
#define CHUTE_SRC_OPTS_H

#include <stdbool.h>
#include <stddef.h>

/* May a caller's @opts (or NULL) be used by a library that knows @known bytes of
 * it? What lies past them must be zero: an option that we don't know is not
 * silently ignored. */
static inline bool chute_opts_ok(const void *opts, size_t known)
{
	const char *bytes = opts;
	size_t sz, i;

	if (!opts)
		return true;
	sz = *(const size_t *)opts;
	if (sz < sizeof(sz))
		return false;
	for (i = known; i < sz; i++)
		if (bytes[i])
			return false;
	return true;
}

struct chute_opts;

/* Read a caller's struct (or NULL) of whatever version: what it lacks is 0, or the
 * default. Returns 0; -EINVAL for what we don't know. */
int chute_opts_read(struct chute_opts *out, const struct chute_opts *in);

#endif
