// SPDX-License-Identifier: BSD-2-Clause
/* users.c: see users.h: noted once, and told. */
#include "ring/users.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_same(const struct ring_key *a, const struct ring_key *b)
{
	return a->map == b->map && a->dev == b->dev && a->ino == b->ino;
}

void users_add(struct users *users, const struct user *user)
{
	struct user *all = users->all;
	size_t i;

	for (i = users->count; i--;) {
		if (all[i].kind != user->kind || all[i].id != user->id)
			break;
		/* A place may be mounted, and listed, twice. */
		if (is_same(&all[i].ring, &user->ring) &&
		    (user->kind != USER_PIN || !strcmp(all[i].name, user->name)))
			return;
	}
	/* Grows at 0 and at every power of two. */
	if (!(users->count & (users->count - 1)))
		all = tool_memory(all, (users->count ? 2 * users->count : 1) * sizeof(*all));
	users->all = all;
	all[users->count] = *user;
	all[users->count++].name = strcpy(tool_memory(NULL, strlen(user->name) + 1), user->name);
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

void users_json(const struct users *users, const struct ring_key *ring, struct json_object *object)
{
	static const char *const keys[] = { "pins", "processes", "programs" };
	struct json_object *array;
	enum user_kind kind;
	size_t i;

	for (kind = USER_PIN; kind <= USER_PROGRAM; kind++) {
		if (!ring->map && kind != USER_PROCESS)
			continue;
		array = json_new_array();
		for (i = 0; i < users->count; i++) {
			if (users->all[i].kind != kind || !is_same(&users->all[i].ring, ring))
				continue;
			if (kind == USER_PIN)
				json_append_text(array, users->all[i].name);
			else
				json_append(array, user_json(&users->all[i]));
		}
		json_add(object, keys[kind], array);
	}
}

/* Add "NAME (ID)" to a list, or dots where there is no room for it any more. */
static void list(char *text, size_t size, const char *name, __u32 id)
{
	size_t used = strlen(text);
	char safe[1024];

	text_printable(safe, sizeof(safe) - 16, name, "?");
	if (id)
		snprintf(safe + strlen(safe), 16, " (%u)", id);
	if (used + strlen(safe) + 8 < size)
		snprintf(text + used, size - used, "%s%s", used ? ", " : "", safe);
	else if (used && text[used - 1] != '.')
		snprintf(text + used, size - used, ", ...");
}

size_t users_text(const struct users *users, const struct ring_key *ring, enum user_kind kind,
		  char *text, size_t size)
{
	const struct user *user;
	size_t count = 0;

	*text = '\0';
	for (user = users->all; user < users->all + users->count; user++) {
		if (user->kind != kind || !is_same(&user->ring, ring))
			continue;
		list(text, size, user->name, kind == USER_PIN ? 0 : user->id);
		count++;
	}
	return count;
}

/* ---- writers ---- */

struct writers {
	struct users users;
	const struct ring *ring;
	size_t size; /* of the ring */
	char *text;
	size_t room, count;
	bool blind;
};

/* Has the process the producer page and the data of such a ring mapped for writing? -1 if
 * it can't be looked into. */
static int has_mapping(__u32 pid, size_t size)
{
	const unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	unsigned long start, end, offset;
	char path[64], line[512], mode[5];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == EACCES || errno == EPERM ? -1 : 0;
	errno = 0;
	while (!found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, mode, &offset) == 4 &&
		    strstr(line, "bpf-map") && mode[1] == 'w' && mode[3] == 's' && offset == page &&
		    end - start == page + 2 * size)
			found = 1;
	/* Of a process of somebody else it may be the first read that fails. */
	if (ferror(file) && (errno == EACCES || errno == EPERM))
		found = -1;
	fclose(file);
	return found;
}

/* A mapping does not say of which map it is: one counts if its process holds this map, or
 * holds none that it could be of. */
static bool may_be_ours(const struct writers *w, __u32 pid)
{
	const struct user *user;
	bool ours = false, other = false;

	for (user = w->users.all; user < w->users.all + w->users.count; user++) {
		if (user->id != pid || !user->ring.map)
			continue;
		ours |= user->ring.map == w->ring->id;
		other |= user->ring.map != w->ring->id && user->size == w->size;
	}
	return ours || !other;
}

static void look_for_writer(__u32 pid, void *ctx)
{
	struct writers *w = ctx;
	int has = has_mapping(pid, w->size);
	char name[32];

	w->blind |= has < 0;
	if (has <= 0 || !may_be_ours(w, pid))
		return;
	list(w->text, w->room, users_process_name(pid, name, sizeof(name)), pid);
	w->count++;
}

size_t users_writers(const struct ring *ring, char *text, size_t size, bool *blind)
{
	struct writers w = { .ring = ring, .text = text, .room = size };
	struct chute_stat stat = { .sz = sizeof(stat) };

	*text = '\0';
	chute_view_stat(ring->view, &stat);
	w.size = stat.size;
	users_add_processes(&w.users);
	*blind = !users_each_process(look_for_writer, &w) || w.blind;
	users_free(&w.users);
	return w.count;
}
