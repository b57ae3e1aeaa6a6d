// SPDX-License-Identifier: BSD-2-Clause
/* name.c: see name.h. */
#include "ring/name.h"
#include "ring/find.h"
#include "cli/options.h"
#include "cli/size.h"
#include "cli/tool.h"
#include "ring/truncated.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAME_FORMS "map:ID, map:NAME, mem:NAME or the path of a pinned map"

static int parse_map(struct ring_name *ring)
{
	__u64 id;

	ring->name = ring->given + strlen("map:");
	if (!*ring->name)
		return tool_complain("%s: which map? Give its id or its name", ring->given);
	ring->kind = RING_MAP_NAME;
	/* No name is all digits that we could not be asked for by id. */
	if (strspn(ring->name, "0123456789") < strlen(ring->name))
		return 0;
	ring->kind = RING_MAP_ID;
	if (size_parse(ring->name, &id) || id > UINT32_MAX)
		return tool_complain("%s: ids of maps end at %u", ring->given, UINT32_MAX);
	ring->id = (__u32)id;
	return 0;
}

static int parse_memory(struct ring_name *ring)
{
	const char *name = ring->given + strlen("mem:");

	ring->kind = RING_MEMORY;
	ring->name = name;
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return tool_complain("%s: NAME in mem:NAME is a file's name in " RING_MEMORY_DIR
				     ", without a slash",
				     ring->given);
	if (strlen(name) > 255)
		return tool_complain("%.40s...: NAME in mem:NAME has %zu bytes: 255 is the most",
				     ring->given, strlen(name));
	snprintf(ring->path, sizeof(ring->path), RING_MEMORY_DIR "/%s", name);
	return 0;
}

int ring_name_parse(struct ring_name *ring, const char *given)
{
	memset(ring, 0, sizeof(*ring));
	ring->given = ring->name = given;
	if (!strncmp(given, "map:", 4))
		return parse_map(ring);
	if (!strncmp(given, "mem:", 4))
		return parse_memory(ring);
	ring->kind = RING_PATH;
	if (strchr(given, '/'))
		return 0;
	return tool_complain("%s: not the name of a ring: give " NAME_FORMS, given);
}

int ring_name_only(struct ring_name *ring, int argc, char **argv)
{
	if (!argc)
		return tool_misuse("no RING given");
	return argc > 1 ? options_no_argument(argc - 1, argv + 1) : ring_name_parse(ring, *argv);
}

/* What follows returns 0, an errno value that has to be told yet, or TOLD. */
#define TOLD (-1)

/* ---- maps ---- */

static int open_map(struct ring_name *ring, const struct chute_opts *opts, struct chute **c)
{
	if (ring_find_map(ring))
		return TOLD;
	*c = chute_open_id(ring->id, opts);
	if (*c)
		return 0;
	if (errno != EPERM && errno != ENOENT && errno != EINVAL)
		return errno;
	ring_find_complain(ring, errno);
	return TOLD;
}

/* ---- paths ---- */

int ring_path_in_bpffs(const char *path)
{
	char parent[4096];
	struct statfs fs;

	if (strlen(path) >= sizeof(parent))
		return -ENAMETOOLONG;
	/* A pin's own file system is its directory's: nothing is mounted on a file. */
	if (statfs(dirname(strcpy(parent, path)), &fs))
		return -errno;
	return fs.f_type == BPF_FS_MAGIC;
}

static int open_path(const struct ring_name *ring, const struct chute_opts *opts, struct chute **c)
{
	int bpffs, err;

	*c = chute_open_path(ring->name, opts);
	if (*c)
		return 0;
	err = errno;
	bpffs = ring_path_in_bpffs(ring->name);
	/* What is no map gets so far as to be mapped, and that fails with ENODEV. */
	if (err == EPERM)
		tool_complain("%s: no permission to use BPF maps: become root", ring->given);
	else if (err == EACCES && bpffs)
		tool_complain("%s: no permission to read and write it: become root, or have it "
			      "given to you with chown(1)",
			      ring->given);
	else if (!bpffs)
		tool_complain("%s: not in a bpffs: give the path where a map is pinned "
			      "('mount -t bpf bpf DIR' mounts one), or mem:NAME",
			      ring->given);
	else if (err == ENOENT)
		tool_complain("%s: no such file: 'chute create %s --size SIZE' pins a ring there",
			      ring->given, ring->given);
	else if (err == EINVAL || err == ENODEV)
		tool_complain("%s: what is pinned there is not a user ring buffer", ring->given);
	else
		return err;
	return TOLD;
}

