// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_drain: what chute_drain() has and the kernel has not: processes that die,
 * positions that wrap, and a consumer page that anyone can write. What both do is
 * in kernel/test_contract.
 */
#include "support.h"

#include "consumer/drain.h"
#include "drain_ring.h"

#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- opening ---- */

static void expect_no_consumer(int fd, int error)
{
	errno = 0;
	assert_null(chute_consumer_open(fd));
	assert_int_equal(errno, error);
}

static void what_is_no_memory_ring_is_refused(void **state)
{
	char path[] = "/tmp/chute-test-XXXXXX";
	int fds[2], file = mkstemp(path);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	expect_no_consumer(-1, EBADF);
	expect_no_consumer(fds[0], EINVAL);
	expect_no_consumer(file, EINVAL);
	assert_int_equal(ftruncate(file, RING + 8192), 0);
	expect_no_consumer(file, EINVAL);
	close(fds[0]);
	close(fds[1]);
	close(file);
	unlink(path);
}

static void a_ring_that_cannot_be_written_is_EACCES(void **state)
{
	char path[] = "/tmp/chute-test-XXXXXX";
	int fd, file = mkstemp(path);

	(void)state;
	assert_int_equal(chute_memory_format(file, RING), 0);
	fd = open(path, O_RDONLY);
	expect_no_consumer(fd, EACCES);
	close(fd);
	close(file);
	unlink(path);
}

static void a_ring_in_a_map_is_EPERM(void **state)
{
	int fd;

	(void)state;
	need_bpf();
	fd = chute_map("drain", RING);
	expect_no_consumer(fd, EPERM);
	close(fd);
}

/* ---- positions ---- */

/* The kernel's consumer_pos is always one; here, any process could write it, and the
 * payload's promised alignment would be gone. */
static void a_crooked_consumer_position_is_EINVAL(void **state)
{
	struct drain_ring *f = *state;
	unsigned long *pos = &f->consumer->ring.consumer->consumer_pos;
	__u64 sum = 0;
	int i;

	for (i = 0; i < 8; i++)
		send_number(f, 1);
	for (i = 1; i < 8; i++) {
		*pos = (unsigned long)i;
		assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), -EINVAL);
		assert_int_equal(*pos, i);
	}
	*pos = 0;
	assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), 8);
	assert_int_equal(sum, 8);
}

struct seen {
	const char *data;
	unsigned long pos;
	__u32 sizes[8];
	unsigned int count;
};

static int see(const void *payload, __u32 size, void *ctx)
{
	struct seen *s = ctx;

	/* Where the position says, be it before or after the wrap. */
	assert_ptr_equal(payload, s->data + (s->pos & (RING - 1)) + CHUTE_HEADER_SIZE);
	assert_in_range(s->count, 0, 7);
	s->sizes[s->count++] = size;
	s->pos += (unsigned long)chute_record_bytes(size);
	return 0;
}

static void records_go_through_the_wrap_of_positions(void **state)
{
	struct drain_ring *f = *state;
	const struct chute_ring *ring = &f->consumer->ring;
	unsigned long start, pos;
	struct seen s;
	__u32 size, i;

	for (start = -256UL; start; start += 8)
		for (size = 0; size <= 90; size++) {
			s = (struct seen){ .data = ring->data, .pos = start };
			ring->consumer->consumer_pos = start;
			for (pos = start, i = 0; i < 5; i++) {
				*(__u64 *)(ring->data + (pos & (RING - 1))) = size + i;
				pos += (unsigned long)chute_record_bytes(size + i);
			}
			ring->producer->producer_pos = pos;
			assert_int_equal(chute_drain(f->consumer, see, &s, 0), 5);
			for (i = 0; i < 5; i++)
				assert_int_equal(s.sizes[i], size + i);
			assert_int_equal(ring->consumer->consumer_pos, pos);
			assert_int_equal(chute_drain(f->consumer, see, &s, 0), 0);
		}
}

/* ---- one drain at a time ---- */

