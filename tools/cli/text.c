// SPDX-License-Identifier: BSD-2-Clause
/* text.c: see text.h. */
#include "cli/text.h"

#include <stdbool.h>
#include <string.h>

static bool goes_on(const unsigned char *at, size_t bytes)
{
	size_t i;

	/* A NUL ends this, too. */
	for (i = 1; i < bytes; i++)
		if ((at[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t text_character(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t bytes;

	if (at[0] < 0x80)
		return at[0] != '\0';
	bytes = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
	if (!bytes || !goes_on(at, bytes))
		return 0;
	/* Longer than need be; surrogates; past the last one. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90))
		return 0;
	return bytes;
}

static bool is_control(const char *text, size_t bytes)
{
	const unsigned char *at = (const unsigned char *)text;

	return (bytes == 1 && (at[0] < 0x20 || at[0] == 0x7f)) ||
	       (bytes == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

char *text_printable(char *out, size_t size, const char *text, const char *instead)
{
	size_t used = 0, bytes, put;
	const char *from;

	while (*text) {
		bytes = text_character(text);
		from = text;
		put = bytes;
		if (!bytes || is_control(text, bytes)) {
			from = instead;
			put = strlen(instead);
		}
		if (used + put >= size)
			break;
		memcpy(out + used, from, put);
		used += put;
		text += bytes ? bytes : 1;
	}
	out[used] = '\0';
	return out;
}
