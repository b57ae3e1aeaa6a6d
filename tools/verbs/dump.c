// SPDX-License-Identifier: BSD-2-Clause
/* dump.c: chute dump: the records that are pending in a ring, without consuming any. */
#include "cli/colour.h"
#include "io/image.h"
#include "cli/json.h"
#include "ring/open.h"
#include "cli/size.h"
#include "cli/options.h"
#include "look/sample.h"
#include "look/walk.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 64 /* bytes */

struct dump {
	struct ring ring;
	struct walk walk;
	bool messages, full, json;
	const char *raw;
	__u64 count;

	char *copy; /* of a record's payload */
	size_t room;
};

struct bytes {
	const char *at;
	size_t size;  /* all that there are */
	size_t shown; /* of those, to be printed */
};

static struct bytes bytes_of(const struct dump *d, const void *at, size_t size)
{
	return (struct bytes){ at, size, d->full || size < SHOWN ? size : SHOWN };
}

/* ---- for people ---- */

static void print_line(const unsigned char *at, size_t offset, size_t size, const char *indent)
{
	size_t i;

	printf("%s%06zx ", indent, offset);
	for (i = 0; i < 16; i++)
		if (i < size)
			printf(i == 8 ? "  %02x" : " %02x", at[i]);
		else
			fputs(i == 8 ? "    " : "   ", stdout);
	fputs("  |", stdout);
	for (i = 0; i < size; i++)
		putchar(at[i] >= ' ' && at[i] < 0x7f ? at[i] : '.');
	puts("|");
}

static void print_bytes(const struct bytes *b, const char *indent)
{
	size_t at, left;

	for (at = 0; at < b->shown; at += 16) {
		left = b->shown - at;
		print_line((const unsigned char *)b->at + at, at, left < 16 ? left : 16, indent);
	}
	if (b->shown < b->size)
		printf("%s... %zu more\n", indent, b->size - b->shown);
}

/* Whose an unfinished record is, if that can be told. */
static bool find_owner(const struct dump *d, const struct chute_record *record,
		       struct chute_producer_info *info)
{
	info->sz = sizeof(*info);
	return record->flags & CHUTE_BUSY &&
	       !chute_view_record_producer(d->ring.view, record, info);
}

static void print_head(const struct dump *d, const struct chute_record *record)
{
	struct chute_producer_info info;

	printf("%s%lu%s: %u bytes", colour(COLOUR_BOLD), record->pos, colour(COLOUR_PLAIN),
	       record->size);
	if (record->flags & CHUTE_DISCARD)
		printf(", %sdiscarded%s", colour(COLOUR_DIM), colour(COLOUR_PLAIN));
	if (record->flags & CHUTE_BUSY)
		printf(", %sbusy%s", colour(COLOUR_RED), colour(COLOUR_PLAIN));
	if (find_owner(d, record, &info))
		printf(", of process %u (%s)", info.pid, sample_state(info.state));
}

static void print_messages(const struct dump *d, const struct bytes *payload)
{
	const void *message;
	struct bytes b;
	struct chute_unpacker u;
	__u32 size;
	size_t n;

	chute_unpack(&u, payload->at, (__u32)payload->size);
	printf(", %s\n", u.packed ? "packed" : "not packed");
	for (n = 0; chute_unpack_next(&u, &message, &size); n++) {
		b = bytes_of(d, message, size);
		printf("  message %zu: %u bytes\n", n, size);
		print_bytes(&b, "    ");
	}
	if (u.malformed)
		printf("  malformed: not what its header says, from here on\n");
}

static void print_record(const struct dump *d, const struct chute_record *record, const char *copy)
{
	struct bytes b = bytes_of(d, copy, record->size);

	print_head(d, record);
	if (d->messages && !record->flags) {
		print_messages(d, &b);
		return;
	}
	putchar('\n');
	print_bytes(&b, "  ");
}

/* ---- for programs ---- */

static void add_hex(struct json_object *object, const struct bytes *b)
{
	static const char digits[] = "0123456789abcdef";
	char *text = tool_memory(NULL, 2 * b->shown + 1), *out = text;
	size_t i;

	for (i = 0; i < b->shown; i++) {
		*out++ = digits[(unsigned char)b->at[i] >> 4];
		*out++ = digits[(unsigned char)b->at[i] & 15];
	}
	*out = '\0';
	json_add_text(object, "data", text);
	json_add_bool(object, "cut", b->shown < b->size);
	free(text);
}

static void add_messages(const struct dump *d, struct json_object *line,
			 const struct bytes *payload)
{
	struct json_object *array = json_new_array(), *object;
	const void *message;
	struct chute_unpacker u;
	struct bytes b;
	__u32 size;

	chute_unpack(&u, payload->at, (__u32)payload->size);
	while (chute_unpack_next(&u, &message, &size)) {
		b = bytes_of(d, message, size);
		object = json_new();
		json_add_number(object, "size", size);
		add_hex(object, &b);
		json_append(array, object);
	}
	json_add_bool(line, "packed", u.packed);
	json_add(line, "messages", array);
	json_add_bool(line, "malformed", u.malformed);
}

