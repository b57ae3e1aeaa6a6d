// SPDX-License-Identifier: BSD-2-Clause
/* rows.c: every row of the six calls' contract, as a line each: what was tried, and the
 * errno value's name, or "ok". */
#include "common.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SIZE	  4096
#define UNTOUCHED 4711

/* What a call that succeeds leaves errno as. */
static void expect_nothing(void)
{
	errno = UNTOUCHED;
}

static void row(const char *what, const void *result)
{
	const char *outcome;

	if (result)
		outcome = errno == UNTOUCHED ? "ok" : "ok, but errno was touched";
	else
		outcome = strerrorname_np(errno);
	printf("%s: %s\n", what, outcome ? outcome : "?");
}

static void try_new(const char *what, int fd, const void *opts)
{
	struct user_ring_buffer *rb;

	expect_nothing();
	rb = user_ring_buffer__new(fd, opts);
	row(what, rb);
	user_ring_buffer__free(rb);
}

static void rows_of_descriptors(struct drain_bpf *ring)
{
	int array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "array", 4, 8, 1, NULL);
	int ringbuf = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ringbuf", 0, 0, SIZE, NULL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct rlimit none = { 3, 1024 }, usual = { 1024, 1024 };
	char big[64] = { 0 };
	size_t opts[8] = { 0 };
	int fd = ring_fd(ring);

	try_new("new, a ring", fd, NULL);
	try_new("new, descriptor -1", -1, NULL);
	try_new("new, descriptor INT_MAX", INT_MAX, NULL);
	try_new("new, a closed descriptor", 999, NULL);
	try_new("new, an array", array, NULL);
	try_new("new, a kernel producer's ring", ringbuf, NULL);
	try_new("new, no BPF object", null, NULL);
	try_new("new, a program", bpf_program__fd(ring->progs.drain_and_count), NULL);
	setrlimit(RLIMIT_NOFILE, &none);
	try_new("new, no descriptor is left", fd, NULL);
	setrlimit(RLIMIT_NOFILE, &usual);

	opts[0] = sizeof(size_t);
	try_new("new, opts", fd, opts);
	opts[0] = 0;
	try_new("new, opts of size 0", fd, opts);
	opts[0] = sizeof(size_t) - 1;
	try_new("new, opts shorter than their size", fd, opts);
	opts[0] = sizeof(big);
	memcpy(big, opts, sizeof(size_t));
	try_new("new, opts with zeroes behind", fd, big);
	big[sizeof(big) - 1] = 1;
	try_new("new, opts with a byte behind", fd, big);
	try_new("new, bad opts and a bad descriptor", -1, big);
	close(array);
	close(ringbuf);
	close(null);
}

static void try_reserve(struct user_ring_buffer *rb, const char *what, __u32 size)
{
	void *sample;
	char text[128];

	expect_nothing();
	sample = user_ring_buffer__reserve(rb, size);
	snprintf(text, sizeof(text), "reserve %u, %s", size, what);
	row(text, sample);
	if (sample && (uintptr_t)sample % 8)
		printf("and it is not aligned\n");
	if (sample)
		user_ring_buffer__submit(rb, sample);
}

static void rows_of_sizes(struct drain_bpf *ring)
{
	static const __u32 fits[] = { 0, 1, 7, 8, 9, 4080, 4081, 4087, 4088 };
	static const __u32 never[] = { 4089,	       4096,	 4097,	   1U << 24,
				       (1U << 30) - 1, 1U << 30, 1U << 31, UINT_MAX - 15,
				       UINT_MAX - 7,   UINT_MAX };
	struct user_ring_buffer *rb = handle(ring);
	size_t i;

	for (i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
		try_reserve(rb, "empty", fits[i]);
		ring_drain(ring, 0);
	}
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		try_reserve(rb, "empty", never[i]);
	ring_fill(rb, SIZE, 64);
	try_reserve(rb, "64 are free", 57);
	try_reserve(rb, "64 are free", 4088);
	try_reserve(rb, "64 are free", 4089);
	try_reserve(rb, "64 are free", UINT_MAX);
	try_reserve(rb, "64 are free", 56);
	try_reserve(rb, "full", 0);
	try_reserve(rb, "full", 4089);
	ring_drain(ring, 0);
	try_reserve(rb, "drained", 4088);
	ring_drain(ring, 0);
	user_ring_buffer__free(rb);
	user_ring_buffer__free(NULL);
}

static void try_blocking(struct user_ring_buffer *rb, const char *what, __u32 size, int timeout_ms)
{
	__s64 start = clock_ns(), took;
	void *sample;
	char text[128];

	expect_nothing();
	sample = user_ring_buffer__reserve_blocking(rb, size, timeout_ms);
	took = clock_ns() - start;
	snprintf(text, sizeof(text), "reserve_blocking %u for %d ms, %s", size, timeout_ms, what);
	row(text, sample);
	if (!sample && errno == ENOSPC &&
	    (took < timeout_ms * 1000000LL || took > (timeout_ms + 60000) * 1000000LL))
		printf("and not in time\n");
	if (sample)
		user_ring_buffer__discard(rb, sample);
}

static void rows_of_timeouts(struct drain_bpf *ring)
{
	struct user_ring_buffer *rb = handle(ring);

	try_blocking(rb, "empty", 8, 0);
	try_blocking(rb, "empty", 8, 1);
	try_blocking(rb, "empty", 8, -1);
	try_blocking(rb, "empty", 8, -2);
	try_blocking(rb, "empty", 8, INT_MIN);
	try_blocking(rb, "empty", 4089, -1);
	try_blocking(rb, "empty", UINT_MAX, -1);
	try_blocking(rb, "empty", 4089, -2);
	ring_drain(ring, 0);
	ring_fill(rb, SIZE, 64);
	try_blocking(rb, "64 are free", 64, 0);
	try_blocking(rb, "64 are free", 64, 1);
	try_blocking(rb, "64 are free", 64, 30);
	try_blocking(rb, "64 are free", 64, -2);
	try_blocking(rb, "64 are free", 4089, -1);
	try_blocking(rb, "64 are free", 56, -1);
	try_blocking(rb, "full", 0, 10);
	try_blocking(rb, "full", 0, 0);
	ring_drain(ring, 0);
	user_ring_buffer__free(rb);
}

