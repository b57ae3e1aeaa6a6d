// SPDX-License-Identifier: BSD-2-Clause
/* top.c: chute top: all rings on a screen, live: its keys and its pace. */
#include "cli/progress.h"
#include "ring/list.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/options.h"
#include "top/rings.h"
#include "top/screen.h"
#include "ring/users.h"

#include <ctype.h>
#include <curses.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define USERS_PERIOD_NS (5 * NS_PER_S) /* a walk over all processes costs something */
#define KEY_ESCAPE	27

enum where { TABLE, PAGE, HELP };

struct top {
	struct top_rings rings;
	struct users users; /* of the machine, while a page is open */
	__s64 users_ns;
	__s64 interval_ns, next_ns;
	size_t selected, first;
	enum where where;
	bool frozen, filtering, quit;
};

/* ---- keys ---- */

static void select_ring(struct top *top, const struct top_ring *ring)
{
	size_t i;

	for (i = 0; i < top->rings.shown_count; i++)
		if (top->rings.shown[i] == ring)
			top->selected = i;
}

/* The same ring stays selected, wherever it goes. */
static void arrange(struct top *top)
{
	const struct top_ring *ring = NULL;

	if (top->selected < top->rings.shown_count)
		ring = top->rings.shown[top->selected];
	top_rings_arrange(&top->rings);
	select_ring(top, ring);
	if (top->selected >= top->rings.shown_count)
		top->selected = top->rings.shown_count ? top->rings.shown_count - 1 : 0;
}

static void gather_users(struct top *top)
{
	users_free(&top->users);
	users_gather(&top->users);
	top->users_ns = progress_now_ns();
}

static void open_page(struct top *top)
{
	if (top->selected >= top->rings.shown_count)
		return;
	top->rings.open = top->rings.shown[top->selected];
	top->where = PAGE;
	gather_users(top);
	/* What is on it has not been looked at yet, frozen or not. */
	top_rings_look_at(&top->rings, top->rings.open);
}

static void on_filter_key(struct top *top, int key)
{
	char *filter = top->rings.filter;
	size_t length = strlen(filter);

	if (key == KEY_ESCAPE)
		*filter = '\0';
	if (key == KEY_ESCAPE || key == '\r' || key == '\n' || key == KEY_ENTER)
		top->filtering = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length)
		filter[length - 1] = '\0';
	else if (key >= ' ' && key < 256 && key != 127 && length + 1 < sizeof(top->rings.filter))
		filter[length] = (char)key;
	if (filter[length])
		filter[length + 1] = '\0';
	arrange(top);
}

static void on_page_key(struct top *top, int key)
{
	if (key != KEY_ESCAPE && key != KEY_LEFT && key != KEY_BACKSPACE && key != 127 &&
	    key != '\b')
		return;
	top->rings.open = NULL;
	top->where = TABLE;
	arrange(top);
}

static void on_table_key(struct top *top, int key)
{
	const size_t last = top->rings.shown_count ? top->rings.shown_count - 1 : 0;

	if ((key == KEY_UP || key == 'k') && top->selected)
		top->selected--;
	else if ((key == KEY_DOWN || key == 'j') && top->selected < last)
		top->selected++;
	else if (key == KEY_HOME)
		top->selected = 0;
	else if (key == KEY_END)
		top->selected = last;
	else if (key == 's')
		top->rings.order = (top->rings.order + 1) % TOP_ORDERS;
	else if (key == 'r')
		top->rings.reverse = !top->rings.reverse;
	else if (key == '/')
		top->filtering = true;
	else if (key == KEY_ESCAPE)
		*top->rings.filter = '\0';
	else if (key == '\r' || key == '\n' || key == KEY_ENTER)
		open_page(top);
	if (top->where == TABLE)
		arrange(top);
}

static void on_key(struct top *top, int key)
{
	static enum where before;

	if (key == KEY_RESIZE)
		return;
	if (top->where == HELP) {
		top->where = before;
	} else if (top->filtering) {
		on_filter_key(top, key);
	} else if (key == 'q') {
		top->quit = true;
	} else if (key == 'h' || key == '?') {
		before = top->where;
		top->where = HELP;
	} else if (key == 'f' || key == ' ') {
		top->frozen = !top->frozen;
		top->next_ns = progress_now_ns();
	} else if (top->where == PAGE) {
		on_page_key(top, key);
	} else {
		on_table_key(top, key);
	}
}

