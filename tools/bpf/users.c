// SPDX-License-Identifier: BSD-2-Clause
/* users.c: see ring/users.h: which BPF programs use which maps. */
#include "ring/users.h"

#include <bpf/bpf.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* A program uses 64 maps at most, so far. */
#define MAPS_MOST 256

static void add_program(struct users *users, int fd)
{
	__u32 maps[MAPS_MOST], i, size;
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MOST, .map_ids = (uintptr_t)maps };
	char name[BPF_OBJ_NAME_LEN + 1] = "";

	size = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	for (i = 0; i < info.nr_map_ids && i < MAPS_MOST; i++)
		users_add(users, &(struct user){ .kind = USER_PROGRAM,
						 .ring.map = maps[i],
						 .id = info.id,
						 .name = name });
}

void users_add_programs(struct users *users)
{
	__u32 id = 0;
	int fd;

	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		add_program(users, fd);
		close(fd);
	}
}
