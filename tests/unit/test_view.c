// SPDX-License-Identifier: BSD-2-Clause
/* test_view: what is seen of a ring from outside, and that looking changes nothing. */
#include "child.h"
#include "mring.h"

#include "ring/ring.h"

#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 4096UL

struct seen {
	int fd;
	struct chute_view *view;
};

static void begin(struct seen *s)
{
	s->fd = chute_memory("view", SIZE);
	s->view = chute_view_open_memory(s->fd);
	assert_non_null(s->view);
}

static void end(struct seen *s)
{
	chute_view_close(s->view);
	close(s->fd);
}

static struct chute_stat stat_of(const struct seen *s)
{
	struct chute_stat stat = { .sz = sizeof(stat) };

	assert_int_equal(chute_view_stat(s->view, &stat), 0);
	return stat;
}

static struct chute *produce(const struct seen *s, __u32 flags)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	struct chute *c = chute_open_memory(s->fd, &opts);

	assert_non_null(c);
	return c;
}

static int take(const void *payload, __u32 size, void *ctx)
{
	(void)payload, (void)size, (void)ctx;
	return 0;
}

static void drain_all(const struct seen *s)
{
	struct chute_consumer *consumer = chute_consumer_open(s->fd);

	assert_non_null(consumer);
	assert_true(chute_drain(consumer, take, NULL, 0) >= 0);
	chute_consumer_close(consumer);
}

/* Single records, discarded ones and batches; one that finds the ring full. */
static void produce_some(struct chute *c)
{
	void *payload;
	int i;

	for (i = 0; i < 5; i++)
		assert_int_equal(chute_send(c, "12345678", 8, 0), 0);
	chute_discard(c, chute_reserve(c, 8));
	payload = chute_reserve_batch(c, 4, 8);
	assert_non_null(payload);
	chute_submit(c, payload);
	assert_null(chute_reserve(c, SIZE - 8));
}

static void counts_are_of_all_that_was_produced(void **state)
{
	static const __u32 flags[] = { 0, CHUTE_SHARED };
	struct chute_stat stat;
	struct chute *c;
	struct seen s;
	size_t i;

	(void)state;
	begin(&s);
	stat = stat_of(&s);
	assert_true(stat.size == SIZE && !stat.counted && !stat.producers && !stat.used);
	for (i = 0; i < 2; i++) {
		c = produce(&s, flags[i]);
		produce_some(c);
		stat = stat_of(&s);
		assert_int_equal(stat.producers, 1);
		chute_close(c);
		stat = stat_of(&s);
		assert_int_equal(stat.producers, 0);
		assert_int_equal(stat.records, 10 * (i + 1));
		assert_int_equal(stat.discards, i + 1);
		assert_int_equal(stat.full, i + 1);
		assert_true(stat.counted);
		assert_int_equal(stat.consumer_pos, 160 * i);
		assert_int_equal(stat.producer_pos, 160 * (i + 1));
		assert_int_equal(stat.used, 160);
		drain_all(&s);
	}
	end(&s);
}

static void *wait_for_space(void *arg)
{
	struct chute *c = arg;
	void *payload = chute_reserve_for(c, SIZE - 8, CHUTE_FOREVER);

	assert_non_null(payload);
	chute_submit(c, payload);
	return NULL;
}

static void who_waits_for_space_is_seen(void **state)
{
	static const __u32 flags[] = { 0, CHUTE_SHARED };
	struct chute_stat stat;
	pthread_t thread;
	struct chute *c;
	struct seen s;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(&s);
		c = produce(&s, flags[i]);
		assert_int_equal(chute_send(c, "", 0, 0), 0);
		assert_int_equal(pthread_create(&thread, NULL, wait_for_space, c), 0);
		while (!stat_of(&s).blocked)
			sched_yield();
		assert_int_equal(stat_of(&s).blocked, 1);
		drain_all(&s);
		pthread_join(thread, NULL);
		stat = stat_of(&s);
		assert_int_equal(stat.blocked, 0);
		assert_true(stat.blocked_ns > 0 && stat.full > 0);
		chute_close(c);
		end(&s);
	}
}

static int reserve(void *seen)
{
	return !chute_reserve(produce(seen, CHUTE_SHARED), 24);
}

