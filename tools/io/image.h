/* SPDX-License-Identifier: BSD-2-Clause */
/* image.h: saves a ring in a file: the whole of it under its name, or nothing. */
#ifndef CHUTE_TOOLS_IO_IMAGE_H
#define CHUTE_TOOLS_IO_IMAGE_H

#include "ring/open.h"

/* Save an image in the file @path, which is replaced if it is there. Records that are
 * consumed meanwhile are not in it. Returns an exit status. */
int image_save(const struct ring *ring, const char *path);

#endif
