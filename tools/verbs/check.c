// SPDX-License-Identifier: BSD-2-Clause
/* check.c: chute check: what a drain would do with a ring, without doing it. */
#include "look/finding.h"
#include "cli/options.h"

static const struct option_row rows[] = {
	{ "json", NULL, option_flag, 0, "a finding a line, as an object" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about =
		"Walk a ring as its consumer would, change nothing, and say what would hold it up.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME, mem:NAME, the path of a pinned map or of an "
		"image.\nExits 0 if all that is pending would be consumed, 1 if not, 3 if the ring "
		"can't be looked at.",
	.example = "chute check mem:demo || chute repair mem:demo",
};

int tool_check(int argc, char **argv)
{
	struct findings found;
	struct ring ring;
	bool json = false;
	int status = options_take(&usage, &json, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	status = ring_argument(&ring, argc, argv);
	if (!status)
		status = ring_look(&ring);
	if (status)
		return status == TOOL_FAILED ? TOOL_CANT_LOOK : status;
	findings_gather(&found, &ring);
	status = json ? findings_json(&found, &ring) : findings_print(&found, &ring);
	if (status)
		status = TOOL_CANT_LOOK;
	else
		status = found.count || found.moving ? TOOL_FAILED : TOOL_OK;
	findings_free(&found);
	ring_close(&ring);
	return status;
}
