// SPDX-License-Identifier: BSD-2-Clause
/* draw.c: the pictures of chute top: the table of rings, one ring's page, help. */
#include "top/chart.h"
#include "cli/size.h"
#include "look/stat_text.h"
#include "top/rings.h"
#include "top/screen.h"
#include "ring/users.h"

#include <stdio.h>
#include <string.h>

/* Columns of the table; what is left is the sparkline's. */
enum {
	AT_RING = 1, /* behind the mark of the selected one */
	RING_COLUMNS = 21,
	AT_SIZE = AT_RING + RING_COLUMNS + 1,
	SIZE_COLUMNS = 9,
	AT_FILL = AT_SIZE + SIZE_COLUMNS + 1,
	FILL_COLUMNS = 8, /* and 5 for the percentage */
	AT_IN = AT_FILL + FILL_COLUMNS + 5,
	RATE_COLUMNS = 12,
	AT_OUT = AT_IN + RATE_COLUMNS,
	AT_SPARK = AT_OUT + RATE_COLUMNS + 1,
};

static const char *rate_text(const struct rates *rates, double rate)
{
	static char text[4][32];
	static unsigned next;
	char *out = text[next++ % 4];

	snprintf(out, sizeof(text[0]), "%s%s", rates->known ? size_bytes(rate).text : "-",
		 rates->known ? "/s" : "");
	return out;
}

static void draw_spark(int row, int column, int columns, const struct top_ring *ring,
		       const float *values, double most)
{
	char spark[CHART_BYTES(TOP_HISTORY)];

	if (columns <= 0)
		return;
	if (columns > TOP_HISTORY)
		columns = TOP_HISTORY;
	chart_spark(spark, columns, values, ring->count, most, top_screen_utf8());
	top_put(row, column, columns, COLOUR_GREEN, spark);
}

/* "map:12 orders", "mem:demo". */
static void ring_title(const struct top_ring *ring, char *text, size_t size)
{
	const char *name = ring->ring.kind == RING_MAP ? ring->ring.map_name : "";

	/* Not twice, where it was given by its name. */
	if (*name && !strncmp(ring->given, "map:", 4) && !strcmp(ring->given + 4, name))
		name = "";
	snprintf(text, size, "%s%s%s", ring->given, *name ? " " : "", name);
}

static void draw_ring(int row, const struct top_ring *ring, bool selected)
{
	const int room = top_screen_columns() - AT_SPARK;
	char text[400];

	ring_title(ring, text, sizeof(text));
	top_put(row, AT_RING, RING_COLUMNS, selected ? COLOUR_BOLD : COLOUR_PLAIN, text);
	if (!ring->there) {
		top_put(row, AT_SIZE, 20, COLOUR_RED, "gone");
		return;
	}
	top_put_right(row, AT_SIZE, SIZE_COLUMNS, COLOUR_PLAIN,
		      size_bytes((double)ring->now.stat.size).text);
	top_put_fill(row, AT_FILL, FILL_COLUMNS, sample_fill(&ring->now));
	top_put_right(row, AT_IN, RATE_COLUMNS, COLOUR_PLAIN,
		      rate_text(&ring->rates, ring->rates.bytes_in));
	top_put_right(row, AT_OUT, RATE_COLUMNS, COLOUR_PLAIN,
		      rate_text(&ring->rates, ring->rates.bytes_out));
	draw_spark(row, AT_SPARK, room, ring, ring->in, chart_most(room, ring->in, ring->count));
}

/* The column that counts has a mark: the least, or the most, is first. */
static void draw_head(const struct top_rings *rings)
{
	static const char *const titles[] = { "RING", "SIZE", "FILL", "IN", "OUT" };
	const bool rises = (rings->order == TOP_BY_NAME) != rings->reverse;
	char text[128], mark[5][8];
	size_t i;

	for (i = 0; i < 5; i++)
		snprintf(mark[i], sizeof(mark[i]), "%s%s", titles[i],
			 i != rings->order ? ""
			 : rises	   ? "^"
					   : "v");
	snprintf(text, sizeof(text), " %-*s %*s %-*s%*s%*s %s", RING_COLUMNS, mark[0], SIZE_COLUMNS,
		 mark[1], FILL_COLUMNS + 5, mark[2], RATE_COLUMNS, mark[3], RATE_COLUMNS, mark[4],
		 "RECENT IN");
	top_put_bar(1, text);
}

