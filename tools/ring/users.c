// SPDX-License-Identifier: BSD-2-Clause
/* users.c: see users.h. */
#include "ring/users.h"
#include "bpf/calls.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool users_same_ring(const struct users_ring *a, const struct users_ring *b)
{
	return a->map == b->map && a->dev == b->dev && a->ino == b->ino;
}

bool users_file(const char *path, struct users_ring *ring)
{
	struct stat st;

	if (lstat(path, &st))
		return false;
	*ring = (struct users_ring){ .dev = st.st_dev, .ino = st.st_ino };
	return true;
}

void users_add(struct users *users, enum user_kind kind, const struct users_ring *ring, __u32 id,
	       const char *name)
{
	struct user *all = users->all, *user;
	size_t i;

	for (i = users->count; i--;) {
		if (all[i].kind != kind || all[i].id != id)
			break;
		/* A place may be mounted, and listed, twice. */
		if (users_same_ring(&all[i].ring, ring) &&
		    (kind != USER_PIN || !strcmp(all[i].name, name)))
			return;
	}
	/* Grows at 0 and at every power of two. */
	if (!(users->count & (users->count - 1)))
		all = reallocarray(all, users->count ? 2 * users->count : 1, sizeof(*all));
	if (!all)
		exit(tool_complain("no memory"));
	users->all = all;
	user = &all[users->count++];
	*user = (struct user){ .kind = kind, .ring = *ring, .id = id, .name = strdup(name) };
	if (!user->name)
		exit(tool_complain("no memory"));
}

/* A program uses 64 maps at most, so far. */
static void add_program(struct users *users, int fd)
{
	__u32 maps[256], i;
	struct bpf_prog_info info = { .nr_map_ids = 256, .map_ids = (uintptr_t)maps };
	char name[BPF_OBJ_NAME_LEN + 1] = "";

	if (bpf_program_info(fd, &info))
		return;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	for (i = 0; i < info.nr_map_ids && i < 256; i++)
		users_add(users, USER_PROGRAM, &(struct users_ring){ .map = maps[i] }, info.id,
			  name);
}

void users_add_programs(struct users *users)
{
	__u32 id = 0;
	int fd;

	while (!bpf_program_next_id(&id)) {
		fd = bpf_program_by_id(id);
		if (fd < 0)
			continue;
		add_program(users, fd);
		close(fd);
	}
}

void users_gather(struct users *users)
{
	*users = (struct users){ 0 };
	users_add_pins(users);
	users_add_processes(users);
	users_add_programs(users);
}

void users_free(struct users *users)
{
	size_t i;

	for (i = 0; i < users->count; i++)
		free(users->all[i].name);
	free(users->all);
	*users = (struct users){ 0 };
}

static struct json_object *user_json(const struct user *user)
{
	struct json_object *object = json_new();

	json_add_number(object, user->kind == USER_PROCESS ? "pid" : "id", user->id);
	json_add_text(object, user->kind == USER_PROCESS ? "command" : "name", user->name);
	return object;
}

void users_json(const struct users *users, const struct users_ring *ring,
		struct json_object *object)
{
	static const char *const keys[] = { "pins", "processes", "programs" };
	struct json_object *arrays[3];
	size_t i;

	for (i = 0; i < 3; i++)
		arrays[i] = json_new_array();
	for (i = 0; i < users->count; i++) {
		if (!users_same_ring(&users->all[i].ring, ring))
			continue;
		if (users->all[i].kind == USER_PIN)
			json_append_text(arrays[USER_PIN], users->all[i].name);
		else
			json_append(arrays[users->all[i].kind], user_json(&users->all[i]));
	}
	for (i = 0; i < 3; i++) {
		if (ring->map || i == USER_PROCESS)
			json_add(object, keys[i], arrays[i]);
		else
			json_object_put(arrays[i]);
	}
}

size_t users_text(const struct users *users, const struct users_ring *ring, enum user_kind kind,
		  char *text, size_t size)
{
	size_t i, count = 0, used = 0;
	char name[1024];

	*text = '\0';
	for (i = 0; i < users->count; i++) {
		if (users->all[i].kind != kind || !users_same_ring(&users->all[i].ring, ring))
			continue;
		text_printable(name, sizeof(name), users->all[i].name, "?");
		if (kind != USER_PIN)
			snprintf(name + strlen(name), sizeof(name) - strlen(name), " (%u)",
				 users->all[i].id);
		count++;
		if (used + strlen(name) + 8 < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 name);
		else if (used && text[used - 1] != '.')
			used += (size_t)snprintf(text + used, size - used, ", ...");
	}
	return count;
}
