// SPDX-License-Identifier: BSD-2-Clause
/* view.c: see view.h. */
#include "ring/view.h"
#include "bpf/calls.h"
#include "ring/find.h"
#include "cli/tool.h"
#include "ring/truncated.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- maps ---- */

/* Open a map's descriptor, which ends here. 0, or an errno value. */
static int view_map(struct ring_view *v, int fd)
{
	struct bpf_map_info info;
	int err;

	if (fd < 0)
		return -fd;
	v->view = chute_view_open_map(fd);
	err = v->view ? -bpf_map_info(fd, &info) : errno;
	close(fd);
	if (err) {
		ring_view_close(v);
		return err;
	}
	v->kind = RING_VIEW_MAP;
	v->id = info.id;
	memcpy(v->name, info.name, sizeof(v->name));
	v->name[CHUTE_MAP_NAME_MAX] = '\0';
	return 0;
}

static void open_map(struct ring_view *v)
{
	int err;

	if (ring_find_map(&v->ring))
		return;
	err = view_map(v, bpf_map_by_id(v->ring.id));
	if (err)
		ring_find_complain(&v->ring, err);
}

/* ---- files ---- */

static void complain_file(const struct ring_name *ring, const char *path, int err)
{
	if (err == ENOENT && ring->kind == RING_MEMORY)
		tool_complain("%s: no such ring: 'chute list' shows which there are", ring->given);
	else if (err == ENOENT)
		tool_complain(
			"%s: no such file, and not in a bpffs: 'chute list' shows which rings "
			"there are, and 'mount -t bpf bpf DIR' mounts a bpffs",
			ring->given);
	else if (err == EACCES || err == EPERM)
		tool_complain("%s: no permission to read %s", ring->given, path);
	else if (err == EINVAL && ring->kind == RING_MEMORY)
		tool_complain("%s: %s is not a memory ring: 'chute list' shows which there are",
			      ring->given, path);
	else if (err == EINVAL)
		tool_complain("%s: neither the image of a ring nor in a bpffs: 'chute dump --raw' "
			      "makes images, and 'mount -t bpf bpf DIR' mounts a bpffs",
			      ring->given);
	else
		tool_complain("%s: %s: %s", ring->given, path, strerror(err));
}

/* 0, or an errno value. */
static int view_file(struct ring_view *v, const char *path, enum ring_view_kind kind, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags), err = 0;

	if (fd < 0)
		return errno;
	v->kind = kind;
	v->view = chute_view_open_memory(fd);
	if (!v->view)
		err = errno;
	close(fd);
	return err;
}

static void open_file(struct ring_view *v, const char *path, enum ring_view_kind kind, int flags)
{
	int err = view_file(v, path, kind, flags);

	if (err)
		complain_file(&v->ring, path, err);
	else
		truncated_expect(&v->ring, path);
}

/* ---- paths ---- */

static void complain_pin(const struct ring_name *ring, int err)
{
	if (err == ENOENT)
		tool_complain("%s: no such file: 'chute create %s --size SIZE' pins a ring there",
			      ring->given, ring->given);
	else if (err == EPERM)
		tool_complain("%s: no permission to use BPF maps: become root", ring->given);
	else if (err == EACCES)
		tool_complain("%s: no permission to read and write it, as mapping it takes: "
			      "become root, or have it given to you with chown(1)",
			      ring->given);
	else if (err == EINVAL)
		tool_complain("%s: what is pinned there is not a user ring buffer", ring->given);
	else
		tool_complain("%s: %s", ring->given, strerror(err));
}

static void open_path(struct ring_view *v)
{
	int bpffs = ring_path_in_bpffs(v->ring.name), err;

	if (bpffs <= 0) {
		open_file(v, v->ring.name, RING_VIEW_IMAGE, 0);
		return;
	}
	err = view_map(v, bpf_map_by_path(v->ring.name, 0));
	if (err)
		complain_pin(&v->ring, err);
}

/* ---- all of them ---- */

static int open_named(struct ring_view *v)
{
	v->view = NULL;
	if (v->ring.kind == RING_MEMORY)
		open_file(v, v->ring.path, RING_VIEW_MEMORY, O_NOFOLLOW);
	else if (v->ring.kind == RING_PATH)
		open_path(v);
	else
		open_map(v);
	return v->view ? TOOL_OK : TOOL_FAILED;
}

int ring_view_open(struct ring_view *view, const char *given)
{
	int status = ring_name_parse(&view->ring, given);

	return status ? status : open_named(view);
}

int ring_view_argument(struct ring_view *view, int argc, char **argv)
{
	int status = ring_name_only(&view->ring, argc, argv);

	return status ? status : open_named(view);
}

int ring_view_try(struct ring_view *view)
{
	const struct ring_name *ring = &view->ring;
	int bpffs;

	view->view = NULL;
	if (ring->kind == RING_MEMORY)
		return view_file(view, ring->path, RING_VIEW_MEMORY, O_NOFOLLOW);
	if (ring->kind != RING_PATH)
		return view_map(view, bpf_map_by_id(ring->id));
	bpffs = ring_path_in_bpffs(ring->name);
	if (bpffs <= 0)
		return bpffs ? -bpffs : view_file(view, ring->name, RING_VIEW_IMAGE, 0);
	return view_map(view, bpf_map_by_path(ring->name, 0));
}

void ring_view_close(struct ring_view *view)
{
	chute_view_close(view->view);
	view->view = NULL;
}

const char *ring_view_kind_name(enum ring_view_kind kind)
{
	static const char *const names[] = {
		[RING_VIEW_MAP] = "map",
		[RING_VIEW_MEMORY] = "memory",
		[RING_VIEW_IMAGE] = "image",
	};

	return names[kind];
}

void ring_view_json(const struct ring_view *view, struct json_object *line)
{
	json_add_text(line, "ring", view->ring.given);
	json_add_text(line, "kind", ring_view_kind_name(view->kind));
	if (view->kind != RING_VIEW_MAP)
		return;
	json_add_number(line, "id", view->id);
	json_add_text(line, "name", view->name);
}