/* The kernel takes no record that a dynptr can't describe, and refuses every drain from
 * then on. */
static void rows_of_the_longest(void)
{
	struct drain_bpf *ring = ring_open(1 << 25);
	struct user_ring_buffer *rb = handle(ring);

	try_reserve(rb, "empty, 32 MiB", (1 << 24) - 1);
	printf("drain: %d\n", ring_drain(ring, 0));
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);

	/* There is room for it, and who remembers that may be tempted. */
	ring = ring_open(1 << 25);
	rb = handle(ring);
	try_reserve(rb, "empty, 32 MiB", 8);
	try_reserve(rb, "nearly empty", 1 << 24);
	printf("drain: %d\n", ring_drain(ring, 0));
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
}

int print_rows(void)
{
	struct drain_bpf *ring = ring_open(SIZE);

	rows_of_descriptors(ring);
	rows_of_sizes(ring);
	rows_of_timeouts(ring);
	drain_bpf__destroy(ring);
	rows_of_the_longest();
	return 0;
}

/* As another program's descriptor. */
int open_inherited(int map_fd)
{
	try_new("new, inherited", map_fd, NULL);
	return 0;
}

static void print_library(const char *symbol, void *address)
{
	Dl_info info;
	const char *name;

	if (!dladdr(address, &info))
		die("dladdr");
	name = strrchr(info.dli_fname, '/');
	printf("%s: %s\n", symbol, name ? name + 1 : info.dli_fname);
}

int print_where(void)
{
	print_library("new", (void *)user_ring_buffer__new);
	print_library("reserve", (void *)user_ring_buffer__reserve);
	print_library("reserve_blocking", (void *)user_ring_buffer__reserve_blocking);
	print_library("submit", (void *)user_ring_buffer__submit);
	print_library("discard", (void *)user_ring_buffer__discard);
	print_library("free", (void *)user_ring_buffer__free);
	print_library("bpf_object__open", (void *)bpf_object__open);
	return 0;
}

static void print_record(const char *what, const unsigned long *producer_pos, const __u32 *header)
{
	printf("%s: position %lu, header %08x %08x\n", what, *producer_pos, header[0], header[1]);
}

/* From the beginning, the middle and the last 8 bytes. */
int print_bytes(void)
{
	static const __u32 starts[] = { 0, SIZE / 2, SIZE - 8 };
	static const __u32 sizes[] = { 0, 1, 7, 8, 9, SIZE - 8 };
	unsigned long *producer_pos;
	struct user_ring_buffer *rb;
	struct drain_bpf *ring;
	__u32 *header;
	void *sample;
	size_t i;

	for (i = 0; i < 3 * 6; i++) {
		ring = ring_open(SIZE);
		rb = handle(ring);
		producer_pos = mmap(NULL, 3 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				    ring_fd(ring), 4096);
		if (producer_pos == MAP_FAILED)
			die("mmap");
		header = (__u32 *)((char *)producer_pos + 4096 + starts[i / 6]);
		memset((char *)producer_pos + 4096, 0xa5, SIZE);
		if (starts[i / 6]) {
			user_ring_buffer__submit(rb,
						 user_ring_buffer__reserve(rb, starts[i / 6] - 8));
			ring_drain(ring, 0);
		}
		sample = user_ring_buffer__reserve(rb, sizes[i % 6]);
		print_record("reserved", producer_pos, header);
		memset(sample, 'x', sizes[i % 6]);
		if (sizes[i % 6] == 9) {
			user_ring_buffer__discard(rb, sample);
			print_record("discarded", producer_pos, header);
		} else {
			user_ring_buffer__submit(rb, sample);
			print_record("submitted", producer_pos, header);
		}
		printf("drain: %d\n", ring_drain(ring, 0));
		munmap(producer_pos, 3 * SIZE);
		user_ring_buffer__free(rb);
		drain_bpf__destroy(ring);
	}
	return 0;
}

int print_twice(void)
{
	struct drain_bpf *ring = ring_open(SIZE);
	struct user_ring_buffer *rb = handle(ring);
	void *sample = user_ring_buffer__reserve(rb, 8);

	user_ring_buffer__discard(rb, sample);
	user_ring_buffer__submit(rb, sample);
	printf("discarded, then submitted: drain %d\n", ring_drain(ring, 0));
	sample = user_ring_buffer__reserve(rb, 8);
	user_ring_buffer__submit(rb, sample);
	user_ring_buffer__submit(rb, NULL);
	user_ring_buffer__discard(rb, NULL);
	printf("submitted, then NULL: drain %d\n", ring_drain(ring, 0));
	user_ring_buffer__free(rb);
	drain_bpf__destroy(ring);
	return 0;
}

static int print_to_stdout(enum libbpf_print_level level, const char *format, va_list args)
{
	printf("level %d: ", level);
	return vprintf(format, args);
}

/* What a program's callback is told of a call that fails. */
int print_told(void)
{
	libbpf_print_fn_t before = libbpf_set_print(print_to_stdout);

	if (user_ring_buffer__new(-1, NULL))
		die("there should be no ring");
	printf("%s\n", libbpf_set_print(before) == print_to_stdout ? "kept" : "lost");
	return 0;
}
