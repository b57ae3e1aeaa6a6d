// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_ring: memory rings are made, sealed and mapped as they should be, and what is
 * none is refused whatever it says of itself.
 */
#include "child.h"
#include "plain.h"

#include <chute/drain.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 4096

static int new_memory(size_t size)
{
	int fd = chute_memory("ring", size);

	assert_true(fd >= 0);
	return fd;
}

static void only_powers_of_two_of_whole_pages_are_sizes(void **state)
{
	static const size_t bad[] = { 0,
				      1,
				      8,
				      2048,
				      4095,
				      4097,
				      8191,
				      8193,
				      3 * 4096,
				      (1 << 20) + 1,
				      SIZE_MAX,
				      SIZE_MAX / 2 + 2,
				      (1UL << 31) + 4096 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chute_memory("ring", bad[i]), -EINVAL);
		assert_int_equal(chute_map("ring", bad[i]), -EINVAL);
	}
	if (SIZE_MAX > UINT32_MAX) {
		assert_int_equal(chute_memory("ring", SIZE_MAX / 2 + 1), -EINVAL);
		assert_int_equal(chute_memory("ring", 2 * (1UL << 31)), -EINVAL);
		assert_int_equal(chute_map("ring", 2 * (1UL << 31)), -EINVAL);
	}
}

static void a_memory_ring_says_what_it_is(void **state)
{
	struct chute_consumer *consumer;
	struct chute *c;
	struct stat st;
	size_t size;
	int fd;

	(void)state;
	for (size = SIZE; size <= 1 << 20; size *= 4) {
		errno = UNTOUCHED;
		fd = new_memory(size);
		c = chute_open_memory(fd, NULL);
		assert_non_null(c);
		consumer = chute_consumer_open(fd);
		assert_non_null(consumer);
		assert_int_equal(errno, UNTOUCHED);
		assert_int_equal(chute_size(c), size);
		assert_int_equal(chute_payload_max(c), size - 8);
		assert_int_equal(chute_consumer_size(consumer), size);
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		/* Every block is there: no later write finds the file system full. */
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, 2 * 4096 + size);
		assert_true(st.st_blocks * 512 >= st.st_size);
		chute_consumer_close(consumer);
		chute_close(c);
		close(fd);
	}
}

static void a_memory_ring_cant_be_truncated(void **state)
{
	int fd = new_memory(SIZE);

	(void)state;
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
}

/* Raw bytes, in the file: the data is once there, and twice in memory. */
static void a_record_that_wraps_is_contiguous(void **state)
{
	static const __u32 sizes[] = { 0, 1, 7, 8, 9, SIZE - 8 };
	unsigned char bytes[16 + SIZE], header[8];
	struct chute_consumer *consumer;
	struct chute *c;
	char *payload;
	size_t i;
	int fd, j;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (j = 0; j < START_COUNT; j++) {
			unsigned long pos = start_pos_at(SIZE, j);
			const off_t off = (off_t)(pos & (SIZE - 1));
			const size_t before_end = SIZE - (size_t)off - 8;

			fd = new_memory(SIZE);
			assert_int_equal(pwrite(fd, &pos, sizeof(pos), 0), sizeof(pos));
			assert_int_equal(pwrite(fd, &pos, sizeof(pos), 4096), sizeof(pos));
			c = chute_open_memory(fd, NULL);
			assert_non_null(c);
			payload = chute_reserve(c, sizes[i]);
			assert_non_null(payload);
			memset(payload, 'w', sizes[i]);
			chute_submit(c, payload);

			assert_int_equal(pread(fd, header, 8, 8192 + off), 8);
			assert_int_equal(header[0] | header[1] << 8, sizes[i]);
			assert_int_equal(pread(fd, bytes, SIZE, 8192), SIZE);
			memcpy(bytes + SIZE, bytes, 16);
			if (sizes[i] > before_end) {
				/* Its end is at the beginning of the data. */
				assert_int_equal(bytes[0], 'w');
				assert_int_equal(bytes[sizes[i] - before_end - 1], 'w');
				assert_int_equal(bytes[sizes[i] - before_end],
						 sizes[i] == SIZE - 8 ? header[0] : 0);
			}
			if (before_end && sizes[i])
				assert_int_equal(bytes[off + 8], 'w');
			assert_int_equal(pread(fd, &pos, sizeof(pos), 4096), sizeof(pos));
			assert_int_equal(pos, (unsigned long)(start_pos_at(SIZE, j) +
							      chute_record_bytes(sizes[i])));
			consumer = chute_consumer_open(fd);
			assert_non_null(consumer);
			chute_consumer_close(consumer);
			chute_close(c);
			close(fd);
		}
	}
}

