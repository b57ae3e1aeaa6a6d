// SPDX-License-Identifier: BSD-2-Clause
/* test_inspect: the walk over the machine's maps, and looking at records without
 * consuming them. */
#include "support.h"

#include "ring/ring.h"

#include <chute/chute.h>
#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE 4096

/* A map of another type, with the same name. */
static int make_array(const char *name)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	strcpy(attr.map_name, name);
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static void a_walk_meets_every_ring_once_and_in_order(void **state)
{
	struct chute_map_info info = { .sz = sizeof(info) };
	int fds[3], array, i, found = 0;
	__u32 last = 0;

	(void)state;
	need_bpf();
	array = make_array("chute_walk_long");
	assert_true(array >= 0);
	for (i = 0; i < 3; i++) {
		fds[i] = chute_map("chute_walk_longer", SIZE << i);
		assert_true(fds[i] >= 0);
	}
	while (!chute_map_next(&info)) {
		assert_true(info.id > last);
		last = info.id;
		if (strcmp(info.name, "chute_walk_long"))
			continue;
		assert_int_equal(info.size, SIZE << found);
		found++;
	}
	assert_int_equal(found, 3);
	assert_int_equal(chute_map_next(&info), -ENOENT);
	assert_int_equal(info.id, last);
	close(array);
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

static void a_map_is_found_by_its_id_and_known_by_its_descriptor(void **state)
{
	struct chute_map_info info = { .sz = sizeof(info) }, again = { .sz = sizeof(again) };
	int fd, array, other;

	(void)state;
	need_bpf();
	fd = chute_map("chute_known", SIZE);
	array = make_array("chute_known");
	assert_int_equal(chute_map_identify(fd, &info), 0);
	assert_string_equal(info.name, "chute_known");
	assert_int_equal(info.size, SIZE);
	other = chute_map_by_id(info.id);
	assert_true(other >= 0);
	assert_true(fcntl(other, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(chute_map_identify(other, &again), 0);
	assert_int_equal(again.id, info.id);
	assert_int_equal(chute_map_identify(array, &again), -EINVAL);
	again.sz--;
	assert_int_equal(chute_map_identify(fd, &again), -EINVAL);
	assert_int_equal(chute_map_by_id(~0U), -ENOENT);
	assert_int_equal(chute_map_by_path("/nowhere", O_RDWR), -ENOENT);
	close(other);
	close(array);
	close(fd);
}

static void a_walk_writes_no_more_than_the_caller_knows(void **state)
{
	struct chute_map_info info = { .sz = sizeof(info) - 1 };

	(void)state;
	assert_int_equal(chute_map_next(&info), -EINVAL);
	assert_int_equal(info.id, 0);
}

struct pair {
	struct chute *c;
	struct chute_consumer *consumer;
	struct chute_producer_page *page;
};

static void open_pair(struct pair *p)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = chute_memory("test", SIZE);

	assert_true(fd >= 0);
	p->c = chute_open_memory(fd, NULL);
	p->consumer = chute_consumer_open(fd);
	p->page = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)page);
	assert_non_null(p->c);
	assert_non_null(p->consumer);
	assert_true(p->page != MAP_FAILED);
	close(fd);
}

static void close_pair(struct pair *p)
{
	munmap(p->page, (size_t)sysconf(_SC_PAGESIZE));
	chute_consumer_close(p->consumer);
	chute_close(p->c);
}

static int count_call(const void *payload, __u32 size, void *ctx)
{
	struct pair *p = ctx;

	(void)payload, (void)size;
	/* In a callback it is where the record is. */
	assert_int_equal(chute_consumer_pos(p->consumer), 0);
	return 1;
}

static void pending_records_are_seen_and_stay(void **state)
{
	struct chute_record r;
	struct pair p;
	void *discarded, *busy, *after;

	(void)state;
	open_pair(&p);
	assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 0, &r), 0);
	assert_int_equal(chute_send(p.c, "one", 3, 0), 0);
	discarded = chute_reserve(p.c, 9);
	chute_discard(p.c, discarded);
	busy = chute_reserve(p.c, 0);
	after = chute_reserve(p.c, 1);
	chute_submit(p.c, after);

	assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 0, &r), 1);
	assert_true(r.pos == 0 && r.next_pos == 16 && r.size == 3 && r.flags == 0);
	assert_memory_equal(r.payload, "one", 3);
	assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 16, &r), 1);
	assert_true(r.next_pos == 40 && r.size == 9 && r.flags == CHUTE_DISCARD);
	assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 40, &r), 1);
	assert_true(r.next_pos == 48 && r.size == 0 && r.flags == CHUTE_BUSY);
	assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 48, &r), 1);
	assert_true(r.next_pos == 64 && r.size == 1 && r.flags == 0);
	assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 64, &r), 0);

	assert_int_equal(chute_consumer_pos(p.consumer), 0);
	assert_int_equal(chute_drain(p.consumer, count_call, &p, 0), 1);
	assert_int_equal(chute_consumer_pos(p.consumer), 16);
	chute_submit(p.c, busy);
	close_pair(&p);
}

/* Where a drain would be refused, so is a look; where it would stop, so does it. */
static void a_look_says_what_a_drain_would(void **state)
{
	static const struct {
		unsigned long producer_pos;
		__u32 len;
		int want;
	} cases[] = {
		{ 0, 0, 0 },
		{ 8, 0, 1 },
		{ 12, 0, -EINVAL },
		{ 16, 8, 1 },
		{ 16, 9, -EINVAL },
		{ 16, CHUTE_DISCARD | 9, -EINVAL },
		{ 16, CHUTE_BUSY | CHUTE_DISCARD | 8, 1 },
		{ SIZE, SIZE - 8, 1 },
		{ SIZE + 8, SIZE, -E2BIG },
		{ 1UL << 30, CHUTE_PAYLOAD_MAX + 1, -E2BIG },
		{ ~7UL, CHUTE_LENGTH_MASK, -E2BIG },
	};
	struct chute_header *header;
	struct chute_record r;
	struct pair p;
	size_t i;
	long drained;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_pair(&p);
		/* A header stands before its payload. */
		header = (struct chute_header *)chute_reserve(p.c, 0) - 1;
		header->len = cases[i].len;
		chute_store_release(&p.page->producer_pos, cases[i].producer_pos);
		assert_int_equal(chute_peek(chute_consumer_view(p.consumer), 0, &r), cases[i].want);
		drained = chute_drain(p.consumer, count_call, &p, 0);
		if (cases[i].want < 0)
			assert_int_equal(drained, cases[i].want);
		else
			assert_int_equal(drained, cases[i].want && !(cases[i].len & CHUTE_DISCARD));
		close_pair(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_meets_every_ring_once_and_in_order),
		cmocka_unit_test(a_map_is_found_by_its_id_and_known_by_its_descriptor),
		cmocka_unit_test(a_walk_writes_no_more_than_the_caller_knows),
		cmocka_unit_test(pending_records_are_seen_and_stay),
		cmocka_unit_test(a_look_says_what_a_drain_would),
	};

	return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
