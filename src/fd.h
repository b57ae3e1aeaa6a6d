/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.h: descriptors of our own: close-on-exec, and above the standard ones. */
#ifndef CHUTE_SRC_FD_H
#define CHUTE_SRC_FD_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A copy of @fd. Returns it, or -errno. */
static inline int chute_fd_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (copy >= 0)
		return copy;
	/* EINVAL says that not even the standard ones are permitted: see setrlimit(2). */
	return errno == EINVAL ? -EMFILE : -errno;
}

/*
 * Take @fd, new and ours, or -1 with errno. Returns it, or -errno. In a process whose
 * standard descriptors are closed it may be one of 0 to 2, where others print to: it is
 * moved. Not for files that may have POSIX locks, which are lost when one is closed.
 */
static inline int chute_fd_own(int fd)
{
	int copy;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	copy = chute_fd_copy(fd);
	close(fd);
	return copy;
}

#endif
