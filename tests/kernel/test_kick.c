// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kick: chute_kick() and CHUTE_KICK, by a test run of the drain program or, on a
 * memory ring, by the word that a consumer sleeps on (test_drain_wait has how that
 * wakes it); and the options that name what is beside a ring in a map, right and wrong.
 */
#include "mring.h"

#include "producer/producer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a ring in a map ---- */

struct fixture {
	struct mring ring;
	int drain_fd;
};

static void open_fixture(struct fixture *f)
{
	mring_open(&f->ring, "messages", 65536);
	f->drain_fd = mring_program(&f->ring, "drain_whole");
}

static struct chute *open_kicking(struct fixture *f, int prog_fd, __u32 flags, __u32 every)
{
	const struct chute_opts opts = {
		.sz = sizeof(opts),
		.flags = flags,
		.drain_prog_fd = (__u32)prog_fd,
		.kick_every = every,
	};
	struct chute *c = chute_open_map(f->ring.map_fd, &opts);

	assert_non_null(c);
	return c;
}

static __u64 arrived(const struct fixture *f)
{
	return mring_received(&f->ring).messages;
}

static void a_kick_returns_what_the_program_returned(void **state)
{
	struct fixture f;
	struct chute *c;
	char *payload;
	int i;

	(void)state;
	open_fixture(&f);
	c = open_kicking(&f, f.drain_fd, 0, 0);
	assert_int_equal(chute_kick(c), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(chute_send(c, "kick", 4, 0), 0);
	assert_int_equal(arrived(&f), 0);
	assert_int_equal(chute_kick(c), 1000);
	assert_int_equal(arrived(&f), 1000);
	/* A header that the kernel refuses: the program's error is the kick's. */
	payload = chute_reserve(c, 8);
	chute_submit(c, payload);
	*(__u32 *)(void *)(payload - 8) = 800;
	assert_int_equal(chute_kick(c), -EINVAL);
	*(__u32 *)(void *)(payload - 8) = 8;
	assert_int_equal(chute_kick(c), 1);
	chute_close(c);
	mring_close(&f.ring);
}

/* Nobody else runs the program: who waits for space does. */
static void a_full_ring_is_kicked_before_anyone_sleeps(void **state)
{
	static const __u32 flags[] = { 0, CHUTE_KICK, CHUTE_SHARED | CHUTE_KICK };
	struct fixture f;
	struct chute *c;
	size_t i;
	int n;

	(void)state;
	open_fixture(&f);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		c = open_kicking(&f, f.drain_fd, flags[i], 1000000);
		for (n = 0; n < 20000; n++)
			assert_int_equal(chute_send(c, "kick", 4, CHUTE_FOREVER), 0);
		chute_kick(c);
		assert_int_equal(arrived(&f), 20000 * (i + 1));
		chute_close(c);
	}
	mring_close(&f.ring);
}

static void a_kick_publishes_what_is_staged_and_packed(void **state)
{
	struct fixture f;
	struct chute *c;

	(void)state;
	open_fixture(&f);
	c = open_kicking(&f, f.drain_fd, 0, 0);
	chute_stage(c, chute_reserve(c, 8));
	assert_int_equal(chute_kick(c), 1);
	assert_non_null(chute_pack(c, 8));
	assert_non_null(chute_pack(c, 8));
	assert_non_null(chute_pack(c, 9));
	assert_int_equal(chute_kick(c), 3);
	assert_int_equal(chute_kick(c), 0);
	chute_close(c);
	mring_close(&f.ring);
}

static void a_kick_without_a_program_is_eopnotsupp(void **state)
{
	struct fixture f;
	struct chute *c;

	(void)state;
	open_fixture(&f);
	c = chute_open_map(f.ring.map_fd, NULL);
	assert_non_null(c);
	assert_non_null(chute_pack(c, 8));
	assert_int_equal(chute_kick(c), -EOPNOTSUPP);
	/* Published all the same. */
	assert_int_equal(mring_run(f.drain_fd), 1);
	chute_close(c);
	mring_close(&f.ring);
}

static void a_kick_of_what_is_no_program_is_an_error(void **state)
{
	struct fixture f;
	struct chute *c;

	(void)state;
	open_fixture(&f);
	c = open_kicking(&f, 4000, CHUTE_KICK, 1);
	assert_int_equal(chute_kick(c), -EBADF);
	/* Which does not matter to a message. */
	assert_int_equal(chute_send(c, "kick", 4, 0), 0);
	chute_close(c);
	c = open_kicking(&f, f.ring.map_fd, CHUTE_KICK, 1);
	assert_int_equal(chute_kick(c), -EINVAL);
	assert_int_equal(chute_send(c, "kick", 4, 0), 0);
	chute_close(c);
	assert_int_equal(mring_run(f.drain_fd), 2);
	mring_close(&f.ring);
}

static void every_nth_message_kicks(void **state)
{
	static const __u32 everies[] = { 0, 1, 2, 3, 7, 64 };
	struct fixture f;
	struct chute *c;
	__u64 before;
	__u32 i, n, every;

	(void)state;
	open_fixture(&f);
	for (i = 0; i < sizeof(everies) / sizeof(everies[0]); i++) {
		c = open_kicking(&f, f.drain_fd, CHUTE_KICK, everies[i]);
		every = everies[i] ? everies[i] : 1;
		before = arrived(&f);
		for (n = 1; n <= 3 * every; n++) {
			assert_int_equal(chute_send(c, "kick", 4, 0), 0);
			assert_int_equal(arrived(&f) - before, n / every * every);
		}
		chute_close(c);
	}
	/* Without the flag it does not. */
	c = open_kicking(&f, f.drain_fd, 0, 1);
	before = arrived(&f);
	for (n = 0; n < 10; n++)
		assert_int_equal(chute_send(c, "kick", 4, 0), 0);
	assert_int_equal(arrived(&f), before);
	chute_close(c);
	mring_close(&f.ring);
}

