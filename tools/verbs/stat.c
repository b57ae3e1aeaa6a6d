// SPDX-License-Identifier: BSD-2-Clause
/* stat.c: chute stat: where a ring stands, once or again and again. */
#include "cli/colour.h"
#include "look/pending.h"
#include "cli/progress.h"
#include "ring/open.h"
#include "look/sample.h"
#include "cli/size.h"
#include "look/stat_text.h"
#include "cli/stop.h"
#include "cli/options.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct watcher {
	__s64 interval_ns; /* 0: one sample, now */
	__u64 count;
	__u64 walk;
	bool json;

	struct ring ring;
	struct sample before;
};

static int print(const struct watcher *w, const struct stat_line *line, __u64 number)
{
	if (w->json)
		stat_text_json(&w->ring, line);
	else if (w->interval_ns)
		stat_text_row(line, number);
	else
		stat_text_all(&w->ring, line);
	return tool_flush();
}

static int take(struct watcher *w, __u64 number)
{
	struct stat_line line = { .walked = w->walk > 0 };

	sample_take(&line.now, w->ring.view);
	line.rates = sample_rates(&w->before, &line.now);
	if (w->walk)
		pending_count(w->ring.view, w->walk, &line.pending);
	w->before = line.now;
	return print(w, &line, number);
}

/* A signal ends it. */
static void sleep_until(__s64 time_ns)
{
	struct timespec at = { .tv_sec = time_ns / NS_PER_S, .tv_nsec = time_ns % NS_PER_S };

	while (!stop_asked() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static int watch(struct watcher *w)
{
	__s64 next = progress_now_ns();
	int status = TOOL_OK;
	__u64 i;

	if (!w->interval_ns)
		return take(w, 0);
	stop_on_signals();
	/* Rates need two. */
	sample_take(&w->before, w->ring.view);
	for (i = 0; i < w->count && !status; i++) {
		next += w->interval_ns;
		/* We were stopped, or are too slow: no burst of samples afterwards. */
		if (next < progress_now_ns())
			next = progress_now_ns();
		sleep_until(next);
		if (stop_asked())
			break;
		status = take(w, i);
	}
	if (!status && stop_asked() && w->count != UINT64_MAX)
		stop_die();
	return status;
}

static const struct option_row rows[] = {
	{ "interval", "SECONDS", option_seconds, OPTION_AT(struct watcher, interval_ns),
	  "a sample after each SECONDS, until interrupted", "a number of seconds",
	  .least = NS_PER_S / 100 },
	{ "count", "N", option_number, OPTION_AT(struct watcher, count), "end after N samples",
	  "a number of samples", .least = 1 },
	{ "walk", "N", option_number, OPTION_AT(struct watcher, walk),
	  "look at no more than N pending records a sample (1000; 0: none)",
	  "a number of records" },
	{ "json", NULL, option_flag, OPTION_AT(struct watcher, json),
	  "an object a line for each sample" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about = "Where a ring stands: positions, fill, pending records, producers; with an "
		 "interval also what goes in and out a second.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME, the path of a pinned map or of an image, or mem:NAME. "
		"It is only read: whoever feeds or drains it notices nothing.",
	.example = "chute stat /sys/fs/bpf/log --interval 1 --count 10",
};

int tool_stat(int argc, char **argv)
{
	struct watcher w = { .count = UINT64_MAX, .walk = PENDING_DEFAULT };
	int status = options_take(&usage, &w, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	/* Several samples need time between them. */
	if (w.count != UINT64_MAX && !w.interval_ns)
		w.interval_ns = NS_PER_S;
	status = ring_argument(&w.ring, argc, argv);
	if (!status)
		status = ring_look(&w.ring);
	if (status)
		return status;
	status = watch(&w);
	ring_close(&w.ring);
	return status;
}
