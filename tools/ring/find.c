// SPDX-License-Identifier: BSD-2-Clause
/* find.c: see find.h. */
#include "ring/find.h"
#include "cli/tool.h"

#include <chute/inspect.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What a user who named a map wrongly may have meant. */
static void list_ids(char *text, size_t size)
{
	struct chute_map_info info = { .sz = sizeof(info) };
	size_t used = 0;
	int err;

	*text = '\0';
	while (!(err = chute_map_next(&info)) && used + 32 < size)
		used += (size_t)snprintf(text + used, size - used, "%s%u (%s)", used ? ", " : "",
					 info.id, info.name);
	if (!err)
		snprintf(text + used, size - used, ", ...");
	else if (!used)
		snprintf(text, size, "none");
}

static void complain_no_map(const struct ring_name *ring, const char *what)
{
	char ids[512];

	list_ids(ids, sizeof(ids));
	tool_complain("%s: %s; ids here: %s", ring->given, what, ids);
}

static void complain_look_up(const struct ring_name *ring)
{
	tool_complain("%s: no permission: finding a map by id or name needs CAP_SYS_ADMIN: become "
		      "root, or give the path where it is pinned",
		      ring->given);
}

/* The kernel cuts a name; so do we, for who knows the whole of it. */
static bool is_called(const struct chute_map_info *info, const char *name)
{
	return !strncmp(info->name, name, CHUTE_MAP_NAME_MAX);
}

int ring_find_map(struct ring_name *ring)
{
	struct chute_map_info info = { .sz = sizeof(info) };
	size_t used = 0;
	char ids[256];
	int err;

	if (ring->kind != RING_MAP_NAME)
		return 0;
	while (!(err = chute_map_next(&info))) {
		if (!is_called(&info, ring->name))
			continue;
		ring->id = info.id;
		if (used + 16 < sizeof(ids))
			used += (size_t)snprintf(ids + used, sizeof(ids) - used, "%smap:%u",
						 used ? ", " : "", info.id);
	}
	if (err != -ENOENT)
		ring_find_complain(ring, -err);
	else if (!used)
		complain_no_map(ring, "no user ring buffer of that name");
	else if (strchr(ids, ','))
		tool_complain("%s: several user ring buffers have that name: give one of %s",
			      ring->given, ids);
	else
		return 0;
	return -1;
}

void ring_find_complain(const struct ring_name *ring, int err)
{
	if (err == EPERM)
		complain_look_up(ring);
	else if (err == ENOENT)
		complain_no_map(ring, "no map has that id");
	else if (err == EINVAL)
		complain_no_map(ring, "a map, but not a user ring buffer");
	else
		tool_complain("%s: %s", ring->given, strerror(err));
}
