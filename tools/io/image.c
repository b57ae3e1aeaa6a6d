// SPDX-License-Identifier: BSD-2-Clause
/* image.c: see image.h. */
#include "io/image.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As chute(7) has them: the consumer's position is the first word of page 0, the
 * producer's the first one of page 1. */
static int read_pos(int fd, size_t page, unsigned long *pos)
{
	return pread(fd, pos, sizeof(*pos), (off_t)page) == sizeof(*pos) ? 0 : EIO;
}

static int write_consumer_pos(int fd, unsigned long pos)
{
	return pwrite(fd, &pos, sizeof(pos), 0) == sizeof(pos) ? 0 : errno;
}

/*
 * What was pending at the start and is still pending now lay there all the time; what
 * the consumer has passed, a producer may have overwritten before we came to it. So the
 * image starts where the consumer is now.
 */
static int leave_out_consumed(const struct ring *ring, int fd)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct chute_stat now = { .sz = sizeof(now) };
	unsigned long cons, prod, pos;
	int err;

	chute_view_stat(ring->view, &now);
	err = read_pos(fd, 0, &cons);
	if (!err)
		err = read_pos(fd, page, &prod);
	if (err || now.consumer_pos == cons)
		return err;
	pos = (long)(prod - now.consumer_pos) < 0 ? prod : now.consumer_pos;
	tool_say("%s: moves: %s that were consumed meanwhile are not in the image", ring->given,
		 size_bytes((double)(pos - cons)).text);
	return write_consumer_pos(fd, pos);
}

static int save(const struct ring *ring, int fd, const char *temporary, const char *path)
{
	const mode_t mask = umask(0);
	int err;

	umask(mask);
	err = -chute_view_save(ring->view, fd);
	if (!err)
		err = leave_out_consumed(ring, fd);
	/* mkstemp(3) is stricter than what one would get from a shell. */
	if (!err && fchmod(fd, 0666 & ~mask))
		err = errno;
	if (!err && fsync(fd))
		err = errno;
	if (!err && !stop_asked() && rename(temporary, path))
		err = errno;
	return err;
}

static int complain(const char *path, int err)
{
	if (err == ENOSPC || err == EDQUOT)
		return tool_complain("--raw %s: no space for the image there: nothing was written",
				     path);
	if (err == EFBIG)
		return tool_complain("--raw %s: the image is more than the limit of a file's size "
				     "here: see 'ulimit -f'",
				     path);
	return tool_complain("--raw %s: %s", path, strerror(err));
}

int image_save(const struct ring *ring, const char *path)
{
	char temporary[PATH_MAX];
	struct stat st;
	int fd, err;

	/* A pipe or a device would be replaced by a file. */
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return tool_complain("--raw %s: not a file: an image can't be written there", path);
	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return complain(path, ENAMETOOLONG);
	stop_on_signals();
	fd = mkstemp(temporary);
	if (fd < 0)
		return complain(path, errno);
	err = save(ring, fd, temporary, path);
	if (close(fd) && !err)
		err = errno;
	if (err || stop_asked())
		unlink(temporary);
	if (stop_asked())
		stop_die();
	return err ? complain(path, err) : TOOL_OK;
}
