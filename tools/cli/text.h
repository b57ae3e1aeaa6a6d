/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h: names that others have chosen, of files, maps and processes: any bytes.
 */
#ifndef CHUTE_TOOLS_CLI_TEXT_H
#define CHUTE_TOOLS_CLI_TEXT_H

#include <stddef.h>

/* The bytes of the character of UTF-8 that starts here, with a NUL somewhere behind
 * it; 0 if none does. */
size_t text_character(const char *text);

/* Copy @text to @out, which has @size bytes, for a terminal or a file of UTF-8: what is
 * no character, or a control character, becomes @instead. Cut where it is too long, at
 * the end of a character. Returns @out. */
char *text_printable(char *out, size_t size, const char *text, const char *instead);

#endif
