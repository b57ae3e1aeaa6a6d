/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect.c: the machine's maps: by id, by path, one after another. */
#include "opts.h"
#include "ring/bpf.h"

#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What a caller's struct must have: later versions only add to the end. */
#define MAP_LEAST sizeof(struct chute_map_info)

_Static_assert(CHUTE_MAP_NAME_MAX + 1 == BPF_OBJ_NAME_LEN, "a map's name with its NUL");

int chute_map_by_id(__u32 id)
{
	return chute_bpf_map_by_id(id);
}

int chute_map_by_path(const char *bpffs_path, int mode)
{
	return chute_bpf_map_by_path(bpffs_path, mode == O_RDONLY ? BPF_F_RDONLY : 0);
}

int chute_map_identify(int map_fd, struct chute_map_info *map)
{
	struct chute_map_info now = { 0 };
	struct bpf_map_info info;
	int err;

	err = chute_bpf_map_info(map_fd, &info);
	if (err)
		return err;
	if (!chute_bpf_is_user_ring(&info))
		return -EINVAL;
	now.id = info.id;
	now.size = info.max_entries;
	memcpy(now.name, info.name, CHUTE_MAP_NAME_MAX);
	return chute_fill(map, MAP_LEAST, &now, sizeof(now));
}

int chute_map_next(struct chute_map_info *info)
{
	__u32 id = info->id;
	int err, fd;

	if (info->sz < MAP_LEAST)
		return -EINVAL;
	do {
		err = chute_bpf_map_next_id(&id);
		if (err)
			return err;
		fd = chute_bpf_map_by_id(id);
		err = fd < 0 ? fd : chute_map_identify(fd, info);
		if (fd >= 0)
			close(fd);
		/* It has gone meanwhile, or is another kind of map. */
	} while (err == -ENOENT || err == -EINVAL);
	return err;
}
