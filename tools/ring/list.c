// SPDX-License-Identifier: BSD-2-Clause
/* rings.c: see rings.h. */
#include "ring/list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int find_maps(void (*found)(const char *given, void *ctx), void *ctx)
{
	struct chute_map_info info = { .sz = sizeof(info) };
	char given[32];
	int err;

	while (!(err = chute_map_next(&info))) {
		snprintf(given, sizeof(given), "map:%u", info.id);
		found(given, ctx);
	}
	return err == -ENOENT ? 0 : -err;
}

/* Nothing else is opened, not even to look what it is: that may have effects. */
static int is_file(const struct dirent *entry)
{
	struct stat st;
	char path[sizeof(RING_MEMORY_DIR) + sizeof(entry->d_name) + 1];

	snprintf(path, sizeof(path), RING_MEMORY_DIR "/%s", entry->d_name);
	return !lstat(path, &st) && S_ISREG(st.st_mode);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void find_files(void (*found)(const char *given, void *ctx), void *ctx)
{
	char given[sizeof("mem:") + sizeof(((struct dirent *)0)->d_name)];
	struct dirent **entries;
	int i, count = scandir(RING_MEMORY_DIR, &entries, is_file, by_bytes);

	for (i = 0; i < count; i++) {
		snprintf(given, sizeof(given), "mem:%s", entries[i]->d_name);
		found(given, ctx);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int rings_find(void (*found)(const char *given, void *ctx), void *ctx)
{
	int err = find_maps(found, ctx);

	find_files(found, ctx);
	return err;
}

const char *rings_no_maps(int err)
{
	if (err == EPERM)
		return "no permission to look for BPF maps, which needs CAP_SYS_ADMIN: become root";
	if (err == ENOSYS || err == EINVAL)
		return "this kernel has no BPF maps";
	return strerror(err);
}
