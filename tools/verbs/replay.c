// SPDX-License-Identifier: BSD-2-Clause
/*
 * replay.c: chute replay: what a consumer makes of an image: the one in user space, on a
 * copy, and beside it the kernel's, on a map with the same bytes.
 *
 * A map's consumer can't be put anywhere: beside the kernel both start at the same
 * offset some laps from 0. What is printed is in the image's own positions.
 */
#include "bpf/kernel.h"
#include "ring/open.h"
#include "cli/options.h"

#include <chute/drain.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct replay {
	struct ring ring;
	bool compare, json;

	int copy; /* of the image, in memory */
	size_t size;
	/* Where the image's positions are in the copy, and what they are in the image. */
	unsigned long cons_pos, prod_pos, image_pos;

	struct chute_consumer *consumer;
	struct kernel_ring *kernel;
	struct oracle_log *log;
	bool differs;
	char difference[200]; /* the first one */
};

static unsigned long in_image(const struct replay *r, unsigned long pos)
{
	return pos - r->cons_pos + r->image_pos;
}

/* ---- output ---- */

static void print_record(const struct replay *r, unsigned long pos, __u32 size)
{
	struct json_object *line;

	if (!r->json) {
		printf("%lu: %u bytes\n", in_image(r, pos), size);
		return;
	}
	line = json_new();
	json_add_text(line, "event", "record");
	json_add_number(line, "position", in_image(r, pos));
	json_add_number(line, "size", size);
	json_print(line);
}

static void print_drain(const struct replay *r, const char *who, long returned, __u32 records,
			unsigned long pos)
{
	struct json_object *line;

	if (!r->json) {
		printf("%s drain returned %ld, after %u record%s, at %lu\n", who, returned, records,
		       records == 1 ? "" : "s", in_image(r, pos));
		return;
	}
	line = json_new();
	json_add_text(line, "event", "drain");
	json_add_text(line, "consumer", who);
	json_add(line, "returned", json_object_new_int64(returned));
	json_add_number(line, "records", records);
	json_add_number(line, "consumer_pos", in_image(r, pos));
	json_print(line);
}

static int print_result(const struct replay *r)
{
	struct json_object *line;

	if (r->compare && r->json) {
		line = json_new();
		json_add_text(line, "event", "result");
		json_add_bool(line, "equal", !r->differs);
		if (r->differs)
			json_add_text(line, "difference", r->difference);
		json_print(line);
	} else if (r->compare) {
		printf("%s%s\n", r->differs ? "different: " : "equal",
		       r->differs ? r->difference : "");
	}
	if (tool_flush())
		return TOOL_CANT_LOOK;
	return r->differs ? TOOL_FAILED : TOOL_OK;
}

/* ---- the consumer in user space ---- */

static int write_down(const void *payload, __u32 size, void *ctx)
{
	struct replay *r = ctx;

	print_record(r, chute_consumer_pos(r->consumer), size);
	return !oracle_write_down(r->log, payload, size) || r->log->used >= ORACLE_WHOLE;
}

static long drain_user(struct replay *r)
{
	r->log->count = r->log->used = 0;
	return chute_drain(r->consumer, write_down, r, CHUTE_NO_WAKEUP);
}

/* ---- comparing ---- */

static void differ(struct replay *r, const char *what, long user, long kernel)
{
	if (r->differs)
		return;
	r->differs = true;
	snprintf(r->difference, sizeof(r->difference), "%s: %ld in user space, %ld in the kernel",
		 what, user, kernel);
}

static void compare_record(struct replay *r, const struct oracle_log *kernel, __u32 n)
{
	const struct oracle_entry *ours = &r->log->entries[n], *theirs = &kernel->entries[n];
	char what[64];

	if (ours->size != theirs->size) {
		snprintf(what, sizeof(what), "size of record %u of a drain", n);
		differ(r, what, ours->size, theirs->size);
	} else if (memcmp(r->log->bytes + ours->at, kernel->bytes + theirs->at,
			  oracle_kept(ours->size))) {
		snprintf(what, sizeof(what), "bytes of record %u of a drain", n);
		differ(r, what, ours->at, theirs->at);
	}
}

static int compare(struct replay *r, long returned)
{
	const unsigned long pos = chute_consumer_pos(r->consumer);
	struct kernel_drained kernel;
	__u32 n;

	if (kernel_ring_drain(r->kernel, &kernel))
		return TOOL_CANT_LOOK;
	print_drain(r, "kernel", kernel.returned, kernel.log->count, kernel.pos);
	for (n = 0; n < r->log->count && n < kernel.log->count; n++)
		compare_record(r, kernel.log, n);
	if (r->log->count != kernel.log->count)
		differ(r, "records", r->log->count, kernel.log->count);
	if (returned != kernel.returned)
		differ(r, "returned", returned, kernel.returned);
	if (pos != kernel.pos)
		differ(r, "consumer_pos", (long)in_image(r, pos), (long)in_image(r, kernel.pos));
	return TOOL_OK;
}

/* Drain until nothing moves any more: at the end, at a record that is not finished, or
 * at an error. Where positions can't be true, a lap is enough. */
