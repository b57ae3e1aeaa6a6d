// SPDX-License-Identifier: BSD-2-Clause
/* stat_text.c: see stat_text.h. */
#include "look/stat_text.h"
#include "cli/colour.h"
#include "cli/size.h"
#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD_EVERY     20 /* rows, on a terminal */
#define PRODUCERS_MOST 16 /* that are shown */

/* ---- for people ---- */

const char *stat_text_pending(const struct pending *pending, char *text, size_t size)
{
	int used;

	if (pending->moving) {
		snprintf(text, size, "not counted: the ring moves too fast to walk it");
		return text;
	}
	used = snprintf(text, size, "%s%llu record%s", pending->more ? "more than " : "",
			(unsigned long long)pending->records, pending->records == 1 ? "" : "s");
	if (pending->busy)
		used += snprintf(text + used, size - (size_t)used, ", %llu busy",
				 (unsigned long long)pending->busy);
	if (pending->discarded)
		used += snprintf(text + used, size - (size_t)used, ", %llu discarded",
				 (unsigned long long)pending->discarded);
	if (pending->err)
		snprintf(text + used, size - (size_t)used,
			 ", then at %lu what a drain refuses with %s", pending->err_pos,
			 strerrorname_np(-pending->err));
	return text;
}

static void print_producers(const struct chute_view *view)
{
	struct chute_producer_info info = { .sz = sizeof(info) };
	int count = 0;

	for (; !chute_view_producer(view, &info); info.index++) {
		if (count++ == PRODUCERS_MOST) {
			printf("%-12s...\n", "");
			return;
		}
		printf("%-12spid %u%s, %s%s", count == 1 ? "producers" : "", info.pid,
		       info.elsewhere ? " of other namespaces" : "",
		       info.index ? "one of many" : "the sole one",
		       info.state == CHUTE_PRODUCER_ALIVE ? "" : ", ");
		if (info.state != CHUTE_PRODUCER_ALIVE)
			printf("%s%s%s", colour(COLOUR_RED), sample_state(info.state),
			       colour(COLOUR_PLAIN));
		if (info.blocked)
			printf(", %s%u waiting%s", colour(COLOUR_YELLOW), info.blocked,
			       colour(COLOUR_PLAIN));
		putchar('\n');
	}
	if (!count)
		printf("%-12s%s\n", "producers", "none of chute's");
}

static void print_holder(const struct chute_view *view, enum chute_hold hold, const char *what)
{
	struct chute_producer_info info = { .sz = sizeof(info) };

	if (chute_view_holder(view, hold, &info))
		return;
	printf("%-12spid %u%s, %s\n", what, info.pid, info.elsewhere ? " of other namespaces" : "",
	       sample_state(info.state));
}

static void print_counts(const struct chute_stat *stat)
{
	if (!stat->counted) {
		printf("%-12snone: chute has not produced on this ring\n", "counters");
		return;
	}
	printf("%-12s%llu records reserved, %llu discarded\n", "counters",
	       (unsigned long long)stat->records, (unsigned long long)stat->discards);
	printf("%-12s%llu times full, %.3f s of waiting\n", "", (unsigned long long)stat->full,
	       (double)stat->blocked_ns / NS_PER_S);
	if (stat->takeovers || stat->recovered)
		printf("%-12sof the dead: %llu locks taken over, %llu records discarded\n", "",
		       (unsigned long long)stat->takeovers, (unsigned long long)stat->recovered);
}

void stat_text_all(const struct ring *ring, const struct stat_line *line)
{
	const struct chute_stat *stat = &line->now.stat;
	double fill = sample_fill(&line->now);
	char text[256];

	printf("%s%s%s", colour(COLOUR_BOLD), text_printable(text, sizeof(text), ring->given, "?"),
	       colour(COLOUR_PLAIN));
	if (ring->kind == RING_MAP)
		printf(": map %u %s\n", ring->id,
		       text_printable(text, sizeof(text), ring->map_name, "?"));
	else
		printf(": %s\n", ring->kind == RING_IMAGE ? "an image" : "a memory ring");
	printf("%-12sconsumer %lu, producer %lu%s\n", "positions", stat->consumer_pos,
	       stat->producer_pos,
	       stat->moving ? " (the ring moves too fast to read both at once)" : "");
	printf("%-12s%s%s of %s, %.0f %%%s\n", "used", colour(colour_of_fill(fill)),
	       size_bytes((double)stat->used).text, size_bytes((double)stat->size).text, fill,
	       colour(COLOUR_PLAIN));
	if (line->walked)
		printf("%-12s%s\n", "pending",
		       stat_text_pending(&line->pending, text, sizeof(text)));
	print_producers(ring->view);
	print_holder(ring->view, CHUTE_HOLD_LOCK, "lock");
	print_holder(ring->view, CHUTE_HOLD_DRAIN, "drainer");
	print_counts(stat);
}

