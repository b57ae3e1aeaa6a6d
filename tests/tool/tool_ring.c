// SPDX-License-Identifier: BSD-2-Clause
/* tool_ring.c: see tool_ring.h. */
#include "tool_ring.h"

#include <chute/atomic.h>
#include <chute/drain.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct chute_consumer *tool_consumer(const char *ring)
{
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct chute_consumer *consumer = chute_consumer_open(fd);

	assert_non_null(consumer);
	close(fd);
	return consumer;
}

struct chute_producer_page *tool_producer_page(const char *ring)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)page);

	assert_true(p != MAP_FAILED);
	close(fd);
	return p;
}

void tool_unmap_page(void *page)
{
	munmap(page, (size_t)sysconf(_SC_PAGESIZE));
}

void tool_await_pos(struct chute_producer_page *producer, unsigned long pos)
{
	__s64 end = now_ns() + 60000000000;

	while (chute_load_acquire(&producer->producer_pos) != pos) {
		assert_true(now_ns() < end);
		sched_yield();
	}
}

unsigned int tool_map_id(int fd)
{
	char path[64], line[128];
	unsigned int id = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	assert_non_null(info);
	while (!id && fgets(line, sizeof(line), info))
		sscanf(line, "map_id: %u", &id);
	fclose(info);
	assert_true(id);
	return id;
}
