// SPDX-License-Identifier: BSD-2-Clause
/* follow.c: see follow.h. */
#include "io/follow.h"
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often to look where there is no inotify. */
#define BLIND_LOOK_MS 100

int follow_start(struct follow *f, const char *path, bool quiet)
{
	char folder[PATH_MAX];

	memset(f, 0, sizeof(*f));
	f->path = path;
	f->quiet = quiet;
	f->fd = f->watch = -1;
	f->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (strlen(path) >= sizeof(folder))
		return tool_complain("%s: %s", path, strerror(ENAMETOOLONG));
	/* A file of that name comes. */
	if (f->notify < 0 || inotify_add_watch(f->notify, dirname(strcpy(folder, path)),
					       IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
		return TOOL_OK;
	if (errno == ENOENT || errno == ENOTDIR)
		return tool_complain("--follow %s: its directory: %s", path, strerror(errno));
	close(f->notify);
	f->notify = -1;
	return TOOL_OK;
}

static void close_file(struct follow *f)
{
	if (f->watch >= 0)
		inotify_rm_watch(f->notify, f->watch);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = f->watch = -1;
}

void follow_stop(struct follow *f)
{
	close_file(f);
	if (f->notify >= 0)
		close(f->notify);
}

static int await(struct follow *f)
{
	if (!f->awaited && !f->quiet)
		tool_say("%s: no such file yet: waiting for it", f->path);
	f->awaited = true;
	return TOOL_OK;
}

int follow_open(struct follow *f)
{
	char self[32];
	struct stat st;

	close_file(f);
	f->leaving = false;
	/* A pipe without a writer would block us. */
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 && errno == ENOENT)
		return await(f);
	if (f->fd < 0 || fstat(f->fd, &st))
		return tool_complain("%s: %s", f->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tool_complain("--follow %s: not a regular file: what grows otherwise is "
				     "read to its end without --follow",
				     f->path);
	f->awaited = false;
	/* Of this file, whatever has its name by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	if (f->notify >= 0)
		f->watch = inotify_add_watch(f->notify, self, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
	return TOOL_OK;
}

static void say(const struct follow *f, const char *what)
{
	if (!f->quiet)
		tool_say("%s: %s: going on at its beginning", f->path, what);
}

enum follow_next follow_look(struct follow *f)
{
	struct stat ours, named;

	if (f->leaving)
		return FOLLOW_END;
	if (fstat(f->fd, &ours))
		return FOLLOW_WAIT;
	if (ours.st_size < lseek(f->fd, 0, SEEK_CUR)) {
		say(f, "was truncated");
		return FOLLOW_END;
	}
	if (stat(f->path, &named) || (named.st_ino == ours.st_ino && named.st_dev == ours.st_dev))
		return FOLLOW_WAIT;
	say(f, "is another file now");
	f->leaving = true;
	return FOLLOW_AGAIN;
}

void follow_wait(struct follow *f, int most_ms)
{
	struct pollfd p = { .fd = f->notify, .events = POLLIN };
	int ms = f->notify >= 0 && (f->fd < 0 || f->watch >= 0) ? FOLLOW_LOOK_MS : BLIND_LOOK_MS;
	char events[4096];

	if (most_ms >= 0 && most_ms < ms)
		ms = most_ms;
	if (poll(&p, 1, ms) > 0 && read(f->notify, events, sizeof(events)) < 0)
		return;
}