static int drain_all(struct replay *r)
{
	unsigned long before, pos = r->cons_pos;
	int status = TOOL_OK;
	long returned;

	do {
		before = pos;
		returned = drain_user(r);
		pos = chute_consumer_pos(r->consumer);
		print_drain(r, "user", returned, r->log->count, pos);
		if (r->compare)
			status = compare(r, returned);
	} while (!status && !r->differs && returned >= 0 && pos != before &&
		 pos - r->cons_pos < r->size && pos != r->prod_pos);
	return status ? status : print_result(r);
}

/* ---- copies ---- */

/* Where the two positions go, when the consumer's has to be three laps from 0: as far
 * apart, or where that can't be, as far as counts. */
static void shift(struct replay *r)
{
	unsigned long cons = r->cons_pos, prod = r->prod_pos, to, ahead = prod - cons;
	unsigned long back = cons - prod;

	to = 3 * r->size + (cons & (r->size - 1));
	r->cons_pos = to;
	if (prod < cons)
		r->prod_pos = to - (back <= to ? back : back % 8 + 8);
	else
		r->prod_pos = to + ahead >= to ? to + ahead : ~7UL | prod % 8;
}

static int complain(const struct replay *r, const char *what)
{
	tool_complain("%s: %s: %s", r->ring.given, what, strerror(errno));
	return TOOL_CANT_LOOK;
}

static int write_word(int fd, size_t offset, unsigned long word)
{
	return pwrite(fd, &word, sizeof(word), (off_t)offset) == sizeof(word) ? 0 : -1;
}

static int make_copy(struct replay *r)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err;

	r->copy = memfd_create("replay", MFD_CLOEXEC);
	if (r->copy < 0)
		return complain(r, "can't make a copy");
	err = chute_view_save(r->ring.view, r->copy);
	errno = -err;
	if (err || write_word(r->copy, 0, r->cons_pos) || write_word(r->copy, page, r->prod_pos))
		return complain(r, "can't make a copy");
	r->consumer = chute_consumer_open(r->copy);
	if (!r->consumer)
		return complain(r, "can't open the copy");
	if (!r->compare)
		return TOOL_OK;
	r->kernel = kernel_ring_open(r->size, r->cons_pos);
	if (!r->kernel || kernel_ring_fill(r->kernel, r->copy, 2 * page, r->prod_pos))
		return TOOL_CANT_LOOK;
	return TOOL_OK;
}

static int replay(struct replay *r)
{
	struct chute_stat stat = { .sz = sizeof(stat) };
	int status;

	chute_view_stat(r->ring.view, &stat);
	r->size = stat.size;
	r->cons_pos = r->image_pos = stat.consumer_pos;
	r->prod_pos = stat.producer_pos;
	if (r->compare && r->cons_pos % 8) {
		tool_complain("%s: --kernel: the kernel's consumer_pos is a multiple of 8, and "
			      "this one is %lu",
			      r->ring.given, r->cons_pos);
		return TOOL_CANT_LOOK;
	}
	if (r->compare)
		shift(r);
	r->log = tool_memory(NULL, sizeof(*r->log));
	status = make_copy(r);
	if (!status)
		status = drain_all(r);
	kernel_ring_close(r->kernel);
	chute_consumer_close(r->consumer);
	free(r->log);
	if (r->copy >= 0)
		close(r->copy);
	return status;
}

/* ---- the verb ---- */

/* Any file's name will do here, also one without a slash. */
static int open_image(struct replay *r, int argc, char **argv)
{
	static char path[4096];
	int status;

	if (argc == 1 && !strchr(*argv, '/') && strncmp(*argv, "mem:", 4) &&
	    strncmp(*argv, "map:", 4)) {
		snprintf(path, sizeof(path), "./%s", *argv);
		*argv = path;
	}
	status = ring_argument(&r->ring, argc, argv);
	return status ? status : ring_look(&r->ring);
}

static const struct option_row rows[] = {
	{ "kernel", NULL, option_flag, OPTION_AT(struct replay, compare),
	  "let the kernel drain the same bytes, and compare" },
	{ "json", NULL, option_flag, OPTION_AT(struct replay, json),
	  "a record, a drain or a result a line, as an object" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "IMAGE",
	.about = "Drain a copy of an image, and print what comes; the image stays as it is.",
	.rows = rows,
	.more = "IMAGE is a file that 'chute dump --raw' made.\nExits 1 if the two differ, and 3 "
		"if the image can't be replayed.",
	.example = "chute dump mem:demo --raw demo.img && chute replay demo.img",
};

int tool_replay(int argc, char **argv)
{
	struct replay r = { .copy = -1 };
	int status = options_take(&usage, &r, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	status = open_image(&r, argc, argv);
	if (status)
		return status == TOOL_FAILED ? TOOL_CANT_LOOK : status;
	if (r.ring.kind != RING_IMAGE) {
		tool_complain("%s: a ring in use: 'chute dump %s --raw FILE' makes an image of it",
			      r.ring.given, r.ring.given);
		status = TOOL_CANT_LOOK;
	} else {
		status = replay(&r);
	}
	ring_close(&r.ring);
	return status;
}
