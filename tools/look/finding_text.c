// SPDX-License-Identifier: BSD-2-Clause
/* finding_text.c: see finding.h: findings as people and programs read them. */
#include "cli/colour.h"
#include "look/finding.h"
#include "look/sample.h"
#include "cli/json.h"
#include "cli/size.h"
#include "cli/tool.h"

#include <stdio.h>

#define SHOWN 20 /* to people */

static const struct {
	const char *name;
	const char *error; /* what a drain that comes there returns; NULL: it ends without one */
	const char *text;  /* of finding.bytes */
} kinds[] = {
	[FINDING_BUSY] = { "busy" },
	[FINDING_BEYOND] = { "beyond", "EINVAL",
			     "no record: its header says that it ends beyond producer_pos; %llu "
			     "bytes are behind it (-EINVAL)" },
	[FINDING_LONG] = { "long", "E2BIG",
			   "no record: its header says that it is longer than can be; %llu bytes "
			   "are behind it (-E2BIG)" },
	[FINDING_PRODUCER_POS] = { "producer_pos", "EINVAL",
				   "producer_pos is not a multiple of 8 (-EINVAL)" },
	[FINDING_CONSUMER_POS] = { "consumer_pos", "EINVAL",
				   "consumer_pos is not a multiple of 8 (-EINVAL)" },
	[FINDING_AHEAD] = { "ahead", NULL,
			    "producer_pos is %llu bytes ahead of consumer_pos, more than the ring "
			    "has: a drain takes what lies there for records" },
	[FINDING_BEHIND] = { "behind", NULL,
			     "producer_pos is %llu bytes behind consumer_pos: to a drain the ring "
			     "is empty" },
};

static void describe(const struct finding *f, char *text, size_t size)
{
	if (f->kind != FINDING_BUSY)
		snprintf(text, size, kinds[f->kind].text, (unsigned long long)f->bytes);
	else if (!f->known)
		snprintf(text, size,
			 "unfinished record (BUSY) of %u bytes, whose producer is not known (not "
			 "one of chute's, or gone)",
			 f->size);
	else
		snprintf(text, size,
			 "unfinished record (BUSY) of %u bytes, of process %u, which %s", f->size,
			 f->pid,
			 f->state == CHUTE_PRODUCER_ALIVE ? "is alive"
			 : f->state == CHUTE_PRODUCER_DEAD
				 ? "is dead"
				 : "is of other namespaces, and does not show whether it lives");
}

static void advise(const struct finding *f, const struct ring *ring, char *text, size_t size)
{
	const char *given = ring->given;

	if (f->kind == FINDING_CONSUMER_POS)
		snprintf(text, size, "make the ring anew");
	else if (f->kind != FINDING_BUSY)
		snprintf(text, size, "stop who feeds it, then 'chute repair %s'", given);
	else if (!f->known)
		snprintf(text, size, "if its producer has died: 'chute repair %s' discards it",
			 given);
	else if (f->state == CHUTE_PRODUCER_DEAD)
		snprintf(text, size, "'chute repair %s' discards it", given);
	else if (f->state == CHUTE_PRODUCER_FOREIGN)
		snprintf(text, size, "if that process is dead: 'chute repair %s --force'", given);
	else
		snprintf(text, size, "wait for that process, or stop it, and then look again");
}

static void print_verdict(const struct findings *found, const struct ring *ring)
{
	const unsigned long long records = found->records, discarded = found->discarded;
	const struct finding *f = found->list;
	const char *error = f ? kinds[f->kind].error : NULL;
	char skipped[64] = "";

	if (discarded)
		snprintf(skipped, sizeof(skipped), ", and skip %llu", discarded);
	printf("%s: ", ring->given);
	if (!found->count && !records && !discarded)
		printf("nothing is pending\n");
	else if (!f)
		printf("a drain would consume all: %llu record%s%s\n", records,
		       records == 1 ? "" : "s", skipped);
	else if (f->kind == FINDING_AHEAD)
		printf("%sa drain would go round, through whatever lies there%s\n",
		       colour(COLOUR_BOLD), colour(COLOUR_PLAIN));
	else
		printf("%sa drain would consume %llu record%s%s, and then %s%s%s\n",
		       colour(COLOUR_BOLD), records, records == 1 ? "" : "s", skipped,
		       error ? "return -" : "stop", error ? error : "", colour(COLOUR_PLAIN));
	if (found->unseen)
		printf("%s: moves: %s were consumed while we looked\n", ring->given,
		       size_bytes((double)found->unseen).text);
	if (found->moving)
		printf("%s: moves too fast: not all of it was seen\n", ring->given);
}

int findings_print(const struct findings *found, const struct ring *ring)
{
	char text[256], advice[512];
	size_t i;

	for (i = 0; i < found->count && i < SHOWN; i++) {
		describe(&found->list[i], text, sizeof(text));
		advise(&found->list[i], ring, advice, sizeof(advice));
		printf("%s: %s%lu%s: %s: %s\n", ring->given, colour(COLOUR_RED), found->list[i].pos,
		       colour(COLOUR_PLAIN), text, advice);
	}
	if (found->count + found->left_out > SHOWN)
		printf("%s: and %zu more\n", ring->given, found->count + found->left_out - SHOWN);
	print_verdict(found, ring);
	return tool_flush();
}

int findings_json(const struct findings *found, const struct ring *ring)
{
	char text[256], advice[512];
	struct json_object *line;
	int status = TOOL_OK;
	size_t i;

	for (i = 0; i < found->count && !status; i++) {
		const struct finding *f = &found->list[i];

		line = json_new();
		ring_json(ring, line);
		json_add_text(line, "finding", kinds[f->kind].name);
		json_add_number(line, "position", f->pos);
		json_add_number(line, "bytes", f->bytes);
		if (kinds[f->kind].error)
			json_add_text(line, "error", kinds[f->kind].error);
		if (f->kind == FINDING_BUSY) {
			json_add_number(line, "size", f->size);
			json_add_text(line, "producer",
				      f->known ? sample_state(f->state) : "unknown");
			if (f->known)
				json_add_number(line, "pid", f->pid);
		}
		describe(f, text, sizeof(text));
		advise(f, ring, advice, sizeof(advice));
		json_add_text(line, "text", text);
		json_add_text(line, "advice", advice);
		status = json_print(line);
	}
	return status ? status : tool_flush();
}
