/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.h: records in a stream of bytes, in one of three formats:
 *
 *   lines    each record and then a newline; the last newline may be missing
 *   framed   a length, u32 little-endian, and then so many bytes
 *   fixed    records of one size, back to back
 */
#ifndef CHUTE_TOOLS_IO_RECORDS_H
#define CHUTE_TOOLS_IO_RECORDS_H

#include "cli/options.h"

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum records_kind {
	RECORDS_UNSET, /* lines, if nothing is said */
	RECORDS_LINES,
	RECORDS_FRAMED,
	RECORDS_FIXED,
};

struct records_format {
	enum records_kind kind;
	__u32 size; /* RECORDS_FIXED */
};

/* The options of a verb that has such a field. */
option_fn records_option_lines, records_option_framed, records_option_size;

/* clang-format off */
#define RECORDS_ROWS(type, field)                                                           \
	{ "lines", NULL, records_option_lines, OPTION_AT(type, field),                      \
	  "a record a line, without its newline (the default)" },                           \
	{ "framed", NULL, records_option_framed, OPTION_AT(type, field),                    \
	  "each record after its length, as 4 bytes, little-endian" },                      \
	{ "record-size", "SIZE", records_option_size, OPTION_AT(type, field),               \
	  "records of SIZE bytes, back to back" }
/* clang-format on */

/* The bytes of a record with @size bytes of payload in the stream. */
size_t records_bytes(const struct records_format *format, __u32 size);

/*
 * Takes records out of what read(2) gives. A record may be of any length up to
 * @max, and costs time in proportion to it, however small the pieces it comes in.
 */
struct records_reader {
	struct records_format format;
	__u32 max;
	int fd;
	bool at_end;
	__u64 count; /* records taken */
	char *buf;
	size_t size, start, end; /* [start, end) has been read and not been taken */
	size_t scanned;		 /* no newline between start and here */
	char wrong[96];		 /* what is, after records_next() has failed */
};

/* 0 or -ENOMEM. @max is the longest payload. */
int records_reader_init(struct records_reader *in, const struct records_format *format, __u32 max);
void records_reader_fini(struct records_reader *in);

/* Go on with the next file, whose records start anew. It stays the caller's. */
void records_reader_file(struct records_reader *in, int fd);

/* read(2) once. Returns 0; -errno, -EINTR and -EAGAIN included. At the end of the
 * file at_end is set. */
int records_fill(struct records_reader *in);

/*
 * Take the next record; it stays where it is until records_fill(). Returns 1; 0 when
 * records_fill() has to come first, or at the end; -1 for what is no record, or too
 * long a one: what has gone before is good, and `wrong` says what is the matter.
 */
int records_next(struct records_reader *in, const char **payload, __u32 *size);

/* Collects records to be written. */
struct records_writer {
	struct records_format format;
	char *buf;
	size_t size, used;
};

int records_writer_init(struct records_writer *out, const struct records_format *format);
void records_writer_fini(struct records_writer *out);

/* Add a record to the buffer. Returns 0; -ENOBUFS when it has to be written out
 * first, never for the first record; -ENOMEM. */
int records_put(struct records_writer *out, const void *payload, __u32 size);

#endif
