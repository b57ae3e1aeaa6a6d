/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opts.h: structs of options that grow: the first member is the caller's sizeof.
 */
#ifndef CHUTE_SRC_OPTS_H
#define CHUTE_SRC_OPTS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

/*
 * Structs that we fill, and that grow too: give the caller the first of our @known bytes at
 * @from as far as it knows them, and zeroes after them. The size itself, the first member,
 * stays. Returns 0; -EINVAL for less than @least, what the first version had.
 */
static inline int chute_fill(void *to, size_t least, const void *from, size_t known)
{
	const size_t sz = *(const size_t *)to;
	const size_t bytes = sz < known ? sz : known;

	if (sz < least)
		return -EINVAL;
	memcpy((char *)to + sizeof(sz), (const char *)from + sizeof(sz), bytes - sizeof(sz));
	memset((char *)to + bytes, 0, sz - bytes);
	return 0;
}

struct chute_opts;

/* Read a caller's struct (or NULL) of whatever version: what it lacks is 0, or the
 * default. Returns 0; -EINVAL for what we don't know. */
int chute_opts_read(struct chute_opts *out, const struct chute_opts *in);

#endif