static void an_unfinished_record_says_whose_it_is(void **state)
{
	struct chute_producer_info info = { .sz = sizeof(info) };
	struct chute_record record;
	struct chute *c;
	struct seen s;
	pid_t dead;
	void *payload;

	(void)state;
	begin(&s);
	dead = child_that_stays(reserve, &s);
	child_kill(dead, SIGKILL);
	assert_int_equal(chute_peek(s.view, 0, &record), 1);
	assert_int_equal(record.flags, CHUTE_BUSY);
	assert_int_equal(chute_view_record_producer(s.view, &record, &info), 0);
	assert_int_equal(info.pid, dead);
	assert_int_equal(info.state, CHUTE_PRODUCER_DEAD);
	assert_int_equal(stat_of(&s).producers, 0);

	c = produce(&s, CHUTE_SHARED);
	payload = chute_reserve(c, 8);
	assert_int_equal(chute_peek(s.view, record.next_pos, &record), 1);
	info = (struct chute_producer_info){ .sz = sizeof(info) };
	assert_int_equal(chute_view_record_producer(s.view, &record, &info), 0);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.state, CHUTE_PRODUCER_ALIVE);
	/* Of two, the walk finds both. */
	info = (struct chute_producer_info){ .sz = sizeof(info) };
	assert_int_equal(chute_view_producer(s.view, &info), 0);
	assert_true(info.index > 0);
	info.sz = 0;
	assert_int_equal(chute_view_producer(s.view, &info), -EINVAL);
	assert_int_equal(chute_view_record_producer(s.view, &record, &info), -EINVAL);
	chute_submit(c, payload);
	chute_close(c);
	end(&s);
}

static void a_record_that_goes_while_it_is_read_is_told(void **state)
{
	struct chute_record record;
	char copy[8] = "";
	struct chute *c;
	struct seen s;

	(void)state;
	begin(&s);
	c = produce(&s, 0);
	assert_int_equal(chute_send(c, "abcdefgh", 8, 0), 0);
	assert_int_equal(chute_view_read(s.view, 0, &record, copy, 3), 1);
	assert_string_equal(copy, "abc");
	assert_int_equal(chute_view_read(s.view, 16, &record, copy, sizeof(copy)), 0);
	drain_all(&s);
	assert_int_equal(chute_view_read(s.view, 0, &record, copy, sizeof(copy)), -EAGAIN);
	chute_close(c);
	end(&s);
}

static int write_to(void *payload)
{
	memset(payload, 0, 1);
	return 0;
}

static void nothing_can_be_written_through_a_view(void **state)
{
	struct chute_record record;
	struct chute *c;
	struct seen s;

	(void)state;
	begin(&s);
	c = produce(&s, 0);
	assert_int_equal(chute_send(c, "abcdefgh", 8, 0), 0);
	assert_int_equal(chute_peek(s.view, 0, &record), 1);
	/* A sanitizer reports it, and exits. */
	assert_int_not_equal(in_child(write_to, (void *)record.payload), 0);
	assert_memory_equal(record.payload, "abcdefgh", 8);
	chute_close(c);
	end(&s);
}

static int count_bytes(const void *payload, __u32 size, void *ctx)
{
	size_t *bytes = ctx;

	(void)payload;
	*bytes += size;
	return 0;
}

static void an_image_is_a_ring_with_the_same_records(void **state)
{
	int image = memfd_create("image", MFD_CLOEXEC), other = memfd_create("other", MFD_CLOEXEC);
	struct chute_stat before, after;
	struct chute_consumer *consumer;
	size_t bytes = 0;
	struct chute *c;
	struct seen s, i = { .fd = image };

	(void)state;
	begin(&s);
	c = produce(&s, 0);
	produce_some(c);
	drain_all(&s);
	produce_some(c);
	assert_int_equal(chute_view_save(s.view, image), 0);
	assert_int_equal(chute_view_save(s.view, image), -EINVAL);
	before = stat_of(&s);

	i.view = chute_view_open_memory(image);
	assert_non_null(i.view);
	after = stat_of(&i);
	/* Nobody produces on it. */
	assert_int_equal(after.producers, 0);
	after.producers = before.producers;
	assert_memory_equal(&before, &after, sizeof(before));
	consumer = chute_consumer_open(image);
	assert_non_null(consumer);
	assert_int_equal(chute_drain(consumer, count_bytes, &bytes, 0), 9);
	assert_int_equal(bytes, 72);
	chute_consumer_close(consumer);

	assert_int_equal(write(other, "x", 1), 1);
	assert_int_equal(chute_view_save(s.view, other), -EINVAL);
	close(other);
	chute_close(c);
	end(&i);
	end(&s);
}

