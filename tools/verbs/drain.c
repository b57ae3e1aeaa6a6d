// SPDX-License-Identifier: BSD-2-Clause
/*
 * drain.c: chute drain: runs the BPF program that drains a ring, again and again. What
 * that consumes is seen by the positions, from outside.
 */
#include "bpf/program.h"
#include "cli/progress.h"
#include "ring/open.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000LL

struct drainer {
	const char *name; /* of the program */
	struct ring ring;
	struct program *program;
	__u64 every_ms;
	bool until_empty, quiet;

	__u64 runs, records, bytes;
	bool more;	   /* records than could be counted */
	int returned;	   /* by the last run */
	unsigned long pos; /* the consumer's, before the next run */
	bool failed;	   /* has been told of */
	__s64 moved_ns;	   /* when it last was elsewhere; 0: told that it does not move */
};

static void look(const struct drainer *d, struct chute_stat *stat)
{
	stat->sz = sizeof(*stat);
	chute_view_stat(d->ring.view, stat);
}

/* What was consumed still lies where it was, unless a producer has overwritten it
 * since: count its records. */
static void count_consumed(struct drainer *d, unsigned long end)
{
	struct chute_record record;
	struct chute_stat now;
	unsigned long pos = d->pos;
	__u64 records = 0;

	while ((long)(end - pos) > 0 && chute_peek(d->ring.view, pos, &record) > 0) {
		records += !record.flags;
		pos = record.next_pos;
	}
	look(d, &now);
	d->bytes += end - d->pos;
	if (pos == end && now.producer_pos - d->pos <= now.size)
		d->records += records;
	else
		d->more = true;
}

/* ---- what a program's result means ---- */

static const char *meaning(int err)
{
	switch (err) {
	case EBUSY:
		return "another program drains the ring at the same time";
	case EINVAL:
		return "the ring is damaged, or the program gave wrong flags: 'chute check' looks, "
		       "'chute repair' mends";
	case E2BIG:
		return "a record is longer than the ring or than a program can take: 'chute "
		       "repair' discards it";
	default:
		return strerror(err);
	}
}

/* A program's own negative results are its own business, unless they can be an errno. */
static int errno_of(int returned)
{
	return returned < 0 && returned > -4096 ? -returned : 0;
}

/* Tell once of an error, and again only after another result. */
static void tell_result(struct drainer *d)
{
	int err = errno_of(d->returned);

	if (err && !d->failed)
		tool_say("%s: %s returned %d (%s): %s", d->ring.given, d->name, d->returned,
			 strerrorname_np(err) ? strerrorname_np(err) : "?", meaning(err));
	d->failed = err;
}

static void tell_stuck(struct drainer *d, const struct chute_stat *now)
{
	struct chute_record record;

	if (!d->moved_ns || progress_now_ns() - d->moved_ns < NS_PER_S || d->failed)
		return;
	d->moved_ns = 0;
	if (chute_peek(d->ring.view, now->consumer_pos, &record) == 1 && record.flags == CHUTE_BUSY)
		tool_say("%s: the record at %lu is unfinished (BUSY), and holds the drain up: "
			 "'chute check' says whose it is",
			 d->ring.given, record.pos);
	else
		tool_say("%s: %s runs, and consumes nothing of the %zu bytes that are pending",
			 d->ring.given, d->name, now->used);
}

/* ---- running ---- */

/* Run it once. Sets *again if there is no reason to wait before the next run, *empty if
 * nothing is left. */
static int run_once(struct drainer *d, bool *again, bool *empty)
{
	struct chute_stat now;
	int err = program_run(d->program, &d->returned);

	if (err)
		return tool_complain(
			"%s: %s can't be run: %s%s", d->ring.given, d->name, strerror(-err),
			err == -EOPNOTSUPP ? ": programs of its type have no test run" : "");
	d->runs++;
	look(d, &now);
	if (now.consumer_pos != d->pos) {
		count_consumed(d, now.consumer_pos);
		d->moved_ns = progress_now_ns();
	} else if (!now.used) {
		d->moved_ns = progress_now_ns();
	}
	*empty = now.consumer_pos == now.producer_pos;
	*again = !*empty && now.consumer_pos != d->pos;
	d->pos = now.consumer_pos;
	tell_result(d);
	if (!*empty)
		tell_stuck(d, &now);
	return TOOL_OK;
}

