// SPDX-License-Identifier: BSD-2-Clause
/* progress.c: see progress.h. Plain characters and carriage returns only: any
 * terminal will do. */
#include "cli/progress.h"
#include "cli/json.h"
#include "cli/size.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Columns of the terminal that hold our line now. */
static int drawn;

__s64 progress_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void progress_start(struct progress *p, const char *ring, bool quiet, int data_fd)
{
	memset(p, 0, sizeof(*p));
	p->summary = !quiet;
	p->live = !quiet && isatty(STDERR_FILENO) && !isatty(data_fd);
	p->ring = ring;
	p->start_ns = p->last_ns = progress_now_ns();
	p->next_ns = p->start_ns + PROGRESS_PERIOD_MS * (NS_PER_S / 1000);
}

static int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
}

/* The last column stays free: a cursor behind it may be on the next line. */
static void draw(char *text)
{
	int length = (int)strlen(text), room = columns() - 1;

	if (length > room)
		text[length = room] = '\0';
	fprintf(stderr, "\r%s%*s", text, drawn > length ? drawn - length : 0, "");
	drawn = length;
}

void progress_clear(void)
{
	if (drawn)
		fprintf(stderr, "\r%*s\r", drawn, "");
	drawn = 0;
}

void progress_tick(struct progress *p, const struct tally *now, int fill)
{
	char text[160], ring[32] = "";
	__s64 time;
	double seconds;

	if (!p->live)
		return;
	time = progress_now_ns();
	if (time < p->next_ns)
		return;
	seconds = (double)(time - p->last_ns) / NS_PER_S;
	if (fill >= 0)
		snprintf(ring, sizeof(ring), ", ring %d %% full", fill);
	snprintf(text, sizeof(text), "%llu records, %s, %s/s, %s/s%s",
		 (unsigned long long)now->records, size_bytes((double)now->bytes).text,
		 size_count((double)(now->records - p->last.records) / seconds).text,
		 size_bytes((double)(now->bytes - p->last.bytes) / seconds).text, ring);
	draw(text);
	p->last = *now;
	p->last_ns = time;
	p->next_ns = time + PROGRESS_PERIOD_MS * (NS_PER_S / 1000);
}

int progress_poll_ms(const struct progress *p)
{
	return p->live ? PROGRESS_PERIOD_MS : -1;
}

static int print_json(const struct progress *p, const struct tally *now, double seconds)
{
	struct json_object *object = json_new();
	const char *name = p->json == stdout ? "standard output" : "standard error", *text;
	int status = TOOL_OK;

	json_add_text(object, "ring", p->ring);
	json_add_number(object, "records", now->records);
	json_add_number(object, "bytes", now->bytes);
	json_add_quantity(object, "seconds", seconds);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!text)
		status = tool_complain("no memory");
	else if (fprintf(p->json, "%s\n", text) < 0 || fflush(p->json))
		status = tool_complain("%s: %s", name, strerror(errno));
	json_object_put(object);
	return status;
}

int progress_finish(struct progress *p, const struct tally *now)
{
	double seconds = (double)(progress_now_ns() - p->start_ns) / NS_PER_S;

	progress_clear();
	if (p->json)
		return print_json(p, now, seconds);
	if (!p->summary)
		return TOOL_OK;
	/* A clock that did not move would make the rate infinite. */
	if (seconds < 1e-6)
		seconds = 1e-6;
	tool_say("%s: %llu record%s, %llu bytes in %.3f s (%s records/s, %s/s)", p->ring,
		 (unsigned long long)now->records, now->records == 1 ? "" : "s",
		 (unsigned long long)now->bytes, seconds,
		 size_count((double)now->records / seconds).text,
		 size_bytes((double)now->bytes / seconds).text);
	return TOOL_OK;
}