static void print_count(const struct stat_line *line, __u64 count)
{
	if (line->walked && !line->pending.moving)
		printf(" %7llu%c", (unsigned long long)count, line->pending.more ? '+' : ' ');
	else
		printf(" %7s ", "-");
}

void stat_text_row(const struct stat_line *line, __u64 number)
{
	double fill = sample_fill(&line->now);

	if (!number || (number % HEAD_EVERY == 0 && isatty(STDOUT_FILENO)))
		printf("%s      USED FILL       IN/s      OUT/s RECORDS/s PENDING     BUSY  "
		       "DISCARD  BLOCKED%s\n",
		       colour(COLOUR_BOLD), colour(COLOUR_PLAIN));
	printf("%s%10s %3.0f%%%s", colour(colour_of_fill(fill)),
	       size_bytes((double)line->now.stat.used).text, fill, colour(COLOUR_PLAIN));
	if (line->rates.known)
		printf(" %10s %10s", size_bytes(line->rates.bytes_in).text,
		       size_bytes(line->rates.bytes_out).text);
	else
		printf(" %10s %10s", "-", "-");
	printf(" %9s", line->rates.records_known ? size_count(line->rates.records_in).text : "-");
	print_count(line, line->pending.records);
	print_count(line, line->pending.busy);
	print_count(line, line->pending.discarded);
	printf(" %7u%s\n", line->now.stat.blocked, line->now.stat.moving ? "  moving" : "");
}

/* ---- for programs ---- */

static void add_producers(struct json_object *object, const struct chute_view *view)
{
	struct chute_producer_info info = { .sz = sizeof(info) };
	struct json_object *producers = json_new_array(), *one;

	for (; !chute_view_producer(view, &info); info.index++) {
		one = json_new();
		json_add_number(one, "index", info.index);
		json_add_number(one, "pid", info.pid);
		json_add_text(one, "state", sample_state(info.state));
		json_add_number(one, "blocked", info.blocked);
		json_append(producers, one);
	}
	json_add(object, "producers", producers);
}

static void add_counts(struct json_object *object, const struct chute_stat *stat)
{
	json_add_number(object, "records", stat->records);
	json_add_number(object, "discards", stat->discards);
	json_add_number(object, "full", stat->full);
	json_add_number(object, "blocked_ns", stat->blocked_ns);
	json_add_number(object, "takeovers", stat->takeovers);
	json_add_number(object, "recovered", stat->recovered);
}

static void add_rates(struct json_object *object, const struct rates *rates)
{
	json_add_quantity(object, "seconds", rates->seconds);
	json_add_quantity(object, "bytes_in_per_s", rates->bytes_in);
	json_add_quantity(object, "bytes_out_per_s", rates->bytes_out);
	if (rates->records_known)
		json_add_quantity(object, "records_in_per_s", rates->records_in);
}

static void add_pending(struct json_object *object, const struct pending *pending)
{
	if (pending->moving)
		return;
	json_add_number(object, "pending", pending->records);
	json_add_bool(object, "pending_more", pending->more);
	json_add_number(object, "pending_busy", pending->busy);
	json_add_number(object, "pending_discarded", pending->discarded);
	if (!pending->err)
		return;
	json_add_number(object, "refused_pos", pending->err_pos);
	json_add_text(object, "refused", strerrorname_np(-pending->err));
}

void stat_text_json(const struct ring *ring, const struct stat_line *line)
{
	const struct chute_stat *stat = &line->now.stat;
	struct json_object *object = json_new();
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ring_json(ring, object);
	json_add_quantity(object, "time", (double)now.tv_sec + (double)now.tv_nsec / 1e9);
	json_add_number(object, "size", stat->size);
	json_add_number(object, "consumer_pos", stat->consumer_pos);
	json_add_number(object, "producer_pos", stat->producer_pos);
	json_add_number(object, "used", stat->used);
	json_add_bool(object, "moving", stat->moving);
	json_add_number(object, "blocked", stat->blocked);
	add_producers(object, ring->view);
	if (stat->counted)
		add_counts(object, stat);
	if (line->rates.known)
		add_rates(object, &line->rates);
	if (line->walked)
		add_pending(object, &line->pending);
	json_print(object);
}
