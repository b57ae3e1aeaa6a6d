// SPDX-License-Identifier: BSD-2-Clause
/* records.c: see records.h. */
#include "io/records.h"
#include "cli/size.h"

#include <chute/format.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Some system calls' worth, and still in the second-level cache. */
#define BUFFER_SIZE (256 * 1024)

/* Bytes of a length in a framed stream. */
#define PREFIX_SIZE 4

static int set(struct records_format *format, enum records_kind kind)
{
	if (format->kind != RECORDS_UNSET)
		return tool_misuse("--lines, --framed and --record-size: give one of them, once");
	format->kind = kind;
	return TOOL_OK;
}

int records_option_lines(const struct option_row *row, const char *value, void *field)
{
	(void)row;
	(void)value;
	return set(field, RECORDS_LINES);
}

int records_option_framed(const struct option_row *row, const char *value, void *field)
{
	(void)row;
	(void)value;
	return set(field, RECORDS_FRAMED);
}

int records_option_size(const struct option_row *row, const char *value, void *field)
{
	struct records_format *format = field;
	int status = set(format, RECORDS_FIXED);
	__u64 size;

	if (status)
		return status;
	if (size_parse(value, &size) || !size || size > CHUTE_PAYLOAD_MAX)
		return tool_complain("--%s %s: a record has from 1 to %u bytes", row->name, value,
				     CHUTE_PAYLOAD_MAX);
	format->size = (__u32)size;
	return TOOL_OK;
}

size_t records_bytes(const struct records_format *format, __u32 size)
{
	if (format->kind == RECORDS_FIXED)
		return size;
	return (size_t)size + (format->kind == RECORDS_FRAMED ? PREFIX_SIZE : 1);
}

/* ---- reading ---- */

int records_reader_init(struct records_reader *in, const struct records_format *format, __u32 max)
{
	memset(in, 0, sizeof(*in));
	in->format = *format;
	in->max = max;
	in->size = BUFFER_SIZE;
	in->buf = malloc(in->size);
	return in->buf ? 0 : -ENOMEM;
}

void records_reader_fini(struct records_reader *in)
{
	free(in->buf);
}

void records_reader_file(struct records_reader *in, int fd)
{
	in->fd = fd;
	in->at_end = false;
	in->count = 0;
	in->start = in->end = in->scanned = 0;
}

/* Make room to read into. The rest of a record is moved only when at least as much
 * has been taken before it, so that a byte moves twice at most, however long the
 * record and short the reads. */
static int make_room(struct records_reader *in)
{
	size_t rest = in->end - in->start;
	char *buf;

	if (in->size - in->end >= in->size / 4 && rest)
		return 0;
	if (in->start >= rest) {
		memmove(in->buf, in->buf + in->start, rest);
		in->scanned -= in->start;
		in->start = 0;
		in->end = rest;
	}
	if (in->size - in->end >= in->size / 4)
		return 0;
	buf = realloc(in->buf, in->size * 2);
	if (!buf)
		return -ENOMEM;
	in->buf = buf;
	in->size *= 2;
	return 0;
}

int records_fill(struct records_reader *in)
{
	int err = make_room(in);
	ssize_t n;

	if (err)
		return err;
	n = read(in->fd, in->buf + in->end, in->size - in->end);
	if (n < 0)
		return -errno;
	in->end += (size_t)n;
	in->at_end = !n;
	return 0;
}

static int __attribute__((format(printf, 2, 3)))
wrong(struct records_reader *in, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(in->wrong, sizeof(in->wrong), format, args);
	va_end(args);
	return -1;
}

/* The number of the record at hand, from 1. */
static unsigned long long number(const struct records_reader *in)
{
	return in->count + 1;
}

static int take(struct records_reader *in, const char **payload, __u32 *size, size_t prefix,
		size_t length, size_t suffix)
{
	*payload = in->buf + in->start + prefix;
	*size = (__u32)length;
	in->start += prefix + length + suffix;
	in->scanned = in->start;
	in->count++;
	return 1;
}

static int next_line(struct records_reader *in, const char **payload, __u32 *size)
{
	const char *newline = memchr(in->buf + in->scanned, '\n', in->end - in->scanned);
	size_t length = (newline ? (size_t)(newline - in->buf) : in->end) - in->start;

	in->scanned = in->end;
	if (length > in->max)
		return wrong(in, "line %llu is longer than %u bytes", number(in), in->max);
	if (newline)
		return take(in, payload, size, 0, length, 1);
	return in->at_end && length ? take(in, payload, size, 0, length, 0) : 0;
}

static int next_framed(struct records_reader *in, const char **payload, __u32 *size)
{
	const unsigned char *p = (const unsigned char *)in->buf + in->start;
	size_t have = in->end - in->start, length;

	if (have < PREFIX_SIZE && in->at_end && have)
		return wrong(in, "record %llu is cut off in its length", number(in));
	if (have < PREFIX_SIZE)
		return 0;
	length = p[0] | p[1] << 8 | p[2] << 16 | (size_t)p[3] << 24;
	if (length > in->max)
		return wrong(in, "record %llu, of %zu bytes, is longer than %u bytes", number(in),
			     length, in->max);
	if (have - PREFIX_SIZE >= length)
		return take(in, payload, size, PREFIX_SIZE, length, 0);
	if (!in->at_end)
		return 0;
	return wrong(in, "record %llu is cut off: %zu of its %zu bytes are there", number(in),
		     have - PREFIX_SIZE, length);
}

static int next_fixed(struct records_reader *in, const char **payload, __u32 *size)
{
	size_t have = in->end - in->start;

	if (have >= in->format.size)
		return take(in, payload, size, 0, in->format.size, 0);
	if (!in->at_end || !have)
		return 0;
	return wrong(in, "record %llu is cut off: %zu of its %u bytes are there", number(in), have,
		     in->format.size);
}

int records_next(struct records_reader *in, const char **payload, __u32 *size)
{
	if (in->format.kind == RECORDS_FRAMED)
		return next_framed(in, payload, size);
	if (in->format.kind == RECORDS_FIXED)
		return next_fixed(in, payload, size);
	return next_line(in, payload, size);
}

/* ---- writing ---- */

int records_writer_init(struct records_writer *out, const struct records_format *format)
{
	out->format = *format;
	out->size = BUFFER_SIZE;
	out->used = 0;
	out->buf = malloc(out->size);
	return out->buf ? 0 : -ENOMEM;
}

void records_writer_fini(struct records_writer *out)
{
	free(out->buf);
}

static int grow(struct records_writer *out, size_t size)
{
	char *buf = realloc(out->buf, size);

	if (!buf)
		return -ENOMEM;
	out->buf = buf;
	out->size = size;
	return 0;
}

int records_put(struct records_writer *out, const void *payload, __u32 size)
{
	size_t bytes = records_bytes(&out->format, size);
	char *p;

	if (bytes > out->size - out->used) {
		if (out->used)
			return -ENOBUFS;
		if (grow(out, bytes))
			return -ENOMEM;
	}
	p = out->buf + out->used;
	out->used += bytes;
	if (out->format.kind == RECORDS_FRAMED) {
		*p++ = (char)size;
		*p++ = (char)(size >> 8);
		*p++ = (char)(size >> 16);
		*p++ = (char)(size >> 24);
	}
	memcpy(p, payload, size);
	if (out->format.kind != RECORDS_FRAMED && out->format.kind != RECORDS_FIXED)
		p[size] = '\n';
	return 0;
}
