/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h: random ring images: whole records laid end to end, then, in most of
 * them, something broken. What comes depends on the random state alone, and on
 * cons_pos, which the caller sets.
 */
#ifndef CHUTE_TESTS_IMAGE_H
#define CHUTE_TESTS_IMAGE_H

#include <linux/types.h>
#include <stddef.h>
#include <stdio.h>

struct image {
	size_t size; /* data bytes */
	unsigned long cons_pos, prod_pos;
	char *data;
	/* Where headers were laid, for the next mutation: most others hit payloads. */
	unsigned long *headers;
	size_t header_count;
};

void image_init(struct image *image, size_t size);
void image_fini(struct image *image);

void image_make(struct image *image, unsigned long cons_pos, __u64 *random);

/* Nothing but that, in the data. */
void image_make_noise(struct image *image, __u64 *random);

/* Break something, or several things, or put right what stands at cons_pos. */
void image_break(struct image *image, __u64 *random);
void image_mend(struct image *image, __u64 *random);

__u32 image_len(const struct image *image, unsigned long pos);

/* The positions, and the records from cons_pos on, in words. */
void image_print(const struct image *image, FILE *to);

#endif