/* ---- memory rings ---- */

static int open_file(const struct ring_name *ring)
{
	int fd = open(ring->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0) {
		truncated_expect(ring, ring->path);
		return fd;
	}
	if (errno == ENOENT)
		tool_complain("%s: no such ring: 'chute create %s --size SIZE' makes it",
			      ring->given, ring->given);
	else if (errno == EACCES || errno == EPERM)
		tool_complain("%s: no permission to read and write %s", ring->given, ring->path);
	else
		tool_complain("%s: %s: %s", ring->given, ring->path, strerror(errno));
	return -1;
}

static int open_memory(const struct ring_name *ring, const struct chute_opts *opts,
		       struct chute **c)
{
	int fd = open_file(ring), err = 0;

	if (fd < 0)
		return TOLD;
	*c = chute_open_memory(fd, opts);
	if (!*c)
		err = errno;
	close(fd);
	return err;
}

/* ---- all of them ---- */

static void complain_busy(const struct ring_name *ring, __u32 flags)
{
	if (flags & CHUTE_RECOVER)
		tool_complain("%s: another program feeds it, and what is not finished is that "
			      "one's: leave out --recover, or stop that one first",
			      ring->given);
	else if (flags & CHUTE_SHARED)
		tool_complain("%s: another program feeds it, and not with --shared: stop that one "
			      "first",
			      ring->given);
	else
		tool_complain("%s: another program feeds it, and a ring has one producer: stop "
			      "that one first, or give --shared to both",
			      ring->given);
}

static void complain_open(const struct ring_name *ring, int err, __u32 flags)
{
	if (err == EBUSY)
		complain_busy(ring, flags);
	else if (err == EUSERS)
		tool_complain("%s: 192 others feed it, the most that can share a ring: stop one",
			      ring->given);
	else if (err == EXDEV)
		tool_complain("%s: its other producers are in another pid or time namespace, and "
			      "nobody could tell when one dies: give each namespace its own ring",
			      ring->given);
	else if (err == EINVAL && ring->kind == RING_MEMORY)
		tool_complain("%s: %s is not a memory ring: 'chute create' makes one under another "
			      "name",
			      ring->given, ring->path);
	else if (err == EBADMSG)
		tool_complain("%s: its positions can't be true, something has overwritten them: "
			      "make the ring anew",
			      ring->given);
	else
		tool_complain("%s: %s", ring->given, strerror(err));
}

struct chute *ring_open(struct ring_name *ring, __u32 flags)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	struct chute *c = NULL;
	int err;

	if (ring->kind == RING_MEMORY)
		err = open_memory(ring, &opts, &c);
	else if (ring->kind == RING_PATH)
		err = open_path(ring, &opts, &c);
	else
		err = open_map(ring, &opts, &c);
	if (err && err != TOLD)
		complain_open(ring, err, flags);
	return c;
}

struct chute_consumer *ring_open_consumer(const struct ring_name *ring, int *lock)
{
	struct chute_consumer *consumer;
	int fd;

	*lock = -1;
	if (ring->kind != RING_MEMORY) {
		tool_complain("%s: a ring in a BPF map is drained by its BPF program: recv is for "
			      "memory rings, mem:NAME",
			      ring->given);
		return NULL;
	}
	fd = open_file(ring);
	if (fd < 0)
		return NULL;
	consumer = chute_consumer_open(fd);
	if (!consumer) {
		complain_open(ring, errno, 0);
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		tool_complain("%s: another 'chute recv' drains it: stop that one first",
			      ring->given);
		chute_consumer_close(consumer);
		consumer = NULL;
	}
	if (!consumer)
		close(fd);
	else
		*lock = fd;
	return consumer;
}
