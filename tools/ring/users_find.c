// SPDX-License-Identifier: BSD-2-Clause
/* users_find.c: where maps are pinned, and which processes hold what. Nothing here is of
 * one moment: what goes while we look is left out. */
#include "bpf/calls.h"
#include "ring/name.h"
#include "ring/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEPTH_MOST 16 /* of directories in a bpffs */

/* ---- pins ---- */

static void add_pin(struct users *users, const char *path)
{
	struct bpf_map_info info;
	int fd = bpf_map_by_path(path, BPF_F_RDONLY);

	if (fd < 0)
		return;
	if (!bpf_map_info(fd, &info) && info.type == BPF_MAP_TYPE_USER_RINGBUF)
		users_add(users, USER_PIN, &(struct users_ring){ .map = info.id }, 0, path);
	close(fd);
}

static void walk(struct users *users, const char *folder, int depth)
{
	DIR *dir = depth < DEPTH_MOST ? opendir(folder) : NULL;
	const char *between = strcmp(folder, "/") ? "/" : "";
	struct dirent *entry;
	char path[PATH_MAX];
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(path, sizeof(path), "%s%s%s", folder, between, entry->d_name) >=
			    (int)sizeof(path) ||
		    lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			walk(users, path, depth + 1);
		else if (S_ISREG(st.st_mode))
			add_pin(users, path);
	}
	if (dir)
		closedir(dir);
}

/* In mountinfo blanks and the like are \ooo. */
static void unescape(char *text)
{
	char *out = text;
	unsigned int byte;

	for (; *text; out++) {
		if (*text == '\\' && sscanf(text + 1, "%3o", &byte) == 1) {
			*out = (char)byte;
			text += 4;
		} else {
			*out = *text++;
		}
	}
	*out = '\0';
}

void users_add_pins(struct users *users)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *type, point[PATH_MAX];
	size_t size = 0;

	while (mounts && getline(&line, &size, mounts) > 0) {
		type = strstr(line, " - ");
		if (!type || strncmp(type, " - bpf ", 7))
			continue;
		if (sscanf(line, "%*d %*d %*s %*s %4095s", point) != 1)
			continue;
		unescape(point);
		walk(users, point, 0);
	}
	free(line);
	if (mounts)
		fclose(mounts);
}

/* ---- processes ---- */

struct process {
	struct users *users;
	__u32 pid;
	char name[32];
};

/* Returns whether it is there at all. */
static bool read_name(struct process *process)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", process->pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(process->name, sizeof(process->name), file))
		*process->name = '\0';
	fclose(file);
	process->name[strcspn(process->name, "\n")] = '\0';
	return true;
}

static void add(struct process *process, const struct users_ring *ring)
{
	if (*process->name || read_name(process))
		users_add(process->users, USER_PROCESS, ring, process->pid, process->name);
}

static void add_map_fd(struct process *process, const char *fd)
{
	struct users_ring ring = { 0 };
	char path[300], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%s", process->pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "map_id: %u", &ring.map) == 1)
			add(process, &ring);
	if (file)
		fclose(file);
}

static void add_file(struct process *process, const char *path)
{
	struct users_ring ring = { 0 };
	struct stat st;

	if (stat(path, &st))
		return;
	ring.dev = st.st_dev;
	ring.ino = st.st_ino;
	add(process, &ring);
}

static void look_at_descriptors(struct process *process)
{
	char path[300], target[300];
	struct dirent *entry;
	ssize_t length;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", process->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%u/fd/%.20s", process->pid, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		/* Others are not touched: a file's server may be gone, and we would wait. */
		if (!strcmp(target, "anon_inode:bpf-map"))
			add_map_fd(process, entry->d_name);
		else if (strstr(target, RING_MEMORY_DIR "/"))
			add_file(process, path);
	}
	if (dir)
		closedir(dir);
}

/* Files that are mapped still, and maybe closed. A map's memory does not say whose it is. */
static void look_at_memory(struct process *process)
{
	unsigned int major, minor;
	unsigned long long ino;
	char *line = NULL, path[64];
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/maps", process->pid);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0) {
		if (!strstr(line, RING_MEMORY_DIR "/") ||
		    sscanf(line, "%*s %*s %*s %x:%x %llu", &major, &minor, &ino) != 3)
			continue;
		add(process, &(struct users_ring){ .dev = makedev(major, minor), .ino = ino });
	}
	free(line);
	if (file)
		fclose(file);
}

void users_add_processes(struct users *users)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct process process;
	char *end;

	while (dir && (entry = readdir(dir))) {
		process = (struct process){ .users = users };
		process.pid = (__u32)strtoul(entry->d_name, &end, 10);
		if (!process.pid || *end || process.pid == (__u32)getpid())
			continue;
		look_at_descriptors(&process);
		look_at_memory(&process);
	}
	if (dir)
		closedir(dir);
}