static int json_record(const struct dump *d, const struct chute_record *record, const char *copy)
{
	struct bytes b = bytes_of(d, copy, record->size);
	struct json_object *line = json_new();
	struct chute_producer_info info;

	ring_json(&d->ring, line);
	json_add_number(line, "position", record->pos);
	json_add_number(line, "next_position", record->next_pos);
	json_add_number(line, "size", record->size);
	json_add_bool(line, "busy", record->flags & CHUTE_BUSY);
	json_add_bool(line, "discarded", record->flags & CHUTE_DISCARD);
	if (find_owner(d, record, &info)) {
		json_add_number(line, "pid", info.pid);
		json_add_text(line, "producer", sample_state(info.state));
	}
	if (d->messages && !record->flags)
		add_messages(d, line, &b);
	else
		add_hex(line, &b);
	return json_print(line);
}

/* ---- the walk ---- */

/* How many bytes of the next record we want. */
static size_t wanted(const struct dump *d)
{
	struct chute_record record;

	if (!d->full && !d->messages)
		return SHOWN;
	return chute_peek(d->ring.view, d->walk.pos, &record) == 1 ? record.size : 0;
}

/* The next record and its bytes. It may be another one than the one we made room for:
 * then look again, but not for ever. */
static int next(struct dump *d, struct chute_record *record)
{
	const struct walk before = d->walk;
	size_t bytes = 0;
	int got, tries;

	for (tries = 0; tries < 100; tries++) {
		d->walk = before;
		bytes = wanted(d);
		if (bytes > d->room)
			d->copy = tool_memory(d->copy, d->room = bytes);
		got = walk_next(&d->walk, record, d->copy, bytes);
		if (got != 1 || record->size <= bytes || (!d->full && !d->messages))
			return got;
	}
	d->walk.moving = true;
	return 0;
}

static int tell_end(const struct dump *d, int got)
{
	const char *given = d->ring.given;

	if (d->walk.unseen)
		tool_say("%s: moves: %s went by unseen", given,
			 size_bytes((double)d->walk.unseen).text);
	if (d->walk.moving)
		return tool_complain("%s: moves too fast: not all that was pending was seen",
				     given);
	if (got < 0)
		return tool_complain("%s: damaged: at %lu is no record (%s): 'chute check %s' says "
				     "more",
				     given, d->walk.pos, got == -E2BIG ? "-E2BIG" : "-EINVAL",
				     given);
	if (d->walk.positions != WALK_SOUND)
		return tool_complain("%s: damaged: its positions can't be true: 'chute check %s' "
				     "says more",
				     given, given);
	return TOOL_OK;
}

static int dump(struct dump *d)
{
	struct chute_record record;
	int status = TOOL_OK, got = 1;
	__u64 n;

	walk_start(&d->walk, d->ring.view);
	for (n = 0; n < d->count && !status && (got = next(d, &record)) == 1; n++) {
		if (d->json)
			status = json_record(d, &record, d->copy);
		else
			print_record(d, &record, d->copy);
		if (ferror(stdout))
			break;
	}
	free(d->copy);
	if (!status)
		status = tool_flush();
	return status || n == d->count ? status : tell_end(d, got);
}

/* ---- the verb ---- */

static const struct option_row rows[] = {
	{ "messages", NULL, option_flag, OPTION_AT(struct dump, messages),
	  "take packed records apart" },
	{ "full", NULL, option_flag, OPTION_AT(struct dump, full),
	  "print all bytes of a record or message, not the first 64" },
	{ "count", "N", option_number, OPTION_AT(struct dump, count), "end after N records" },
	{ "json", NULL, option_flag, OPTION_AT(struct dump, json),
	  "a record a line, as an object" },
	{ "raw", "FILE", option_text, OPTION_AT(struct dump, raw),
	  "save the ring in FILE, an image, and print nothing" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about = "Print the records that are pending in a ring: position, size, owner, bytes. "
		 "Consumes none.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME, mem:NAME, the path of a pinned map or of an image.",
	.example = "chute dump mem:demo --count 3",
};

int tool_dump(int argc, char **argv)
{
	struct dump d = { .count = UINT64_MAX };
	int status = options_take(&usage, &d, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	if (d.raw && (d.messages || d.full || d.json || d.count != UINT64_MAX))
		return tool_misuse("--raw saves all of the ring, and goes with no other option");
	status = ring_argument(&d.ring, argc, argv);
	if (!status)
		status = ring_look(&d.ring);
	if (status)
		return status;
	status = d.raw ? image_save(&d.ring, d.raw) : dump(&d);
	ring_close(&d.ring);
	return status;
}