/* A child drains, says so in the callback, and stays there. */
static pid_t drain_in_child(struct drain_ring *f, int (*callback)(const void *, __u32, void *))
{
	int fds[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (!pid) {
		/* A case that fails leaves it behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		chute_drain(f->consumer, callback, &fds[1], 0);
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static int say_and_stay(const void *payload, __u32 size, void *ctx)
{
	const int *fd = ctx;

	(void)payload;
	(void)size;
	if (write(*fd, "", 1) == 1)
		for (;;)
			pause();
	return 0;
}

static void records_that_were_looked_at_are_consumed_without_a_callback(void **state)
{
	struct drain_ring *f = *state;
	struct chute_record record;
	unsigned long pos = 0;
	__u64 sum = 0;
	int i;

	for (i = 1; i <= 3; i++)
		send_number(f, (__u64)i);
	for (i = 0; i < 2; i++, pos = record.next_pos)
		assert_int_equal(chute_peek(chute_consumer_view(f->consumer), pos, &record), 1);
	assert_int_equal(chute_consume(f->consumer, 0, pos, 1ULL << 5), -EINVAL);
	assert_int_equal(chute_consume(f->consumer, 0, pos + 4, 0), -EINVAL);
	/* Nothing is published there; and what the consumer has passed has gone. */
	assert_int_equal(chute_consume(f->consumer, 0, pos + 64, 0), -EINVAL);
	assert_int_equal(chute_consume(f->consumer, 8, pos, 0), -ESTALE);
	assert_int_equal(chute_consume(f->consumer, 0, pos, 0), 0);
	assert_int_equal(chute_consumer_pos(f->consumer), pos);
	assert_int_equal(chute_consume(f->consumer, 0, pos, 0), -ESTALE);
	assert_int_equal(chute_consume(f->consumer, pos, 0, 0), -EINVAL);
	assert_int_equal(chute_consume(f->consumer, pos, pos, 0), 0);
	assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), 1);
	assert_int_equal(sum, 3);
}

static void a_drain_in_a_live_process_is_EBUSY(void **state)
{
	struct drain_ring *f = *state;
	pid_t pid;
	__u64 sum = 0;
	int i;

	send_number(f, 5);
	pid = drain_in_child(f, say_and_stay);
	for (i = 0; i < 100; i++)
		assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), -EBUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(sum, 0);
}

static void a_drain_that_died_is_not_in_the_way(void **state)
{
	struct drain_ring *f = *state;
	siginfo_t info;
	pid_t pid;
	__u64 sum;
	int i;

	for (i = 0; i < 20; i++) {
		send_number(f, 7);
		send_number(f, 9);
		sum = 0;
		pid = drain_in_child(f, say_and_stay);
		assert_int_equal(kill(pid, SIGKILL), 0);
		/* Dead, but in every other round not yet reaped. */
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		if (i % 2)
			assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* Its record is found again. */
		assert_int_equal(chute_drain(f->consumer, sum_up, &sum, 0), 2);
		assert_int_equal(sum, 16);
		if (i % 2 == 0)
			assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

#define NUMBERS 30000

struct taker {
	struct chute_consumer *consumer;
	__u64 *last; /* shared: only who drains looks at it */
	__u64 *left;
	long refused, taken, wrong;
};

static int take(const void *payload, __u32 size, void *ctx)
{
	struct taker *t = ctx;
	__u64 number = size == sizeof(number) ? *(const __u64 *)payload : 0;

	t->wrong += number != *t->last + 1;
	*t->last = number;
	t->taken++;
	return 0;
}

static void *take_all(void *arg)
{
	struct taker *t = arg;
	long ret;

	while (chute_load_relaxed(t->left)) {
		ret = chute_drain(t->consumer, take, t, CHUTE_NO_WAKEUP);
		if (ret > 0)
			chute_fetch_add(t->left, -(__u64)ret);
		else if (ret == -EBUSY)
			t->refused++;
		else if (ret)
			t->wrong++;
		if (ret <= 0)
			sched_yield();
	}
	return NULL;
}

static void two_threads_that_drain_take_each_record_once_and_in_order(void **state)
{
	struct drain_ring *f = *state;
	__u64 last = 0, left = NUMBERS, number;
	/* One handle, that is one mapping: ThreadSanitizer knows a word by its address. */
	struct taker takers[2] = { { .consumer = f->consumer, .last = &last, .left = &left },
				   { .consumer = f->consumer, .last = &last, .left = &left } };
	pthread_t threads[2];
	int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
	for (number = 1; number <= NUMBERS; number++)
		assert_int_equal(chute_send(f->producer, &number, sizeof(number), CHUTE_FOREVER),
				 0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(last, NUMBERS);
	assert_int_equal(takers[0].taken + takers[1].taken, NUMBERS);
	assert_int_equal(takers[0].wrong + takers[1].wrong, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, drain_ring_open, drain_ring_close)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_memory_ring_is_refused),
		cmocka_unit_test(a_ring_that_cannot_be_written_is_EACCES),
		cmocka_unit_test(a_ring_in_a_map_is_EPERM),
		CASE(a_crooked_consumer_position_is_EINVAL),
		CASE(records_go_through_the_wrap_of_positions),
		CASE(records_that_were_looked_at_are_consumed_without_a_callback),
		CASE(a_drain_in_a_live_process_is_EBUSY),
		CASE(a_drain_that_died_is_not_in_the_way),
		CASE(two_threads_that_drain_take_each_record_once_and_in_order),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