static void pause_for(__s64 ns)
{
	__s64 end = progress_now_ns() + ns, left;
	struct timespec time = { 0 };

	/* In slices: a signal may come just before we sleep. */
	while (!stop_asked() && (left = end - progress_now_ns()) > 0) {
		time.tv_nsec = left < STOP_SLICE_NS ? left : STOP_SLICE_NS;
		nanosleep(&time, NULL);
	}
}

/* What would never come to an end by itself. */
static int complain_never_empty(const struct drainer *d)
{
	struct chute_stat now;

	look(d, &now);
	return tool_complain("%s: can't be emptied: %zu bytes stay in it", d->ring.given, now.used);
}

static int run(struct drainer *d)
{
	bool again = false, empty = false;
	struct chute_stat start;
	int status = TOOL_OK;

	look(d, &start);
	d->pos = start.consumer_pos;
	d->moved_ns = progress_now_ns();
	while (!status && !stop_asked()) {
		status = run_once(d, &again, &empty);
		if (status || (d->until_empty && empty))
			break;
		if (d->until_empty && d->failed && d->returned != -EBUSY)
			return complain_never_empty(d);
		if (!again)
			pause_for((__s64)d->every_ms * NS_PER_MS);
	}
	return status;
}

static void summary(const struct drainer *d)
{
	if (d->quiet || !d->runs)
		return;
	tool_say("%s: %llu run%s, %llu record%s%s in %s consumed, %d returned last", d->ring.given,
		 (unsigned long long)d->runs, d->runs == 1 ? "" : "s",
		 (unsigned long long)d->records, d->records == 1 ? "" : "s",
		 d->more ? " and more" : "", size_bytes((double)d->bytes).text, d->returned);
}

/* ---- the verb ---- */

static int drain_ring(struct drainer *d)
{
	int status;

	if (d->ring.kind != RING_MAP)
		return tool_complain("%s: no BPF program drains %s: 'chute recv' drains memory "
				     "rings, mem:NAME",
				     d->ring.given,
				     d->ring.kind == RING_MEMORY ? "a memory ring" : "an image");
	d->program = program_open(&d->ring, d->name);
	if (!d->program)
		return TOOL_FAILED;
	stop_on_signals();
	status = run(d);
	summary(d);
	program_close(d->program);
	return status;
}

static const struct option_row rows[] = {
	{ "program", "NAME", option_text, OPTION_AT(struct drainer, name),
	  "id:N, or the path where it is pinned", .required = true },
	{ "every", "MS", option_number, OPTION_AT(struct drainer, every_ms),
	  "run it so often while there is nothing to do (10)", "a number of milliseconds",
	  .least = 1, .most = 1000000000 },
	{ "until-empty", NULL, option_flag, OPTION_AT(struct drainer, until_empty),
	  "end when the ring is empty" },
	{ "quiet", NULL, option_flag, OPTION_AT(struct drainer, quiet),
	  "no summary on standard error", .letter = 'q' },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about = "Run a BPF program that drains a ring, until interrupted.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME or the path of a pinned map. The program is run by "
		"BPF_PROG_TEST_RUN; one that wants a packet gets 64 bytes of zeroes.",
	.example = "chute drain map:log --program /sys/fs/bpf/drain --until-empty",
};

int tool_drain(int argc, char **argv)
{
	struct drainer d = { .every_ms = 10 };
	int status = options_take(&usage, &d, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	if (!d.name)
		return tool_misuse("no --program given");
	status = ring_argument(&d.ring, argc, argv);
	if (!status)
		status = ring_look(&d.ring);
	if (status)
		return status;
	status = drain_ring(&d);
	ring_close(&d.ring);
	/* To be interrupted is its usual end, unless it was to empty the ring. */
	if (!status && stop_asked() && d.until_empty)
		stop_die();
	return status;
}
