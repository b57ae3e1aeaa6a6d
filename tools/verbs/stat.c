// SPDX-License-Identifier: BSD-2-Clause
/* stat.c: chute stat: where a ring stands, once or again and again. */
#include "cli/colour.h"
#include "look/pending.h"
#include "cli/progress.h"
#include "ring/view.h"
#include "look/sample.h"
#include "cli/size.h"
#include "look/stat_text.h"
#include "cli/stop.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEAST_INTERVAL_NS (NS_PER_S / 100)

static const char help[] =
	"usage: chute stat RING [--interval SECONDS] [--count N] [--walk N] [--json]\n"
	"Where a ring stands: positions, fill, pending records, producers; with an interval also\n"
	"what goes in and out a second.\n"
	"\n"
	"  --interval SECONDS  a sample after each SECONDS, until interrupted\n"
	"  --count N           end after N samples\n"
	"  --walk N            look at no more than N pending records a sample (1000; 0: none)\n"
	"  --json              an object a line for each sample\n"
	"  -h, --help          this text\n"
	"\n"
	"RING is map:ID, map:NAME, the path of a pinned map or of an image, or mem:NAME. It is\n"
	"only read: whoever feeds or drains it notices nothing.\n"
	"\n"
	"Example:\n"
	"  chute stat /sys/fs/bpf/log --interval 1 --count 10\n";

struct watcher {
	__s64 interval_ns; /* 0: one sample, now */
	__u64 count;
	__u64 walk;
	bool json;

	struct ring_view ring;
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

enum { OPTION_INTERVAL = TOOL_FIRST_LONG, OPTION_COUNT, OPTION_WALK };

static int option_take(struct watcher *w, int option)
{
	switch (option) {
	case OPTION_INTERVAL:
		if (seconds_parse(optarg, &w->interval_ns))
			return tool_misuse("--interval %s: not a number of seconds", optarg);
		if (w->interval_ns < LEAST_INTERVAL_NS)
			return tool_misuse("--interval %s: 0.01 is the least", optarg);
		return TOOL_OK;
	case OPTION_COUNT:
		if (count_parse(optarg, &w->count) || !w->count)
			return tool_misuse("--count %s: not a number of samples", optarg);
		return TOOL_OK;
	case OPTION_WALK:
		if (count_parse(optarg, &w->walk))
			return tool_misuse("--walk %s: not a number of records", optarg);
		return TOOL_OK;
	case TOOL_JSON:
		w->json = true;
		return TOOL_OK;
	default:
		return option == TOOL_BAD ? TOOL_USAGE : tool_misuse("-%c is no option", option);
	}
}

int tool_stat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, OPTION_INTERVAL },
		{ "count", required_argument, NULL, OPTION_COUNT },
		{ "walk", required_argument, NULL, OPTION_WALK },
		TOOL_OPTIONS_JSON,
		TOOL_OPTIONS,
		{ 0 },
	};
	struct watcher w = { .count = UINT64_MAX, .walk = PENDING_DEFAULT };
	int option, status;

	while ((option = tool_option(argc, argv, options)) != -1) {
		if (option == TOOL_HELP)
			return tool_print(help);
		status = option_take(&w, option);
		if (status)
			return status;
	}
	/* Several samples need time between them. */
	if (w.count != UINT64_MAX && !w.interval_ns)
		w.interval_ns = NS_PER_S;
	status = ring_view_argument(&w.ring, argc, argv);
	if (status)
		return status;
	status = watch(&w);
	ring_view_close(&w.ring);
	return status;
}
