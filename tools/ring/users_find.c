// SPDX-License-Identifier: BSD-2-Clause
/* users_find.c: where maps are pinned, and which processes hold what. */
#include "ring/users.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
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
	struct chute_map_info info = { .sz = sizeof(info) };
	int fd = chute_map_by_path(path, O_RDONLY);

	if (fd < 0)
		return;
	if (!chute_map_identify(fd, &info))
		users_add(users, &(struct user){ .kind = USER_PIN,
						 .ring.map = info.id,
						 .name = (char *)(unsigned long)path });
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

bool users_each_process(void (*each)(__u32 pid, void *ctx), void *ctx)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	__u32 pid;
	char *end;

	while (dir && (entry = readdir(dir))) {
		pid = (__u32)strtoul(entry->d_name, &end, 10);
		if (pid && !*end && pid != (__u32)getpid())
			each(pid, ctx);
	}
	if (!dir)
		return false;
	closedir(dir);
	return true;
}

char *users_process_name(__u32 pid, char *name, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, (int)size, file))
		strcpy(name, "?");
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return name;
}

static void add(struct users *users, __u32 pid, const struct ring_key *ring, __u64 size)
{
	char name[32];

	users_add(users, &(struct user){ .kind = USER_PROCESS,
					 .ring = *ring,
					 .size = size,
					 .id = pid,
					 .name = users_process_name(pid, name, sizeof(name)) });
}

static void add_map_fd(struct users *users, __u32 pid, const char *fd)
{
	unsigned long long size = 0;
	unsigned int type = 0;
	char path[300], line[128];
	struct ring_key ring = { 0 };
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%s", pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "map_type: %u", &type);
		sscanf(line, "max_entries: %llu", &size);
		sscanf(line, "map_id: %u", &ring.map);
	}
	if (file)
		fclose(file);
	if (ring.map && type == BPF_MAP_TYPE_USER_RINGBUF)
		add(users, pid, &ring, size);
}

static void add_file(struct users *users, __u32 pid, const char *path)
{
	struct stat st;

	if (!stat(path, &st))
		add(users, pid, &(struct ring_key){ .dev = st.st_dev, .ino = st.st_ino }, 0);
}

static void look_at_descriptors(struct users *users, __u32 pid)
{
	char path[300], target[300];
	struct dirent *entry;
	ssize_t length;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%u/fd/%.20s", pid, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		/* Others are not touched: a file's server may be gone, and we would wait. */
		if (!strcmp(target, "anon_inode:bpf-map"))
			add_map_fd(users, pid, entry->d_name);
		else if (strstr(target, RING_MEMORY_DIR "/"))
			add_file(users, pid, path);
	}
	if (dir)
		closedir(dir);
}

/* Files that are mapped still, and maybe closed. A map's memory does not say whose it is. */
static void look_at_memory(struct users *users, __u32 pid)
{
	unsigned int major, minor;
	unsigned long long ino;
	char *line = NULL, path[64];
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0) {
		if (!strstr(line, RING_MEMORY_DIR "/") ||
		    sscanf(line, "%*s %*s %*s %x:%x %llu", &major, &minor, &ino) != 3)
			continue;
		add(users, pid, &(struct ring_key){ .dev = makedev(major, minor), .ino = ino }, 0);
	}
	free(line);
	if (file)
		fclose(file);
}

static void look_at_process(__u32 pid, void *ctx)
{
	look_at_descriptors(ctx, pid);
	look_at_memory(ctx, pid);
}

void users_add_processes(struct users *users)
{
	users_each_process(look_at_process, users);
}