void top_draw_table(const struct top_rings *rings, const char *title, size_t selected,
		    size_t *first, const char *footer)
{
	const int rows = top_screen_rows();
	/* Above it the title and the head, below it the footer. */
	const size_t room = rows > 4 ? (size_t)rows - 3 : 1;
	size_t i;
	int row;

	if (selected < *first)
		*first = selected;
	if (selected >= *first + room)
		*first = selected - room + 1;
	top_put(0, 0, top_screen_columns(), COLOUR_BOLD, title);
	draw_head(rings);
	for (i = 0; i < room && *first + i < rings->shown_count; i++) {
		row = (int)i + 2;
		draw_ring(row, rings->shown[*first + i], *first + i == selected);
		if (*first + i == selected)
			top_put(row, 0, AT_RING, COLOUR_BOLD, ">");
	}
	if (!rings->shown_count)
		top_put(2, 0, 80, COLOUR_PLAIN,
			*rings->filter ? "no ring matches the filter" : "no rings here");
	top_put_bar(rows - 1, footer);
}

/* ---- the page of a ring ---- */

static int draw_producers(const struct top_rings *rings, int row)
{
	const struct chute_producer_info *info;
	char text[128];
	size_t i;

	top_put(row, 0, 11, COLOUR_BOLD, "producers");
	if (!rings->producer_count)
		top_put(row++, 11, 60, COLOUR_PLAIN, "none of chute's");
	for (i = 0; i < rings->producer_count; i++) {
		info = &rings->producers[i];
		snprintf(text, sizeof(text), "pid %u, %s, %s", info->pid,
			 info->index ? "one of many" : "the sole one", sample_state(info->state));
		if (info->blocked)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %u waiting",
				 info->blocked);
		top_put(row++, 11, 60, COLOUR_PLAIN, text);
	}
	return row;
}

static int draw_users(const struct top_ring *ring, const struct users *users, int row)
{
	static const char *const titles[] = { "pinned", "held by", "used by" };
	char text[1024];
	size_t kind;

	for (kind = USER_PIN; kind <= USER_PROGRAM; kind++) {
		if (!users_text(users, &ring->ring.key, kind, text, sizeof(text)))
			continue;
		top_put(row, 0, 11, COLOUR_BOLD, titles[kind]);
		top_put(row++, 11, top_screen_columns() - 11, COLOUR_PLAIN, text);
	}
	return row;
}

static int draw_history(const struct top_ring *ring, const char *title, const float *values,
			double most, const char *scale, int row)
{
	char text[64];
	const int columns = top_screen_columns() - 30;

	top_put(row, 0, 11, COLOUR_BOLD, title);
	draw_spark(row, 11, columns, ring, values, most);
	snprintf(text, sizeof(text), "at most %s", scale);
	top_put_right(row, top_screen_columns() - 19, 19, COLOUR_DIM, text);
	return row + 1;
}

static int draw_histories(const struct top_ring *ring, int row)
{
	const int columns = top_screen_columns() - 30;
	double in = chart_most(columns, ring->in, ring->count);
	double out = chart_most(columns, ring->out, ring->count);
	double most = in > out ? in : out;
	char scale[40];

	snprintf(scale, sizeof(scale), "%s/s", size_bytes(most).text);
	row = draw_history(ring, "in", ring->in, most, scale, row);
	row = draw_history(ring, "out", ring->out, most, scale, row);
	return draw_history(ring, "fill", ring->fill, 100, "100%", row);
}

static void size_range(size_t class, char *text, size_t size)
{
	unsigned long least = class ? 1UL << (class - 1) : 0;

	if (class < 2)
		snprintf(text, size, "%lu", least);
	else
		snprintf(text, size, "%s-%s", size_exact(least).text,
			 size_exact(2 * least - 1).text);
}

