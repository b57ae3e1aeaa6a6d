// SPDX-License-Identifier: BSD-2-Clause
/* name.c: see open.h: what RING says, and which map has a name. */
#include "cli/options.h"
#include "cli/size.h"
#include "ring/open.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int parse_map(struct ring *ring)
{
	__u64 id;

	ring->name = ring->given + strlen("map:");
	if (!*ring->name)
		return tool_complain("%s: which map? Give its id or its name", ring->given);
	ring->form = RING_BY_NAME;
	/* No name is all digits that we could not be asked for by id. */
	if (strspn(ring->name, "0123456789") < strlen(ring->name))
		return TOOL_OK;
	ring->form = RING_BY_ID;
	if (count_parse(ring->name, &id) || id > UINT32_MAX)
		return tool_complain("%s: ids of maps end at %u", ring->given, UINT32_MAX);
	ring->id = (__u32)id;
	return TOOL_OK;
}

static int parse_memory(struct ring *ring)
{
	const char *name = ring->given + strlen("mem:");

	ring->form = RING_BY_FILE;
	ring->name = name;
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return tool_complain("%s: NAME in mem:NAME is a file's name in " RING_MEMORY_DIR
				     ", without a slash",
				     ring->given);
	if (strlen(name) > 255)
		return tool_complain("%.40s...: NAME in mem:NAME has %zu bytes: 255 is the most",
				     ring->given, strlen(name));
	snprintf(ring->path, sizeof(ring->path), RING_MEMORY_DIR "/%s", name);
	return TOOL_OK;
}

int ring_parse(struct ring *ring, const char *given)
{
	*ring = (struct ring){ .given = given, .name = given, .form = RING_BY_PATH, .fd = -1 };
	if (!strncmp(given, "map:", 4))
		return parse_map(ring);
	if (!strncmp(given, "mem:", 4))
		return parse_memory(ring);
	if (strchr(given, '/'))
		return TOOL_OK;
	return tool_complain("%s: not the name of a ring: give map:ID, map:NAME, mem:NAME or the "
			     "path of a pinned map",
			     given);
}

int ring_argument(struct ring *ring, int argc, char **argv)
{
	if (!argc)
		return tool_misuse("no RING given");
	return argc > 1 ? options_no_argument(argc - 1, argv + 1) : ring_parse(ring, *argv);
}

/* What the user may have meant, who named a map wrongly. */
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

static int complain_no_map(const struct ring *ring, const char *what)
{
	char ids[512];

	list_ids(ids, sizeof(ids));
	return tool_complain("%s: %s; ids here: %s", ring->given, what, ids);
}

int ring_find(struct ring *ring)
{
	struct chute_map_info info = { .sz = sizeof(info) };
	size_t used = 0;
	char ids[256];
	int err;

	if (ring->form != RING_BY_NAME)
		return 0;
	while (!(err = chute_map_next(&info))) {
		/* The kernel cuts a name; so do we, for who knows the whole of it. */
		if (strncmp(info.name, ring->name, CHUTE_MAP_NAME_MAX))
			continue;
		ring->id = info.id;
		if (used + 16 < sizeof(ids))
			used += (size_t)snprintf(ids + used, sizeof(ids) - used, "%smap:%u",
						 used ? ", " : "", info.id);
	}
	if (err != -ENOENT)
		ring_complain(ring, RING_LOOK, -err, 0);
	else if (!used)
		complain_no_map(ring, "no user ring buffer of that name");
	else if (strchr(ids, ','))
		tool_complain("%s: several user ring buffers have that name: give one of %s",
			      ring->given, ids);
	else
		return 0;
	return -1;
}

/* ---- what is wrong ---- */

#define ONE(x)	    (1U << (x))
#define BY_MAP	    (ONE(RING_BY_ID) | ONE(RING_BY_NAME))
#define TAKING_PART (ONE(RING_PRODUCE) | ONE(RING_CONSUME))
#define ANY	    ~0U
#define OTHER	    0 /* any error */

