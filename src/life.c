/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life.c: all anonymous files of the kernel, such as an eventfd, have one inode. An open
 * file description lock on it (fcntl(2), F_OFD_SETLK) is seen by every process of the
 * machine. It lasts as long as the description, and what keeps that is a pending request
 * of the kernel's AIO, which polls it and belongs to the address space: fork(2) does not
 * copy it, closing descriptors does not end it, death and execve(2) do. That comes before
 * the memory is freed, and after the last thread has run.
 *
 * The locks are shared ones, so that who looks, or has the same name by chance, hinders
 * nobody.
 */
#include "life.h"
#include "fd.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int new_file(void)
{
	return chute_fd_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static struct flock lock_of(__u64 name, short type)
{
	return (struct flock){ .l_type = type,
			       .l_whence = SEEK_SET,
			       .l_start = (off_t)(name & INT64_MAX),
			       .l_len = 1 };
}

static bool take(int fd, __u64 name)
{
	struct flock lock = lock_of(name, F_RDLCK);

	return !fcntl(fd, F_OFD_SETLK, &lock);
}

static enum chute_life look(int fd, __u64 name)
{
	struct flock lock = lock_of(name, F_WRLCK);

	if (fcntl(fd, F_OFD_GETLK, &lock))
		return CHUTE_LIFE_UNKNOWN;
	/* Whoever keeps others from sharing it has not shared it. */
	return lock.l_type == F_RDLCK ? CHUTE_LIFE_GOES_ON : CHUTE_LIFE_OVER;
}

/* Does a look through @fd see here what another one holds? */
static bool sees_others(int fd)
{
	/* No process has the pid 0. Nobody minds if others hold it, too. */
	const __u64 name = INT64_MAX & ~0x3fffffLL;
	int other = new_file();
	bool sees;

	if (other < 0)
		return false;
	sees = look(fd, name) == CHUTE_LIFE_GOES_ON ||
	       (take(other, name) && look(fd, name) == CHUTE_LIFE_GOES_ON);
	close(other);
	return sees;
}

/* What the kernel has at the address that io_setup(2) gives; fs/aio.c. */
struct ring_head {
	__u32 id, events, head, tail, magic, compat, incompat, header_bytes;
};

/* A child has no use for the completion ring of its parent. */
static void keep_from_children(aio_context_t ctx)
{
	const struct ring_head *ring = (const struct ring_head *)(uintptr_t)ctx;
	size_t bytes = ring->header_bytes + ring->events * sizeof(struct io_event);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->magic == 0xa10a10a1)
		madvise((void *)(uintptr_t)ctx, (bytes + page - 1) / page * page, MADV_DONTFORK);
}

/* Let a request that never ends hold the description of @fd. */
static bool keep(int fd)
{
	struct iocb request = {
		.aio_fildes = (__u32)fd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		/* An eventfd never has it. */
		.aio_buf = POLLPRI,
	};
	struct iocb *requests = &request;
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 1, &ctx))
		return false;
	if (syscall(SYS_io_submit, ctx, 1, &requests) != 1) {
		syscall(SYS_io_destroy, ctx);
		return false;
	}
	keep_from_children(ctx);
	return true;
}

bool chute_life_hold(__u64 name)
{
	int saved = errno, fd = new_file();
	bool held;

	if (fd < 0) {
		errno = saved;
		return false;
	}
	held = take(fd, name) && keep(fd);
	close(fd);
	held = held && chute_life_look(name) == CHUTE_LIFE_GOES_ON;
	errno = saved;
	return held;
}

enum chute_life chute_life_look(__u64 name)
{
	int saved = errno, fd = new_file();
	enum chute_life life;

	if (fd < 0) {
		errno = saved;
		return CHUTE_LIFE_UNKNOWN;
	}
	life = look(fd, name);
	/* To see none proves nothing where none can be seen. */
	if (life == CHUTE_LIFE_OVER && !sees_others(fd))
		life = CHUTE_LIFE_UNKNOWN;
	close(fd);
	errno = saved;
	return life;
}