static void assert_no_ring(int fd, int err)
{
	errno = 0;
	assert_null(chute_open_memory(fd, NULL));
	assert_int_equal(errno, err);
	errno = 0;
	assert_null(chute_consumer_open(fd));
	assert_int_equal(errno, err);
}

/* Of a file's first page, at @off bytes, @size bytes. */
struct change {
	size_t off, size;
	__u64 value;
};

static void a_file_that_lies_about_itself_is_einval(void **state)
{
	const size_t magic = offsetof(struct chute_consumer_page, magic),
		     version = offsetof(struct chute_consumer_page, version),
		     size = offsetof(struct chute_consumer_page, size),
		     page_size = offsetof(struct chute_consumer_page, page_size);
	const struct change changes[] = {
		{ magic, 4, 0 },
		{ magic, 4, 0x63687574 },
		{ version, 4, 0 },
		{ version, 4, 2 },
		{ version, 4, 0xffffffff },
		{ page_size, 8, 0 },
		{ page_size, 8, 8192 },
		{ page_size, 8, 1ULL << 63 },
		{ size, 8, 0 },
		{ size, 8, 8 },
		{ size, 8, 2048 },
		{ size, 8, 8192 },
		{ size, 8, 4097 },
		{ size, 8, 1ULL << 31 },
		{ size, 8, 1ULL << 32 },
		{ size, 8, (1ULL << 32) + 4096 },
		{ size, 8, 1ULL << 63 },
		{ size, 8, ~0ULL },
		{ size, 8, -8192ULL },
	};
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		fd = new_memory(SIZE);
		assert_int_equal(
			pwrite(fd, &changes[i].value, changes[i].size, (off_t)changes[i].off),
			changes[i].size);
		assert_no_ring(fd, EINVAL);
		close(fd);
	}
}

static void a_file_of_the_wrong_length_is_einval(void **state)
{
	static const off_t lengths[] = { 0,    1,	    64,		 200,	      4095,   4096,
					 8192, 8192 + 4095, 8192 + 4097, 8192 + 8192, 1 << 30 };
	char path[] = "/dev/shm/chute-test-XXXXXX";
	size_t i;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(chute_memory_format(fd, SIZE), 0);
	/* Not a second time. */
	assert_int_equal(chute_memory_format(fd, SIZE), -EINVAL);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(ftruncate(fd, lengths[i]), 0);
		assert_no_ring(fd, EINVAL);
		if (!lengths[i])
			assert_int_equal(chute_memory_format(fd, SIZE), 0);
	}
	close(fd);
}

static void a_file_as_long_as_its_size_is_wrong_is_einval(void **state)
{
	static const __u64 sizes[] = { 0, 8, 2048, 4095, 4104, 3 * 4096, 1ULL << 32 };
	char path[] = "/dev/shm/chute-test-XXXXXX";
	size_t i;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(chute_memory_format(fd, SIZE), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ftruncate(fd, (off_t)(2 * 4096 + sizes[i])), 0);
		assert_int_equal(pwrite(fd, &sizes[i], sizeof(sizes[i]),
					offsetof(struct chute_consumer_page, size)),
				 sizeof(sizes[i]));
		assert_no_ring(fd, EINVAL);
	}
	close(fd);
}

static void what_is_no_file_is_refused(void **state)
{
	static const char *const paths[] = { "/dev/zero", "/dev/null", "/proc", "/proc/self/stat" };
	int fds[2], fd;
	size_t i;

	(void)state;
	assert_no_ring(-1, EBADF);
	assert_int_equal(chute_memory_format(-1, SIZE), -EBADF);
	assert_int_equal(pipe(fds), 0);
	assert_no_ring(fds[0], EINVAL);
	assert_int_equal(chute_memory_format(fds[1], SIZE), -EINVAL);
	close(fds[0]);
	close(fds[1]);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_no_ring(fd, EINVAL);
		close(fd);
	}
	/* A file may be empty and still not be one that can be written. */
	fd = open("/dev/shm", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(chute_memory_format(fd, SIZE), 0);
	assert_no_ring(fd, EBADF);
	close(fd);
}

