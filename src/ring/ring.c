/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c: maps a ring's memory. The data appears twice back to back, so that a
 * record that wraps is contiguous: the kernel arranges that for a map, two
 * mappings of the same file do for a memory ring.
 */
#include "ring/ring.h"
#include "fd.h"
#include "ring/bpf.h"

#include <chute/chute.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUTE_MAGIC   0x74756863 /* "chut" */
#define CHUTE_VERSION 1

_Static_assert(sizeof(struct chute_consumer_page) <= 4096, "must fit in any page");
_Static_assert(sizeof(struct chute_producer_page) <= 4096, "must fit in any page");

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

bool chute_ring_size_ok(size_t size)
{
	/* max_entries of a map is 32 bits wide; one limit for both backends. */
	return size >= page_size() && !(size & (size - 1)) && size <= 1UL << 31;
}

static int ring_adopt_fd(struct chute_ring *ring, int fd)
{
	ring->fd = chute_fd_copy(fd);
	return ring->fd < 0 ? ring->fd : 0;
}

void chute_ring_close_fd(struct chute_ring *ring)
{
	if (ring->fd >= 0)
		close(ring->fd);
	ring->fd = -1;
}

void chute_ring_unmap(struct chute_ring *ring)
{
	if (ring->consumer_mapping)
		munmap(ring->consumer_mapping, ring->consumer_mapping_size);
	if (ring->producer_mapping)
		munmap(ring->producer_mapping, ring->producer_mapping_size);
	chute_ring_close_fd(ring);
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
}

static int ring_map_pages(struct chute_ring *ring, size_t page, int prot)
{
	int err;

	ring->consumer_mapping_size = page;
	ring->consumer_mapping = mmap(NULL, page, PROT_READ, MAP_SHARED, ring->fd, 0);
	if (ring->consumer_mapping == MAP_FAILED) {
		err = -errno;
		ring->consumer_mapping = NULL;
		return err;
	}
	ring->producer_mapping_size = page + 2 * ring->size;
	ring->producer_mapping =
		mmap(NULL, ring->producer_mapping_size, prot, MAP_SHARED, ring->fd, (off_t)page);
	if (ring->producer_mapping == MAP_FAILED) {
		err = -errno;
		ring->producer_mapping = NULL;
		return err;
	}
	ring->consumer = ring->consumer_mapping;
	ring->producer = ring->producer_mapping;
	ring->data = (char *)ring->producer_mapping + page;
	return 0;
}

static int map_ring(struct chute_ring *ring, int map_fd, int prot)
{
	struct bpf_map_info info;
	size_t page = page_size();
	int err;

	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	err = chute_bpf_map_info(map_fd, &info);
	if (err)
		return err;
	if (!chute_bpf_is_user_ring(&info))
		return -EINVAL;
	if (info.max_entries > (SIZE_MAX - page) / 2)
		return -E2BIG;
	err = ring_adopt_fd(ring, map_fd);
	if (err)
		return err;
	ring->backend = CHUTE_BACKEND_MAP;
	ring->size = info.max_entries;
	err = ring_map_pages(ring, page, prot);
	if (err)
		chute_ring_unmap(ring);
	return err;
}

int chute_ring_map(struct chute_ring *ring, int map_fd)
{
	return map_ring(ring, map_fd, PROT_READ | PROT_WRITE);
}

int chute_ring_view(struct chute_ring *ring, int map_fd)
{
	return map_ring(ring, map_fd, PROT_READ);
}

/* Reads and checks what a memory file says of itself, without mapping it: a
 * file that is too short would raise SIGBUS. */
static int memory_file_size(int fd, size_t page, size_t *size)
{
	struct chute_consumer_page page0;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	n = pread(fd, &page0, sizeof(page0), 0);
	if (n < 0)
		return -errno;
	if (n != sizeof(page0) || page0.magic != CHUTE_MAGIC || page0.version != CHUTE_VERSION ||
	    page0.page_size != page || page0.size > SIZE_MAX ||
	    !chute_ring_size_ok((size_t)page0.size))
		return -EINVAL;
	if ((__u64)st.st_size != 2 * page + page0.size)
		return -EINVAL;
	if (page0.size > (SIZE_MAX - 2 * page) / 2)
		return -E2BIG;
	*size = (size_t)page0.size;
	return 0;
}

static int ring_map_twice(struct chute_ring *ring, int fd, size_t page, int prot)
{
	size_t head = 2 * page + ring->size;
	size_t total = head + ring->size;
	char *base;
	int err;

	/* One reservation, so that nothing can come between the two halves. */
	base = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	if (mmap(base, head, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(base + head, ring->size, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)(2 * page)) ==
		    MAP_FAILED) {
		err = -errno;
		munmap(base, total);
		return err;
	}
	ring->producer_mapping = base;
	ring->producer_mapping_size = total;
	ring->consumer = (struct chute_consumer_page *)base;
	ring->producer = (struct chute_producer_page *)(base + page);
	ring->data = base + 2 * page;
	return 0;
}

static int map_memory_ring(struct chute_ring *ring, int fd, int prot)
{
	size_t page = page_size();
	int err;

	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	err = memory_file_size(fd, page, &ring->size);
	if (err)
		return err;
	ring->backend = CHUTE_BACKEND_MEMORY;
	err = ring_map_twice(ring, fd, page, prot);
	if (err)
		chute_ring_unmap(ring);
	return err;
}

int chute_ring_map_memory(struct chute_ring *ring, int fd)
{
	return map_memory_ring(ring, fd, PROT_READ | PROT_WRITE);
}

int chute_ring_view_memory(struct chute_ring *ring, int fd)
{
	return map_memory_ring(ring, fd, PROT_READ);
}

void chute_ring_init(struct chute_ring *ring, struct chute_consumer_page *consumer,
		     struct chute_producer_page *producer, void *data, size_t size)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	ring->backend = CHUTE_BACKEND_MEMORY;
	ring->consumer = consumer;
	ring->producer = producer;
	ring->data = data;
	ring->size = size;
}

/* posix_fallocate() would write every block where the file system can't allocate; a
 * signal makes fallocate() start over, and it is our business. */
static int allocate(int fd, size_t bytes)
{
	while (fallocate(fd, 0, 0, (off_t)bytes))
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int write_first_page(int fd, const struct chute_consumer_page *first)
{
	ssize_t n = pwrite(fd, first, sizeof(*first), 0);

	if (n == (ssize_t)sizeof(*first))
		return 0;
	if (n >= 0)
		return -ENOSPC;
	/* hugetlbfs has no write(2), and its pages can't be mapped as a ring needs it. */
	return errno == EINVAL ? -EOPNOTSUPP : -errno;
}

int chute_memory_format(int fd, size_t size)
{
	size_t page = page_size();
	const struct chute_consumer_page first = {
		.magic = CHUTE_MAGIC,
		.version = CHUTE_VERSION,
		.size = size,
		.page_size = page,
	};
	struct stat st;
	int err;

	if (!chute_ring_size_ok(size))
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size)
		return -EINVAL;
	err = allocate(fd, 2 * page + size);
	if (!err)
		err = write_first_page(fd, &first);
	/* It can be tried again: the file is as it was. */
	if (err && ftruncate(fd, 0))
		return err;
	return err;
}

int chute_memory(const char *name, size_t size)
{
	int fd, err;

	fd = chute_fd_own(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (fd < 0)
		return fd;
	err = chute_memory_format(fd, size);
	if (!err && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
