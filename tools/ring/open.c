// SPDX-License-Identifier: BSD-2-Clause
/* open.c: see open.h: from a name to a descriptor, and from that to a handle. */
#include "cli/tool.h"
#include "ring/open.h"
#include "ring/truncated.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int ring_path_in_bpffs(const char *path)
{
	char parent[4096];
	struct statfs fs;

	if (strlen(path) >= sizeof(parent))
		return -ENAMETOOLONG;
	/* A pin's own file system is its directory's: nothing is mounted on a file. */
	if (statfs(dirname(strcpy(parent, path)), &fs))
		return -errno;
	return (__u32)fs.f_type == BPF_FS_MAGIC;
}

/* ---- descriptors: 0, or an errno value ---- */

static int open_map(struct ring *ring, int fd)
{
	struct chute_map_info info = { .sz = sizeof(info) };
	int err;

	if (fd < 0)
		return -fd;
	ring->fd = fd;
	ring->kind = RING_MAP;
	err = -chute_map_identify(fd, &info);
	if (err)
		return err;
	ring->id = info.id;
	ring->key.map = info.id;
	memcpy(ring->map_name, info.name, sizeof(ring->map_name));
	return 0;
}

static int open_file(struct ring *ring, const char *path, enum ring_kind kind, int mode)
{
	const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
			  (kind == RING_MEMORY ? O_NOFOLLOW : 0);
	struct stat st;

	ring->kind = kind;
	ring->fd = open(path, mode | flags);
	if (ring->fd < 0 || fstat(ring->fd, &st))
		return errno;
	ring->key.dev = st.st_dev;
	ring->key.ino = st.st_ino;
	return 0;
}

/* Only who looks may have an image. */
static int open_path(struct ring *ring, enum ring_use use, int mode)
{
	int bpffs = ring_path_in_bpffs(ring->name);

	if (bpffs > 0 || (bpffs < 0 && use != RING_LOOK))
		return open_map(ring, chute_map_by_path(ring->name, O_RDWR));
	ring->kind = RING_IMAGE;
	return use == RING_LOOK ? open_file(ring, ring->name, RING_IMAGE, mode) : ENODEV;
}

static int open_fd(struct ring *ring, enum ring_use use, int mode)
{
	ring->view = NULL;
	ring->fd = -1;
	ring->kind = RING_MAP;
	ring->key = (struct ring_key){ 0 };
	if (ring->form == RING_BY_FILE)
		return open_file(ring, ring->path, RING_MEMORY, mode);
	if (ring->form == RING_BY_PATH)
		return open_path(ring, use, mode);
	return open_map(ring, chute_map_by_id(ring->id));
}

static void close_fd(struct ring *ring)
{
	if (ring->fd >= 0)
		close(ring->fd);
	ring->fd = -1;
}

/* ---- looking ---- */

static int open_view(struct ring *ring)
{
	ring->view = ring->kind == RING_MAP ? chute_view_open_map(ring->fd)
					    : chute_view_open_memory(ring->fd);
	return ring->view ? 0 : errno;
}

int ring_try(struct ring *ring)
{
	int err = open_fd(ring, RING_LOOK, O_RDONLY);

	if (!err)
		err = open_view(ring);
	close_fd(ring);
	return err;
}

int ring_hold(struct ring *ring)
{
	int err;

	if (ring_find(ring))
		return TOOL_FAILED;
	err = open_fd(ring, RING_LOOK, O_RDWR);
	/* To look is permitted to more; what can't be written is not mended. */
	if (err == EACCES || err == EPERM || err == EROFS)
		err = open_fd(ring, RING_LOOK, O_RDONLY);
	if (!err)
		err = open_view(ring);
	if (!err) {
		truncated_expect(ring);
		return TOOL_OK;
	}
	close_fd(ring);
	return ring_complain(ring, RING_LOOK, err, 0);
}

int ring_look(struct ring *ring)
{
	int err;

	if (ring_find(ring))
		return TOOL_FAILED;
	err = ring_try(ring);
	if (err)
		return ring_complain(ring, RING_LOOK, err, 0);
	truncated_expect(ring);
	return TOOL_OK;
}

void ring_close(struct ring *ring)
{
	chute_view_close(ring->view);
	ring->view = NULL;
	close_fd(ring);
}

/* ---- taking part ---- */

struct chute *ring_produce(struct ring *ring, __u32 flags)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	struct chute *c = NULL;
	int err;

	if (ring_find(ring))
		return NULL;
	err = open_fd(ring, RING_PRODUCE, O_RDWR);
	if (!err) {
		truncated_expect(ring);
		c = ring->kind == RING_MAP ? chute_open_map(ring->fd, &opts)
					   : chute_open_memory(ring->fd, &opts);
		err = errno;
	}
	close_fd(ring);
	if (!c)
		ring_complain(ring, RING_PRODUCE, err, flags);
	return c;
}

struct chute_consumer *ring_consume(struct ring *ring)
{
	struct chute_consumer *consumer = NULL;
	int err;

	if (ring->form != RING_BY_FILE) {
		tool_complain("%s: a ring in a BPF map is drained by its BPF program: recv is for "
			      "memory rings, mem:NAME",
			      ring->given);
		return NULL;
	}
	err = open_fd(ring, RING_CONSUME, O_RDWR);
	if (!err) {
		truncated_expect(ring);
		consumer = chute_consumer_open(ring->fd);
		err = errno;
	}
	if (!consumer) {
		ring_complain(ring, RING_CONSUME, err, 0);
	} else if (flock(ring->fd, LOCK_EX | LOCK_NB)) {
		tool_complain("%s: another 'chute recv' drains it: stop that one first",
			      ring->given);
		chute_consumer_close(consumer);
		consumer = NULL;
	}
	if (!consumer)
		close_fd(ring);
	return consumer;
}

void ring_json(const struct ring *ring, struct json_object *line)
{
	static const char *const kinds[] = {
		[RING_MAP] = "map",
		[RING_MEMORY] = "memory",
		[RING_IMAGE] = "image",
	};

	json_add_text(line, "ring", ring->given);
	json_add_text(line, "kind", kinds[ring->kind]);
	if (ring->kind != RING_MAP)
		return;
	json_add_number(line, "id", ring->id);
	json_add_text(line, "name", ring->map_name);
}
