// SPDX-License-Identifier: BSD-2-Clause
/*
 * repair.c: chute repair: discards what holds a ring's consumer up. Whoever may still be
 * writing is an obstacle: chute's producers are seen on the ring, and libbpf's by what
 * they have mapped.
 */
#include "look/finding.h"
#include "cli/options.h"
#include "ring/users.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct repair {
	struct ring ring;
	struct findings found;
	bool yes, force;
};

/* ---- who is in the way ---- */

/* Somebody who is named on the ring, and not dead. Those of our namespaces can be stopped;
 * of others only a person may know, and say --force. */
static int look_at(const struct repair *r, const struct chute_producer_info *info, const char *what)
{
	const bool known = info->state == CHUTE_PRODUCER_ALIVE;

	if (!info->elsewhere)
		return tool_complain("%s: busy: process %u %s: stop it first, or let it finish",
				     r->ring.given, info->pid, what);
	if (!r->force)
		return tool_complain(
			"%s: busy: process %u of other namespaces %s, and %s: if it is "
			"dead, or must not have the ring, say --force",
			r->ring.given, info->pid, what,
			known ? "seems to live" : "does not show whether it lives");
	printf("%s: taken from process %u of other namespaces, which %s%s\n", r->ring.given,
	       info->pid, what, known ? " and seems to live" : "");
	return TOOL_OK;
}

/* Is anybody named whom --force would take it from? */
static bool anybody_elsewhere(const struct repair *r)
{
	struct chute_producer_info info = { .sz = sizeof(info) };

	for (; !chute_view_producer(r->ring.view, &info); info.index++)
		if (info.state != CHUTE_PRODUCER_DEAD && info.elsewhere)
			return true;
	return (!chute_view_holder(r->ring.view, CHUTE_HOLD_LOCK, &info) && info.elsewhere) ||
	       (!chute_view_holder(r->ring.view, CHUTE_HOLD_DRAIN, &info) && info.elsewhere);
}

static int look_for_holder(const struct repair *r, enum chute_hold hold, const char *what)
{
	struct chute_producer_info info = { .sz = sizeof(info) };

	if (chute_view_holder(r->ring.view, hold, &info) || info.state == CHUTE_PRODUCER_DEAD)
		return TOOL_OK;
	return look_at(r, &info, what);
}

static int look_for_producers(const struct repair *r)
{
	struct chute_producer_info info = { .sz = sizeof(info) };
	int status = TOOL_OK;

	for (; !status && !chute_view_producer(r->ring.view, &info); info.index++)
		if (info.state != CHUTE_PRODUCER_DEAD)
			status = look_at(r, &info, "feeds it");
	if (!status)
		status = look_for_holder(r, CHUTE_HOLD_LOCK, "has its lock");
	/* A consumer may go on, unless its turn is to be taken. */
	if (!status && r->force)
		status = look_for_holder(r, CHUTE_HOLD_DRAIN, "drains it");
	return status;
}

static int look_for_writers(const struct repair *r)
{
	char names[256];
	bool blind;

	if (r->ring.kind != RING_MAP)
		return TOOL_OK;
	if (users_writers(&r->ring, names, sizeof(names), &blind) && !r->force)
		return tool_complain("%s: %s has it mapped for writing and may be feeding it by "
				     "libbpf: stop it first, or say --force",
				     r->ring.given, names);
	if (blind)
		tool_say("%s: not all processes may be looked into: make sure that none feeds it "
			 "by libbpf",
			 r->ring.given);
	return TOOL_OK;
}

static int look_for_what_cannot_be(const struct repair *r)
{
	size_t i;

	for (i = 0; i < r->found.count; i++)
		if (r->found.list[i].kind == FINDING_CONSUMER_POS)
			return tool_complain("%s: can't be mended: consumer_pos is not a multiple "
					     "of 8: make the ring anew",
					     r->ring.given);
	return TOOL_OK;
}

/* ---- asking ---- */