/* Behind "RING: "; %1$s is RING, %2$s its file. The first that fits is told. */
static const struct {
	unsigned int forms, kinds, uses;
	int err;
	const char *text;
} complaints[] = {
	{ BY_MAP, ANY, ANY, EPERM,
	  "no permission: finding a map by id or name needs CAP_SYS_ADMIN: become root, or give "
	  "the path where it is pinned" },
	/* A path, where no image would do. */
	{ ONE(RING_BY_PATH), ONE(RING_IMAGE), TAKING_PART, OTHER,
	  "not in a bpffs: give the path where a map is pinned ('mount -t bpf bpf DIR' mounts "
	  "one), or mem:NAME" },
	{ ANY, ONE(RING_IMAGE), ANY, ENOENT,
	  "no such file, and not in a bpffs: 'chute list' shows which rings there are, and 'mount "
	  "-t bpf bpf DIR' mounts a bpffs" },
	{ ANY, ONE(RING_IMAGE), ANY, EACCES, "no permission to read %1$s" },
	{ ANY, ONE(RING_IMAGE), ANY, EPERM, "no permission to read %1$s" },
	{ ANY, ONE(RING_IMAGE), ANY, EINVAL,
	  "neither the image of a ring nor in a bpffs: 'chute dump --raw' makes images, and 'mount "
	  "-t bpf bpf DIR' mounts a bpffs" },
	/* A pin. */
	{ ONE(RING_BY_PATH), ONE(RING_MAP), ANY, ENOENT,
	  "no such file: 'chute create %1$s --size SIZE' pins a ring there" },
	{ ONE(RING_BY_PATH), ONE(RING_MAP), ANY, EPERM,
	  "no permission to use BPF maps: become root" },
	{ ONE(RING_BY_PATH), ONE(RING_MAP), TAKING_PART, EACCES,
	  "no permission to read and write it: become root, or have it given to you with "
	  "chown(1)" },
	{ ONE(RING_BY_PATH), ONE(RING_MAP), ANY, EACCES,
	  "no permission to read and write it, as mapping it takes: become root, or have it given "
	  "to you with chown(1)" },
	{ ONE(RING_BY_PATH), ONE(RING_MAP), ANY, EINVAL,
	  "what is pinned there is not a user ring buffer" },
	/* mem:NAME. */
	{ ANY, ONE(RING_MEMORY), TAKING_PART, ENOENT,
	  "no such ring: 'chute create %1$s --size SIZE' makes it" },
	{ ANY, ONE(RING_MEMORY), ANY, ENOENT, "no such ring: 'chute list' shows which there are" },
	{ ANY, ONE(RING_MEMORY), TAKING_PART, EACCES, "no permission to read and write %2$s" },
	{ ANY, ONE(RING_MEMORY), TAKING_PART, EPERM, "no permission to read and write %2$s" },
	{ ANY, ONE(RING_MEMORY), ANY, EACCES, "no permission to read %2$s" },
	{ ANY, ONE(RING_MEMORY), ANY, EPERM, "no permission to read %2$s" },
	{ ANY, ONE(RING_MEMORY), TAKING_PART, EINVAL,
	  "%2$s is not a memory ring: 'chute create' makes one under another name" },
	{ ANY, ONE(RING_MEMORY), ANY, EINVAL,
	  "%2$s is not a memory ring: 'chute list' shows which there are" },
	/* Who else has to do with it. */
	{ ANY, ANY, TAKING_PART, EUSERS,
	  "192 others feed it, the most that can share a ring: stop one" },
	{ ANY, ANY, TAKING_PART, EXDEV,
	  "a process of another container has it, or had, and does not show whether it lives: "
	  "'chute stat %1$s' names it" },
	{ ANY, ANY, TAKING_PART, EBADMSG,
	  "its positions can't be true, something has overwritten them: make the ring anew" },
};

#define COMPLAINTS (sizeof(complaints) / sizeof(complaints[0]))

/* A ring has one producer; what to do about it depends on what both want to be. */
static const char *busy_text(__u32 flags)
{
	if (flags & CHUTE_RECOVER)
		return "another program feeds it, and what is not finished is that one's: leave "
		       "out "
		       "--recover, or stop that one first";
	if (flags & CHUTE_SHARED)
		return "another program feeds it, and not with --shared: stop that one first";
	return "another program feeds it, and a ring has one producer: stop that one first, or "
	       "give --shared to both";
}

static const char *find_text(const struct ring *ring, enum ring_use use, int err, __u32 flags)
{
	size_t i;

	if (err == EBUSY)
		return busy_text(flags);
	for (i = 0; i < COMPLAINTS; i++)
		if (complaints[i].forms & ONE(ring->form) &&
		    complaints[i].kinds & ONE(ring->kind) && complaints[i].uses & ONE(use) &&
		    (complaints[i].err == err || complaints[i].err == OTHER))
			return complaints[i].text;
	return NULL;
}

int ring_complain(const struct ring *ring, enum ring_use use, int err, __u32 flags)
{
	const char *text = find_text(ring, use, err, flags);
	char what[512];

	if (text) {
		snprintf(what, sizeof(what), text, ring->given, ring->path);
		return tool_complain("%s: %s", ring->given, what);
	}
	if (ring->form <= RING_BY_NAME && err == ENOENT)
		return complain_no_map(ring, "no map has that id");
	if (ring->form <= RING_BY_NAME && err == EINVAL)
		return complain_no_map(ring, "a map, but not a user ring buffer");
	if (ring->kind == RING_MEMORY)
		return tool_complain("%s: %s: %s", ring->given, ring->path, strerror(err));
	return tool_complain("%s: %s", ring->given, strerror(err));
}