static void a_ring_in_a_map_is_seen_as_well(void **state)
{
	struct chute_stat stat = { .sz = sizeof(stat) };
	struct chute_producer_info info = { .sz = sizeof(info) };
	struct chute_record record;
	struct chute_view *view;
	struct mring ring;
	struct chute *c;

	(void)state;
	need_bpf();
	mring_open(&ring, "messages", SIZE);
	view = chute_view_open_map(ring.map_fd);
	assert_non_null(view);
	c = chute_open_map(ring.map_fd, NULL);
	assert_int_equal(chute_send(c, "abcdefgh", 8, 0), 0);
	assert_int_equal(chute_view_stat(view, &stat), 0);
	assert_true(stat.records == 1 && stat.used == 16 && stat.producers == 1);
	assert_int_equal(chute_peek(view, 0, &record), 1);
	assert_memory_equal(record.payload, "abcdefgh", 8);
	assert_int_equal(chute_view_producer(view, &info), 0);
	assert_true(info.index == 0 && info.pid == (__u32)getpid());
	chute_close(c);
	chute_view_close(view);
	mring_close(&ring);
}

/* A program that was built before the last member came, and one after the next one. */
static void structs_that_are_filled_may_grow(void **state)
{
	struct chute_stat old = { .sz = offsetof(struct chute_stat, counted), .counted = 77 };
	struct {
		struct chute_stat stat;
		__u64 future;
	} new = { .stat.sz = sizeof(new), .future = 77 };
	struct chute_producer_info info = {
		.sz = offsetof(struct chute_producer_info, elsewhere),
		.elsewhere = 77,
	};
	struct chute *c;
	struct seen s;

	(void)state;
	begin(&s);
	c = produce(&s, 0);
	assert_int_equal(chute_send(c, "x", 1, 0), 0);
	assert_int_equal(chute_view_stat(s.view, &old), 0);
	assert_int_equal(old.used, 16);
	assert_int_equal(old.counted, 77);
	assert_int_equal(chute_view_stat(s.view, &new.stat), 0);
	assert_int_equal(new.stat.used, 16);
	assert_int_equal(new.stat.sz, sizeof(new));
	assert_int_equal(new.future, 0);
	assert_int_equal(chute_view_producer(s.view, &info), 0);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.elsewhere, 77);
	chute_close(c);
	end(&s);
}

static void what_is_no_ring_is_refused(void **state)
{
	struct chute_stat stat = { .sz = sizeof(size_t) };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct seen s;

	(void)state;
	begin(&s);
	assert_null(chute_view_open_memory(null));
	assert_int_equal(errno, EINVAL);
	assert_null(chute_view_open_map(null));
	assert_null(chute_view_open_memory(-1));
	assert_int_equal(errno, EBADF);
	assert_int_equal(chute_view_stat(s.view, &stat), -EINVAL);
	chute_view_close(NULL);
	close(null);
	end(&s);
}

/* Positions that can't be true, and all that a slot may say. */
static void hostile_words_are_only_shown(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct chute_producer_info info = { .sz = sizeof(info) };
	struct chute_record record;
	__u64 *words, random = 1;
	struct seen s;
	size_t i, round;

	(void)state;
	begin(&s);
	words = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
	assert_true(words != MAP_FAILED);
	for (round = 0; round < 200; round++) {
		words[0] = next_random(&random) & ~7ULL;
		for (i = 0; i < page / 8; i++)
			words[page / 8 + i] = next_random(&random);
		assert_true(stat_of(&s).used <= SIZE);
		for (info.index = 0; !chute_view_producer(s.view, &info); info.index++)
			assert_true(info.index <= CHUTE_SLOTS);
		record.pos = words[1 + round];
		chute_view_record_producer(s.view, &record, &info);
		chute_peek(s.view, words[0], &record);
	}
	munmap(words, 2 * page);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_of_all_that_was_produced),
		cmocka_unit_test(who_waits_for_space_is_seen),
		cmocka_unit_test(an_unfinished_record_says_whose_it_is),
		cmocka_unit_test(a_record_that_goes_while_it_is_read_is_told),
		cmocka_unit_test(nothing_can_be_written_through_a_view),
		cmocka_unit_test(an_image_is_a_ring_with_the_same_records),
		cmocka_unit_test(a_ring_in_a_map_is_seen_as_well),
		cmocka_unit_test(structs_that_are_filled_may_grow),
		cmocka_unit_test(what_is_no_ring_is_refused),
		cmocka_unit_test(hostile_words_are_only_shown),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