/* ---- pictures ---- */

static void make_title(const struct top *top, char *text, size_t size)
{
	size_t used;

	used = (size_t)snprintf(text, size, "chute top: %zu ring%s, every %g s", top->rings.count,
				top->rings.count == 1 ? "" : "s",
				(double)top->interval_ns / NS_PER_S);
	if (top->rings.shown_count != top->rings.count)
		used += (size_t)snprintf(text + used, size - used, ", %zu match",
					 top->rings.shown_count);
	if (top->rings.no_maps)
		used += (size_t)snprintf(text + used, size - used, ", only memory rings: %s",
					 rings_no_maps(top->rings.no_maps));
	if (top->frozen)
		snprintf(text + used, size - used, " - FROZEN");
}

static void draw(struct top *top)
{
	char title[256], footer[128];

	make_title(top, title, sizeof(title));
	top_screen_begin();
	if (top->where == HELP) {
		top_draw_help(title);
	} else if (top->where == PAGE) {
		top_draw_page(&top->rings, &top->users, title,
			      " Esc back  f freeze  h help  q quit");
	} else {
		snprintf(footer, sizeof(footer),
			 top->filtering || *top->rings.filter
				 ? " filter: %s%s"
				 : " q quit  s sort  r reverse  / filter  f freeze  Enter open  h "
				   "help",
			 top->rings.filter, top->filtering ? "_" : "  (Esc: show all)");
		top_draw_table(&top->rings, title, top->selected, &top->first, footer);
	}
	top_screen_end();
}

/* ---- pace ---- */

static void look(struct top *top)
{
	const struct top_ring *ring = NULL;
	char given[300] = "";
	size_t i;

	/* It may have gone afterwards. */
	if (top->selected < top->rings.shown_count)
		ring = top->rings.shown[top->selected];
	if (ring)
		snprintf(given, sizeof(given), "%s", ring->given);
	top_rings_look(&top->rings);
	for (i = 0; i < top->rings.shown_count; i++)
		if (!strcmp(top->rings.shown[i]->given, given))
			top->selected = i;
	arrange(top);
	if (top->where == PAGE && progress_now_ns() - top->users_ns > USERS_PERIOD_NS)
		gather_users(top);
	top->next_ns += top->interval_ns;
	if (top->next_ns < progress_now_ns())
		top->next_ns = progress_now_ns() + top->interval_ns;
}

/* For a key, a signal, or the time of the next look. False: the terminal has gone. */
static bool wait_for_something(const struct top *top)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	__s64 left = top->next_ns - progress_now_ns();

	if (top->frozen || left > 3600 * NS_PER_S)
		left = 3600 * NS_PER_S;
	if (left < 0)
		left = 0;
	return poll(&input, 1, (int)((left + 999999) / 1000000)) <= 0 ||
	       !(input.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void run(struct top *top)
{
	int key;

	top->next_ns = progress_now_ns();
	while (!top->quit && !stop_asked()) {
		if (!top->frozen && progress_now_ns() >= top->next_ns)
			look(top);
		draw(top);
		if (!wait_for_something(top))
			break;
		/* Also where the size of the terminal is noticed. */
		while (!top->quit && (key = getch()) != ERR)
			on_key(top, key);
	}
}

static const struct option_row rows[] = {
	{ "interval", "SECONDS", option_seconds, OPTION_AT(struct top, interval_ns),
	  "between two looks (1)", "a number of seconds", .least = NS_PER_S / 100 },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "[RING...]",
	.about = "All rings of this machine, or these, on a screen that is renewed: fill, rates, "
		 "and the page of one ring. h shows the keys, q leaves.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME, the path of a pinned map or of an image, or mem:NAME.",
	.example = "chute top --interval 0.5",
};

int tool_top(int argc, char **argv)
{
	struct top top = { .interval_ns = NS_PER_S };
	int i, status = options_take(&usage, &top, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	for (i = 0, status = TOOL_OK; i < argc && !status; i++)
		status = top_rings_name(&top.rings, argv[i]);
	/* Before ncurses, which handles signals that nobody else does. */
	if (!status)
		stop_on_signals();
	if (!status)
		status = top_screen_start();
	if (!status) {
		run(&top);
		top_screen_stop();
	}
	users_free(&top.users);
	top_rings_free(&top.rings);
	if (stop_asked() && !status)
		stop_die();
	return status;
}
