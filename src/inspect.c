/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect.c: the walk over the machine's maps. */
#include "ring/bpf.h"

#include <chute/inspect.h>

#include <errno.h>

#include <string.h>
#include <unistd.h>

_Static_assert(CHUTE_MAP_NAME_MAX + 1 == BPF_OBJ_NAME_LEN, "a map's name with its NUL");

/* Fills @map if @id is a user ring buffer map's. 0; 1 if it is another map's, or
 * has gone; or -errno. */
static int map_info(__u32 id, struct chute_map_info *map)
{
	struct bpf_map_info info;
	int fd, err;

	fd = chute_bpf_map_by_id(id);
	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	err = chute_bpf_map_info(fd, &info);
	close(fd);
	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_USER_RINGBUF)
		return 1;
	map->id = id;
	map->size = info.max_entries;
	memcpy(map->name, info.name, sizeof(map->name));
	map->name[CHUTE_MAP_NAME_MAX] = '\0';
	return 0;
}

int chute_map_next(struct chute_map_info *info)
{
	struct chute_map_info map = { .sz = info->sz };
	__u32 id = info->id;
	int err;

	/* Later versions may only add to the end of it. */
	if (info->sz < sizeof(map))
		return -EINVAL;
	do {
		err = chute_bpf_map_next_id(&id);
		if (!err)
			err = map_info(id, &map);
	} while (err > 0);
	if (!err)
		memcpy(info, &map, sizeof(map));
	return err;
}
