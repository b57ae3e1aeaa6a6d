// SPDX-License-Identifier: BSD-2-Clause
/* check.c: chute check: what a drain would do with a ring, without doing it. */
#include "look/finding.h"
#include "cli/tool.h"

static const char help[] =
	"usage: chute check RING [--json]\n"
	"Walk a ring as its consumer would, change nothing, and say what would hold it up.\n"
	"\n"
	"  --json        a finding a line, as an object\n"
	"  -h, --help    this text\n"
	"\n"
	"RING is map:ID, map:NAME, mem:NAME, the path of a pinned map or of an image.\n"
	"Exits 0 if all that is pending would be consumed, 1 if not, 3 if the ring can't be\n"
	"looked at.\n"
	"\n"
	"Example:\n"
	"  chute check mem:demo || chute repair mem:demo\n";

int tool_check(int argc, char **argv)
{
	static const struct option options[] = {
		TOOL_OPTIONS_JSON,
		TOOL_OPTIONS,
		{ 0 },
	};
	struct findings found;
	struct ring_view ring;
	bool json = false;
	int option, status;

	while ((option = tool_option(argc, argv, options)) != -1) {
		if (option == TOOL_HELP)
			return tool_print(help);
		if (option != TOOL_JSON)
			return option == TOOL_BAD ? TOOL_USAGE
						  : tool_misuse("-%c is no option", option);
		json = true;
	}
	status = ring_view_argument(&ring, argc, argv);
	if (status)
		return status == TOOL_FAILED ? TOOL_CANT_LOOK : status;
	findings_gather(&found, &ring);
	status = json ? findings_json(&found, &ring) : findings_print(&found, &ring);
	if (status)
		status = TOOL_CANT_LOOK;
	else
		status = found.count || found.moving ? TOOL_FAILED : TOOL_OK;
	findings_free(&found);
	ring_view_close(&ring);
	return status;
}