static void draw_sizes(const struct pending *pending, int row, int end)
{
	const int columns = top_screen_columns() - 35;
	char bar[CHART_BYTES(256)], text[64];
	__u64 most = 0;
	size_t i;

	for (i = 0; i < PENDING_SIZES; i++)
		if (pending->sizes[i] > most)
			most = pending->sizes[i];
	top_put(row, 0, 11, COLOUR_BOLD, "payloads");
	if (!most)
		top_put(row, 11, 60, COLOUR_PLAIN, "none pending");
	for (i = 0; i < PENDING_SIZES && row < end; i++) {
		if (!pending->sizes[i])
			continue;
		size_range(i, text, sizeof(text));
		top_put(row, 11, 16, COLOUR_PLAIN, text);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)pending->sizes[i]);
		top_put_right(row, 27, 7, COLOUR_PLAIN, text);
		if (columns > 0) {
			chart_bar(bar, columns < 256 ? columns : 256,
				  100. * (double)pending->sizes[i] / (double)most,
				  top_screen_utf8());
			top_put(row, 35, columns, COLOUR_BLUE, bar);
		}
		row++;
	}
}

static int draw_now(const struct top_rings *rings, int row)
{
	const struct top_ring *ring = rings->open;
	const struct chute_stat *stat = &ring->now.stat;
	char text[256];

	top_put(row, 0, 11, COLOUR_BOLD, "used");
	top_put_fill(row, 11, 24, sample_fill(&ring->now));
	snprintf(text, sizeof(text), "%s of %s", size_bytes((double)stat->used).text,
		 size_bytes((double)stat->size).text);
	top_put(row++, 42, 40, COLOUR_PLAIN, text);
	top_put(row, 0, 11, COLOUR_BOLD, "rates");
	snprintf(text, sizeof(text), "in %s, out %s%s%s",
		 rate_text(&ring->rates, ring->rates.bytes_in),
		 rate_text(&ring->rates, ring->rates.bytes_out),
		 ring->rates.records_known ? ", records in " : "",
		 ring->rates.records_known ? size_count(ring->rates.records_in).text : "");
	top_put(row++, 11, 68, COLOUR_PLAIN, text);
	top_put(row, 0, 11, COLOUR_BOLD, "positions");
	snprintf(text, sizeof(text), "consumer %lu, producer %lu", stat->consumer_pos,
		 stat->producer_pos);
	top_put(row++, 11, 68, COLOUR_PLAIN, text);
	top_put(row, 0, 11, COLOUR_BOLD, "pending");
	top_put(row++, 11, top_screen_columns() - 11, COLOUR_PLAIN,
		stat_text_pending(&rings->pending, text, sizeof(text)));
	return row;
}

void top_draw_page(const struct top_rings *rings, const struct users *users, const char *title,
		   const char *footer)
{
	const struct top_ring *ring = rings->open;
	const int end = top_screen_rows() - 1;
	char text[400];
	int row = 2;

	top_put(0, 0, top_screen_columns(), COLOUR_BOLD, title);
	ring_title(ring, text, sizeof(text));
	top_put_bar(1, text);
	if (ring->there) {
		row = draw_now(rings, row);
		row = draw_histories(ring, row);
		row = draw_producers(rings, row);
		row = draw_users(ring, users, row);
		draw_sizes(&rings->pending, row, end);
	} else {
		top_put(row, 0, 60, COLOUR_RED, "This ring has gone.");
	}
	top_put_bar(end, footer);
}

void top_draw_help(const char *title)
{
	static const char *const lines[] = {
		"up, down, k, j    another ring",
		"Enter             the page of that ring; Esc goes back",
		"s                 sort by the next column: the one with a mark, ^ or v",
		"r                 sort the other way round",
		"/                 show only rings whose names have what you type; Esc: all",
		"f, space          freeze, and go on",
		"h, ?              this text",
		"q                 leave",
		"",
		"Rates are bytes a second, with the headers of records. FILL is red from 90% on.",
		"RECENT IN: what went in, a column a sample; the highest is the highest of these.",
	};
	size_t i;

	top_put(0, 0, top_screen_columns(), COLOUR_BOLD, title);
	top_put_bar(1, "Keys");
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		top_put((int)i + 2, 0, top_screen_columns(), COLOUR_PLAIN, lines[i]);
	top_put_bar(top_screen_rows() - 1, " any key: back");
}
