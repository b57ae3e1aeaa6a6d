/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.h: numbers that people write and read.
 */
#ifndef CHUTE_TOOLS_CLI_SIZE_H
#define CHUTE_TOOLS_CLI_SIZE_H

#include <linux/types.h>

#define NS_PER_S 1000000000LL

/* The highest rate that makes sense, a second. */
#define RATE_MOST 1000000000ULL

/*
 * All return 0; -EINVAL for what is not such a number; -ERANGE for one that is too
 * big. A size may end in K, M or G, of 1024; a rate in k, M or G, of 1000; seconds may
 * have a fraction.
 */
int size_parse(const char *text, __u64 *size);
int rate_parse(const char *text, __u64 *rate);
int count_parse(const char *text, __u64 *count);
int seconds_parse(const char *text, __s64 *ns);

struct size_text {
	char text[24];
};

/* As a command line would have it: 4096 is 4K, 4097 is 4097. */
struct size_text size_exact(__u64 size);

/* To be read: 1234567 is "1.2 MiB" as bytes, "1.23 M" as a count. */
struct size_text size_bytes(double bytes);
struct size_text size_count(double count);

#endif