static void a_ring_that_may_not_be_written_is_eacces(void **state)
{
	char path[64];
	int fd, read_only;

	(void)state;
	fd = new_memory(SIZE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read_only >= 0);
	assert_no_ring(read_only, EACCES);
	close(read_only);
	close(fd);
}

/* A tmpfs of its own, mounted in a child with a mount namespace of its own. */
static int format_on_a_small_file_system(void *arg)
{
	const char *dir = "/dev/shm";
	int fd, err;

	(void)arg;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=64k"))
		return 77;
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return 1;
	err = chute_memory_format(fd, 1 << 20);
	if (err != -ENOSPC)
		return 2;
	/* It is as empty as before, and can become a smaller ring. */
	if (lseek(fd, 0, SEEK_END) != 0 || chute_memory_format(fd, SIZE))
		return 3;
	return chute_open_memory(fd, NULL) ? 0 : 4;
}

static void a_full_file_system_is_enospc(void **state)
{
	int status = in_child(format_on_a_small_file_system, NULL);

	(void)state;
	if (status == 77)
		skip_because("no file system can be mounted (unshare(2), mount(2))");
	assert_int_equal(status, 0);
}

static void options_grow(void **state)
{
	struct {
		struct chute_opts opts;
		char more[64];
	} large;
	const struct chute_opts only_sz = { .sz = sizeof(size_t) };
	const struct chute_opts flags = { .sz = sizeof(flags), .flags = CHUTE_NO_SPIN };
	const struct chute_opts too_small = { .sz = sizeof(size_t) - 1 };
	const struct chute_opts no_sz = { .sz = 0 };
	const struct chute_opts unknown = { .sz = sizeof(unknown), .flags = 1U << 31 };
	const struct chute_opts *const good[] = { NULL, &only_sz, &flags, &large.opts };
	const struct chute_opts *const bad[] = { &too_small, &no_sz, &unknown };
	struct chute *c;
	size_t i;
	int fd;

	(void)state;
	fd = new_memory(SIZE);
	/* What a library of tomorrow knows more: not asked for, so no matter. */
	memset(&large, 0, sizeof(large));
	large.opts.sz = sizeof(large);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		c = chute_open_memory(fd, good[i]);
		assert_non_null(c);
		chute_close(c);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(chute_open_memory(fd, bad[i]));
		assert_int_equal(errno, EINVAL);
	}
	/* Asked for. */
	large.more[63] = 1;
	assert_null(chute_open_memory(fd, &large.opts));
	assert_int_equal(errno, EINVAL);
	large.opts.sz = sizeof(large) - 1;
	c = chute_open_memory(fd, &large.opts);
	assert_non_null(c);
	chute_close(c);
	/* What a program of yesterday does not have is not read. */
	memset(&large, 0xff, sizeof(large));
	large.opts.sz = sizeof(size_t);
	c = chute_open_memory(fd, &large.opts);
	assert_non_null(c);
	chute_close(c);
	close(fd);
}

static void a_handle_keeps_the_ring_when_its_descriptor_is_closed(void **state)
{
	int fd = new_memory(SIZE);
	struct chute *c = chute_open_memory(fd, NULL);

	(void)state;
	assert_non_null(c);
	close(fd);
	assert_int_equal(chute_send(c, "x", 1, 0), 0);
	assert_int_equal(chute_used(c), 16);
	chute_close(c);
	chute_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_powers_of_two_of_whole_pages_are_sizes),
		cmocka_unit_test(a_memory_ring_says_what_it_is),
		cmocka_unit_test(a_memory_ring_cant_be_truncated),
		cmocka_unit_test(a_record_that_wraps_is_contiguous),
		cmocka_unit_test(a_file_that_lies_about_itself_is_einval),
		cmocka_unit_test(a_file_of_the_wrong_length_is_einval),
		cmocka_unit_test(a_file_as_long_as_its_size_is_wrong_is_einval),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(a_ring_that_may_not_be_written_is_eacces),
		cmocka_unit_test(a_full_file_system_is_enospc),
		cmocka_unit_test(options_grow),
		cmocka_unit_test(a_handle_keeps_the_ring_when_its_descriptor_is_closed),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