static int ask(const struct repair *r)
{
	char answer[16];

	if (r->yes)
		return TOOL_OK;
	if (!isatty(STDIN_FILENO))
		return tool_complain("%s: asks before it discards anything, and standard input is "
				     "no terminal: say --yes",
				     r->ring.given);
	fprintf(stderr, "Discard that? [y/N] ");
	if (fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y'))
		return TOOL_OK;
	return tool_complain("%s: left as it was", r->ring.given);
}

/* ---- mending ---- */

/* To open a ring so is to mend it: by the descriptor that we have looked through, whatever
 * has its name by now. 0, or an errno value. */
static int mend(const struct repair *r)
{
	const struct chute_opts opts = { .sz = sizeof(opts),
					 .flags = r->force ? CHUTE_FORCE : CHUTE_RECOVER };
	struct chute *c = r->ring.kind == RING_MAP ? chute_open_map(r->ring.fd, &opts)
						   : chute_open_memory(r->ring.fd, &opts);

	if (!c)
		return errno;
	chute_close(c);
	return 0;
}

static int complain_mend(const struct repair *r, int err)
{
	if (err == EBUSY)
		return tool_complain("%s: busy: a process has begun to feed it: stop it first",
				     r->ring.given);
	if (err == EACCES || err == EPERM)
		return tool_complain("%s: no permission to write it: become root, or its owner",
				     r->ring.given);
	return tool_complain("%s: can't be mended: %s", r->ring.given, strerror(err));
}

static int tell(struct repair *r, const struct chute_stat *before)
{
	struct chute_stat after = { .sz = sizeof(after) };
	unsigned long long count, lost;

	chute_view_stat(r->ring.view, &after);
	count = after.recovered - before->recovered;
	lost = before->producer_pos - after.producer_pos;
	printf("%s: %llu record%s discarded", r->ring.given, count, count == 1 ? "" : "s");
	if (lost)
		printf(", and producer_pos put to %lu", after.producer_pos);
	printf("; %llu finished before the first of them stay\n",
	       (unsigned long long)r->found.records);
	findings_free(&r->found);
	findings_gather(&r->found, &r->ring);
	if (r->found.count)
		return tool_complain("%s: something holds its consumer up again: 'chute check %s' "
				     "says what",
				     r->ring.given, r->ring.given);
	return tool_flush();
}

static int repair(struct repair *r)
{
	struct chute_stat before = { .sz = sizeof(before) };
	int status, err;

	findings_gather(&r->found, &r->ring);
	if (!r->found.count && !(r->force && anybody_elsewhere(r))) {
		printf("%s: nothing to repair\n", r->ring.given);
		return tool_flush();
	}
	status = findings_print(&r->found, &r->ring);
	if (!status)
		status = look_for_what_cannot_be(r);
	if (!status)
		status = look_for_producers(r);
	if (!status)
		status = look_for_writers(r);
	if (!status)
		status = ask(r);
	if (status)
		return status;
	chute_view_stat(r->ring.view, &before);
	err = mend(r);
	return err ? complain_mend(r, err) : tell(r, &before);
}

/* ---- the verb ---- */

static const struct option_row rows[] = {
	{ "yes", NULL, option_flag, OPTION_AT(struct repair, yes), "do not ask" },
	{ "force", NULL, option_flag, OPTION_AT(struct repair, force),
	  "take it from processes of other namespaces that are named on it, and go on if a "
	  "process has it mapped for writing that may be one of libbpf's producers; never beside "
	  "a live one of chute's in our own namespaces" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about = "Mend a ring that holds its consumer up: discard unfinished records of producers "
		 "that are gone, and what is no record. Finished records before that stay. Asks "
		 "first.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME, mem:NAME, the path of a pinned map or of an image.",
	.example = "chute repair mem:demo --yes",
};

int tool_repair(int argc, char **argv)
{
	struct repair r = { 0 };
	int status = options_take(&usage, &r, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	status = ring_argument(&r.ring, argc, argv);
	if (!status)
		status = ring_hold(&r.ring);
	if (status)
		return status;
	status = repair(&r);
	findings_free(&r.found);
	ring_close(&r.ring);
	return status;
}
