/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_cases.c: the map's creation, its mappings' permissions, and its poll. */
#include "support.h"

#include "kernel_cases.h"
#include "runner.h"

#include <chute/chute.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING (64 * 1024)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int create(__u32 key_size, __u32 value_size, __u32 max_entries, __u32 flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);

	return bpf_map_create(BPF_MAP_TYPE_USER_RINGBUF, "contract", key_size, value_size,
			      max_entries, &opts);
}

static int some_map(void)
{
	int fd = create(0, 0, RING, 0);

	if (fd < 0)
		fail_msg("no map: %s", strerror(-fd));
	return fd;
}

static void a_map_is_made_of_a_power_of_two_of_pages(void **state)
{
	__u32 page = (__u32)page_size(), size;

	(void)state;
	need_bpf();
	for (size = page; size <= page << 6; size *= 2) {
		int fd = create(0, 0, size, 0);

		assert_in_range(fd, 0, 1 << 20);
		close(fd);
	}
}

static void any_other_size_is_EINVAL(void **state)
{
	__u32 page = (__u32)page_size();
	__u32 sizes[] = { 0,	    1,	      8,	page / 2,   page - 8,
			  page + 8, 3 * page, 6 * page, 0xffffffff, 0xfffff000 };
	size_t i;

	(void)state;
	need_bpf();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(create(0, 0, sizes[i], 0), -EINVAL);
}

static void a_key_or_a_value_or_a_flag_is_EINVAL(void **state)
{
	(void)state;
	need_bpf();
	assert_int_equal(create(4, 0, RING, 0), -EINVAL);
	assert_int_equal(create(0, 8, RING, 0), -EINVAL);
	assert_int_equal(create(4, 8, RING, 0), -EINVAL);
	assert_int_equal(create(0, 0, RING, BPF_F_MMAPABLE), -EINVAL);
	assert_int_equal(create(0, 0, RING, BPF_F_NO_PREALLOC), -EINVAL);
}

static int map_errno(int fd, size_t size, int prot, int flags, size_t offset)
{
	void *p = mmap(NULL, size, prot, flags, fd, (off_t)offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, size);
	return 0;
}

static void the_consumer_page_can_be_read_only(void **state)
{
	size_t page = page_size();
	int fd;
	void *p;

	(void)state;
	need_bpf();
	fd = some_map();
	assert_int_equal(map_errno(fd, page, PROT_READ, MAP_SHARED, 0), 0);
	assert_int_equal(map_errno(fd, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM);
	assert_int_equal(map_errno(fd, page, PROT_WRITE, MAP_SHARED, 0), EPERM);
	assert_int_equal(map_errno(fd, 2 * page + 2 * RING, PROT_READ | PROT_WRITE, MAP_SHARED, 0),
			 EPERM);
	/* Nor can it be made writable afterwards. */
	p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p, page, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	munmap(p, page);
	close(fd);
}

static void the_other_pages_can_be_written(void **state)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t page = page_size(), all = 2 * page + 2 * RING;
	int fd;

	(void)state;
	need_bpf();
	fd = some_map();
	assert_int_equal(map_errno(fd, page, rw, MAP_SHARED, page), 0);
	assert_int_equal(map_errno(fd, page + 2 * RING, rw, MAP_SHARED, page), 0);
	assert_int_equal(map_errno(fd, RING, rw, MAP_SHARED, 2 * page + RING), 0);
	assert_int_equal(map_errno(fd, all, PROT_READ, MAP_SHARED, 0), 0);
	assert_int_equal(map_errno(fd, all + page, PROT_READ, MAP_SHARED, 0), EINVAL);
	assert_int_equal(map_errno(fd, page, rw, MAP_SHARED, all), EINVAL);
	assert_int_equal(map_errno(fd, page, rw, MAP_PRIVATE, page), EINVAL);
	close(fd);
}

static void a_new_ring_is_all_zero(void **state)
{
	struct chute_ring ring;
	const char *p;
	size_t i;
	int fd;

	(void)state;
	need_bpf();
	fd = some_map();
	assert_int_equal(chute_ring_map(&ring, fd), 0);
	assert_int_equal(ring.consumer->consumer_pos, 0);
	for (p = (const char *)ring.producer, i = 0; i < page_size() + RING; i++)
		assert_int_equal(p[i], 0);
	chute_ring_unmap(&ring);
	close(fd);
}

/* From byte 24 of the producer's page on, nobody but the processes that share it
 * reads or writes: a drain leaves it alone, and a child's words arrive. */
static void the_rest_of_the_producer_page_is_shared_memory(void **state)
{
	struct chute_ring child;
	struct runner *r;
	unsigned char *page;
	size_t i;
	pid_t pid;
	int status;

	(void)state;
	need_bpf();
	r = runner_open_kernel(RING);
	page = (unsigned char *)r->ring.producer;
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (!pid) {
		if (chute_ring_map(&child, r->ring.fd))
			_exit(1);
		for (i = 24; i < page_size(); i++)
			((unsigned char *)child.producer)[i] = (unsigned char)(i * 11);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	runner_publish(r, runner_put(r, runner_put(r, 0, 40), 8));
	assert_int_equal(runner_drain_flags(r, 0), 2);
	for (i = 24; i < page_size(); i++)
		assert_int_equal(page[i], (unsigned char)(i * 11));
	runner_close(r);
}

static short polled(const struct runner *r)
{
	struct pollfd p = { .fd = r->ring.fd, .events = POLLOUT | POLLIN };

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

static void poll_says_writable_if_any_byte_is_free(void **state)
{
	static const unsigned long starts[] = { 0, RING / 2, RING - 8 };
	unsigned long used, pos;
	struct runner *r;
	size_t i;

	(void)state;
	need_bpf();
	r = runner_open_kernel(RING);
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		runner_place(r, starts[i]);
		pos = runner_consumer_pos(r);
		for (used = 0; used < RING; used += 8) {
			runner_publish(r, pos + used);
			assert_int_equal(polled(r), POLLOUT);
		}
		/* Not even a record fits; a byte is what the kernel asks for. */
		runner_publish(r, pos + RING - 1);
		assert_int_equal(polled(r), POLLOUT);
		runner_publish(r, pos + RING);
		assert_int_equal(polled(r), 0);
		runner_publish(r, pos + RING + 8);
		assert_int_equal(polled(r), 0);
		runner_publish(r, pos - 8);
		assert_int_equal(polled(r), 0);
		runner_publish(r, pos);
	}
	runner_close(r);
}

const struct kernel_case kernel_cases[] = {
#define CASE(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}
	CASE(a_map_is_made_of_a_power_of_two_of_pages),
	CASE(any_other_size_is_EINVAL),
	CASE(a_key_or_a_value_or_a_flag_is_EINVAL),
	CASE(the_consumer_page_can_be_read_only),
	CASE(the_other_pages_can_be_written),
	CASE(a_new_ring_is_all_zero),
	CASE(the_rest_of_the_producer_page_is_shared_memory),
	CASE(poll_says_writable_if_any_byte_is_free),
#undef CASE
};

const size_t kernel_case_count = sizeof(kernel_cases) / sizeof(kernel_cases[0]);
