// SPDX-License-Identifier: BSD-2-Clause
/* writers.c: see writers.h. */
#include "ring/writers.h"
#include "cli/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Has the process such a mapping? -1 if it can't be looked into. */
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

/* Which rings of this size has it a descriptor of: ours, another one? */
struct held {
	bool ours, other;
};

static void look_at_fd(const char *path, const struct ring_view *ring, size_t size,
		       struct held *held)
{
	unsigned int type = 0, id = 0;
	unsigned long entries = 0;
	char line[128];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "map_type: %u", &type);
		sscanf(line, "max_entries: %lu", &entries);
		sscanf(line, "map_id: %u", &id);
	}
	if (file)
		fclose(file);
	if (id && id == ring->id)
		held->ours = true;
	else if (id && type == 31 /* BPF_MAP_TYPE_USER_RINGBUF */ && entries == size)
		held->other = true;
}

static struct held what_it_holds(__u32 pid, const struct ring_view *ring, size_t size)
{
	struct held held = { 0 };
	struct dirent *entry;
	char path[320];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%u/fdinfo/%s", pid, entry->d_name);
		look_at_fd(path, ring, size, &held);
	}
	if (dir)
		closedir(dir);
	return held;
}

static void add(struct writers *writers, __u32 pid)
{
	size_t used = strlen(writers->text);
	char path[64], name[32] = "", safe[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (file && !fgets(name, sizeof(name), file))
		*name = '\0';
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
	text_printable(safe, sizeof(safe), name, "?");
	snprintf(writers->text + used, sizeof(writers->text) - used, "%s%s (%u)",
		 writers->count ? ", " : "", safe, pid);
	writers->count++;
}

void writers_find(struct writers *writers, const struct ring_view *ring)
{
	struct chute_stat stat = { .sz = sizeof(stat) };
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct held held;
	__u32 pid;
	int has;

	*writers = (struct writers){ .blind = !dir };
	chute_view_stat(ring->view, &stat);
	while (dir && (entry = readdir(dir))) {
		pid = (__u32)strtoul(entry->d_name, NULL, 10);
		if (!pid || pid == (__u32)getpid())
			continue;
		has = has_mapping(pid, stat.size);
		writers->blind |= has < 0;
		if (has <= 0)
			continue;
		held = what_it_holds(pid, ring, stat.size);
		if (held.ours || !held.other)
			add(writers, pid);
	}
	if (dir)
		closedir(dir);
}
