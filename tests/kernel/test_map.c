// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_map: rings in BPF maps are made and pinned, found by descriptor, path and id, and
 * hold the same bytes as a memory ring; what is no such map is refused.
 */
#include "kring.h"
#include "plain.h"

#include "ring/bpf.h"

#include <chute/drain.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define SIZE 4096

static void a_map_is_made_with_a_name_that_the_kernel_takes(void **state)
{
	int fd;

	(void)state;
	need_bpf();
	assert_int_equal(chute_map("no name", SIZE), -EINVAL);
	fd = chute_map("a_name_that_is_far_too_long_for_a_map", SIZE);
	assert_true(fd >= 0);
	close(fd);
}

/* By descriptor, by path and by id it is the same ring. */
static void a_map_is_found_by_descriptor_path_and_id(void **state)
{
	static const char path[] = "/sys/fs/bpf/chute-test-ring";
	struct bpf_map_info info;
	struct chute *c;
	struct kring k;

	(void)state;
	kring_open(&k, SIZE);
	errno = UNTOUCHED;
	c = chute_open_map(k.map_fd, NULL);
	assert_non_null(c);
	assert_int_equal(errno, UNTOUCHED);
	assert_int_equal(chute_size(c), SIZE);
	chute_submit(c, chute_reserve(c, 8));
	chute_close(c);

	/* In a bpffs of this program's own: the machine may have none. */
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		skip_because("no bpffs can be mounted");
	assert_int_equal(chute_pin(k.map_fd, path), 0);
	c = chute_open_path(path, NULL);
	unlink(path);
	assert_non_null(c);
	assert_int_equal(chute_used(c), 16);
	chute_submit(c, chute_reserve(c, 8));
	chute_close(c);

	assert_int_equal(chute_bpf_map_info(k.map_fd, &info), 0);
	c = chute_open_id(info.id, NULL);
	assert_non_null(c);
	assert_int_equal(chute_used(c), 32);
	assert_int_equal(kring_drain(&k, 0, 0), 2);
	assert_int_equal(chute_used(c), 0);
	chute_close(c);
	kring_close(&k);
}

static void what_is_no_ring_in_a_map_is_refused(void **state)
{
	struct chute *c;
	struct kring k;
	int fd;

	(void)state;
	kring_open(&k, SIZE);
	assert_null(chute_open_map(-1, NULL));
	assert_int_equal(errno, EBADFD);
	/* The type of a program for BPF_PROG_TEST_RUN has the same number. */
	assert_null(chute_open_map(k.count_fd, NULL));
	assert_int_equal(errno, EINVAL);
	fd = chute_memory("map", SIZE);
	assert_true(fd >= 0);
	assert_null(chute_open_map(fd, NULL));
	assert_int_equal(errno, EINVAL);
	close(fd);
	assert_null(chute_open_path("/sys/fs/bpf/no/such/map", NULL));
	assert_int_equal(errno, ENOENT);
	assert_null(chute_open_id(0xfffffff0, NULL));
	assert_int_equal(errno, ENOENT);
	/* A map is no memory ring. */
	assert_null(chute_open_memory(k.map_fd, NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(chute_consumer_open(k.map_fd));
	assert_int_equal(errno, EPERM);
	c = chute_open_map(k.map_fd, NULL);
	assert_non_null(c);
	chute_close(c);
	kring_close(&k);
}

/* From the beginning, the middle and the last 8 bytes: what the kernel is to read. */
static void records_lie_in_the_map_byte_for_byte(void **state)
{
	static const __u32 sizes[] = { 0, 1, 7, 8, 9, SIZE - 8 };
	static const __u32 starts[] = { 0, SIZE / 2, SIZE - 8 };
	static const char filler[SIZE];
	const struct chute_ring *ring;
	const unsigned char *data;
	unsigned long pos;
	struct chute *c;
	struct kring k;
	size_t s, i;
	char *payload;
	__u32 j;

	(void)state;
	for (s = 0; s < 3; s++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			kring_open(&k, SIZE);
			c = chute_open_map(k.map_fd, NULL);
			assert_non_null(c);
			ring = &chute_producer_of(c)->ring;
			if (starts[s]) {
				assert_int_equal(chute_send(c, filler, starts[s] - 8, 0), 0);
				assert_int_equal(kring_drain(&k, 0, 0), 1);
			}
			payload = chute_reserve(c, sizes[i]);
			assert_ptr_equal(payload, ring->data + starts[s] + 8);
			assert_int_equal(ring->producer->producer_pos, starts[s]);
			memset(payload, 'w', sizes[i]);
			chute_submit(c, payload);
			pos = starts[s] + chute_record_bytes(sizes[i]);
			assert_int_equal(ring->producer->producer_pos, pos);
			/* What wraps is at the beginning of the data as well. */
			data = (const unsigned char *)ring->data;
			assert_int_equal(data[starts[s]], sizes[i] & 0xff);
			assert_int_equal(data[starts[s] + 1], sizes[i] >> 8);
			assert_int_equal(data[starts[s] + 2] | data[starts[s] + 3], 0);
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(data[(starts[s] + 8 + j) % SIZE], 'w');
			assert_int_equal(kring_drain_written(&k), 1);
			assert_int_equal(k.written->size, sizes[i]);
			assert_int_equal(ring->consumer->consumer_pos, pos);
			chute_close(c);
			kring_close(&k);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_made_with_a_name_that_the_kernel_takes),
		cmocka_unit_test(a_map_is_found_by_descriptor_path_and_id),
		cmocka_unit_test(what_is_no_ring_in_a_map_is_refused),
		cmocka_unit_test(records_lie_in_the_map_byte_for_byte),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
