// SPDX-License-Identifier: BSD-2-Clause
/* list.c: chute list: all rings of the machine, and who has to do with them. */
#include "cli/colour.h"
#include "ring/open.h"
#include "ring/list.h"
#include "look/sample.h"
#include "cli/size.h"
#include "cli/text.h"
#include "cli/options.h"
#include "ring/truncated.h"
#include "ring/users.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct listing {
	bool json;
	bool any; /* one has been shown */
	struct users users;
};

/* A ring as it is shown. */
struct listed {
	struct listing *listing;
	struct ring ring;
	struct sample sample;
	int err;
};

static void print_users(const struct listed *l, enum user_kind kind, const char *title)
{
	char text[4096];

	if (users_text(&l->listing->users, &l->ring.key, kind, text, sizeof(text)))
		printf("    %-9s %s\n", title, text);
}

static void print_ring(const struct listed *l)
{
	double fill = sample_fill(&l->sample);
	char given[300], name[64];

	if (!l->listing->any)
		printf("%s%-16s %-15s %10s %10s  FILL%s\n", colour(COLOUR_BOLD), "RING", "NAME",
		       "SIZE", "USED", colour(COLOUR_PLAIN));
	printf("%-16s %-15s %10s %10s %s%4.0f%%%s\n",
	       text_printable(given, sizeof(given), l->ring.given, "?"),
	       text_printable(name, sizeof(name), l->ring.kind == RING_MAP ? l->ring.map_name : "",
			      "?"),
	       size_bytes((double)l->sample.stat.size).text,
	       size_bytes((double)l->sample.stat.used).text, colour(colour_of_fill(fill)), fill,
	       colour(COLOUR_PLAIN));
	print_users(l, USER_PIN, "pinned");
	print_users(l, USER_PROCESS, "held by");
	print_users(l, USER_PROGRAM, "used by");
}

static void print_json(const struct listed *l)
{
	const struct chute_stat *stat = &l->sample.stat;
	struct json_object *object = json_new();

	ring_json(&l->ring, object);
	if (l->ring.kind == RING_MEMORY)
		json_add_text(object, "path", l->ring.path);
	json_add_number(object, "size", stat->size);
	json_add_number(object, "used", stat->used);
	json_add_number(object, "consumer_pos", stat->consumer_pos);
	json_add_number(object, "producer_pos", stat->producer_pos);
	users_json(&l->listing->users, &l->ring.key, object);
	json_print(object);
}

/* What may be cut short. */
static void look(void *ctx)
{
	struct listed *l = ctx;

	sample_take(&l->sample, l->ring.view);
}

static void list_ring(const char *given, void *ctx)
{
	struct listed l = { .listing = ctx };
	bool there;

	/* What is no ring, or none that we may read, is not ours to list. */
	if (ring_parse(&l.ring, given) || ring_try(&l.ring))
		return;
	there = truncated_survive(look, &l);
	ring_close(&l.ring);
	if (!there)
		return;
	if (l.listing->json)
		print_json(&l);
	else
		print_ring(&l);
	l.listing->any = true;
}

static const struct option_row rows[] = {
	{ "json", NULL, option_flag, OPTION_AT(struct listing, json),
	  "an object a line for each ring" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "",
	.about = "All rings of this machine: user ring buffer maps, which takes root, and the "
		 "memory rings in /dev/shm: size, fill, where they are pinned, which processes "
		 "hold them, which BPF programs use them.",
	.rows = rows,
	.example = "chute list",
};

int tool_list(int argc, char **argv)
{
	struct listing listing = { 0 };
	int status = options_take(&usage, &listing, &argc, &argv), err;

	if (status == OPTIONS_GO_ON)
		status = options_no_argument(argc, argv);
	else
		return status;
	if (status)
		return status;
	users_gather(&listing.users);
	err = rings_find(list_ring, &listing);
	users_free(&listing.users);
	status = tool_flush();
	if (err)
		tool_say("only memory rings are shown: %s", rings_no_maps(err));
	if (!listing.any && !listing.json && !status)
		tool_say("no rings here: 'chute create' makes one");
	return status;
}