/* ---- a memory ring ---- */

static void every_nth_message_tells_the_consumer_of_a_memory_ring(void **state)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = CHUTE_KICK, .kick_every = 5 };
	int fd = chute_memory("kick", 65536), i;
	struct chute *c = chute_open_memory(fd, &opts);
	struct chute_producer_page *page = chute_producer_of(c)->ring.producer;
	const __u32 *kicks = &page->data_seq;

	(void)state;
	for (i = 1; i <= 50; i++) {
		page->data_sleepers = 1;
		assert_int_equal(chute_send(c, "kick", 4, 0), 0);
		assert_int_equal(*kicks, i / 5);
		assert_int_equal(page->data_sleepers, i % 5 != 0);
	}
	page->data_sleepers = 1;
	assert_int_equal(chute_kick(c), 0);
	assert_int_equal(*kicks, 11);
	/* Nobody sleeps: nobody is woken. */
	assert_int_equal(chute_kick(c), 0);
	assert_int_equal(*kicks, 11);
	chute_close(c);
	close(fd);
}

/* ---- options ---- */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int map(enum bpf_map_type type, __u32 value_size, __u32 entries, __u32 flags)
{
	union bpf_attr attr = { 0 };

	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = value_size;
	attr.max_entries = entries;
	attr.map_flags = flags;
	return bpf(BPF_MAP_CREATE, &attr);
}

/* Its type has the number that an array has, and its length is BPF_F_MMAPABLE. */
static int kprobe_program(void)
{
	struct bpf_insn code[BPF_F_MMAPABLE / sizeof(struct bpf_insn)];
	const size_t n = sizeof(code) / sizeof(code[0]);
	union bpf_attr attr = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		code[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
	code[n - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	attr.prog_type = BPF_PROG_TYPE_KPROBE;
	attr.insns = (__u64)(unsigned long)code;
	attr.insn_cnt = (__u32)n;
	attr.license = (__u64)(unsigned long)"GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

static void expect(struct fixture *f, int side_fd, __u32 index, int error)
{
	const struct chute_opts opts = {
		.sz = sizeof(opts),
		.side_fd = (__u32)side_fd,
		.side_index = index,
	};
	struct chute *c;

	errno = 0;
	c = chute_open_map(f->ring.map_fd, &opts);
	assert_int_equal(errno, error);
	assert_int_equal(!c, !!error);
	chute_close(c);
}

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void expect_and_close(struct fixture *f, int side_fd, __u32 index, int error)
{
	assert_true(side_fd > 0);
	expect(f, side_fd, index, error);
	close(side_fd);
}

static void what_is_no_array_beside_a_ring_is_einval(void **state)
{
	const __u32 size = sizeof(struct chute_side), mmapable = BPF_F_MMAPABLE;
	struct fixture f;
	int before;

	(void)state;
	open_fixture(&f);
	before = open_descriptors();
	expect(&f, f.ring.side_fd, 0, 0);
	expect(&f, f.ring.side_fd, 1, EINVAL);
	expect(&f, f.ring.side_fd, ~0U, EINVAL);
	expect(&f, f.ring.map_fd, 0, EINVAL);
	expect(&f, f.drain_fd, 0, EINVAL);
	expect_and_close(&f, open("/dev/null", O_RDWR), 0, EINVAL);
	expect(&f, 4000, 0, EBADFD);
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, size, 1, mmapable), 0, 0);
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, size, 3, mmapable), 2, 0);
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, size, 3, mmapable), 3, EINVAL);
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, size, 1, 0), 0, EINVAL);
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, size - 8, 1, mmapable), 0, EINVAL);
	expect_and_close(&f, map(BPF_MAP_TYPE_HASH, size, 1, 0), 0, EINVAL);
	expect_and_close(&f, kprobe_program(), 0, EINVAL);
	/* Elements that do not start with a page, or lie on two of them. */
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, 4000, 9, mmapable), 1, 0);
	expect_and_close(&f, map(BPF_MAP_TYPE_ARRAY, 4000, 9, mmapable), 8, 0);
	/* Nothing is left behind by those that failed. */
	assert_int_equal(open_descriptors(), before);
	expect(&f, 0, 0, 0);
	mring_close(&f.ring);
}

static void unknown_flags_are_einval(void **state)
{
	struct chute_opts opts = { .sz = sizeof(opts) };
	int fd = chute_memory("kick", 65536), bit;

	(void)state;
	for (bit = 5; bit < 32; bit++) {
		opts.flags = CHUTE_KICK | 1U << bit;
		errno = 0;
		assert_null(chute_open_memory(fd, &opts));
		assert_int_equal(errno, EINVAL);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kick_returns_what_the_program_returned),
		cmocka_unit_test(a_full_ring_is_kicked_before_anyone_sleeps),
		cmocka_unit_test(a_kick_publishes_what_is_staged_and_packed),
		cmocka_unit_test(a_kick_without_a_program_is_eopnotsupp),
		cmocka_unit_test(a_kick_of_what_is_no_program_is_an_error),
		cmocka_unit_test(every_nth_message_kicks),
		cmocka_unit_test(every_nth_message_tells_the_consumer_of_a_memory_ring),
		cmocka_unit_test(what_is_no_array_beside_a_ring_is_einval),
		cmocka_unit_test(unknown_flags_are_einval),
	};

	return cmocka_run_group_tests_name("kick", tests, NULL, NULL);
}
