// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_sole: a ring has one producer. A second handle is refused as long as the owner
 * lives; a producer that is not chute's is noticed by the next call, and nothing of
 * what it wrote is lost.
 */
#include "kring.h"
#include "plain.h"

#include <chute/drain.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 256

/* What a handle is doing when another producer comes. */
enum doing { IDLE, OPEN, STAGED, STAGED_OPEN, BUSY, BUSY_STAGED, DOINGS };

/* The call that it makes next. */
enum call { RESERVE, RESERVE_FOR, SEND, SUBMIT, DISCARD, STAGE, PUBLISH, CLOSE, CALLS };

/* Returns a record that is open, or NULL. All records have 8 bytes of payload. */
static void *get_to(struct chute *c, enum doing doing)
{
	void *open = NULL;

	chute_submit(c, chute_reserve(c, 8));
	if (doing == STAGED || doing == STAGED_OPEN)
		chute_stage(c, chute_reserve(c, 8));
	if (doing == OPEN || doing == STAGED_OPEN || doing == BUSY)
		open = chute_reserve(c, 8);
	if (doing == BUSY || doing == BUSY_STAGED)
		open = chute_reserve(c, 8);
	if (doing == BUSY_STAGED)
		chute_stage(c, chute_reserve(c, 8));
	return open;
}

/* As libbpf does it. */
static void another_sends(struct plain *r, __u32 size)
{
	const unsigned long pos = r->producer_page.producer_pos;
	__u32 *header = (__u32 *)plain_at(r, pos);

	header[0] = size | CHUTE_BUSY;
	header[1] = 0;
	r->producer_page.producer_pos = pos + chute_record_bytes(size);
	memset(header + 2, 'o', size);
	header[0] = size;
}

static void make_call(struct plain *r, struct chute *c, enum call call, void *open)
{
	errno = 0;
	if (call == RESERVE)
		assert_null(chute_reserve(c, 8));
	else if (call == RESERVE_FOR)
		assert_null(chute_reserve_for(c, 8, CHUTE_FOREVER));
	else if (call == SEND)
		errno = -chute_send(c, "12345678", 8, 0);
	else if (call == SUBMIT)
		chute_submit(c, open);
	else if (call == DISCARD)
		chute_discard(c, open);
	else if (call == STAGE)
		chute_stage(c, open);
	else if (call == PUBLISH)
		chute_publish(c);
	else
		chute_producer_fini(&r->producer);
	if (call <= SEND)
		assert_int_equal(errno, EBUSY);
}

static int count_others(const void *payload, __u32 size, void *ctx)
{
	const char *bytes = payload;
	__u32 i;

	for (i = 0; i < size; i++)
		assert_int_equal(bytes[i], 'o');
	++*(int *)ctx;
	return 0;
}

static void one_meeting(enum doing doing, enum call call, __u32 other_size, int other_count)
{
	static struct plain r;
	unsigned long pos;
	struct chute *c;
	int others = 0, i;
	void *open;

	/* No record wraps: plain memory has it at one place only. */
	plain_init(&r, SIZE, -SIZE, 0);
	c = plain_open(&r);
	open = get_to(c, doing);
	if (!open && call >= SUBMIT && call <= STAGE)
		return;
	/* What we have published was consumed meanwhile. */
	r.consumer_page.consumer_pos = r.producer_page.producer_pos;
	for (i = 0; i < other_count; i++)
		another_sends(&r, other_size);
	pos = r.producer_page.producer_pos;
	make_call(&r, c, call, open);
	assert_int_equal(r.producer_page.producer_pos, pos);
	/* It is final, whatever follows. */
	if (call != CLOSE) {
		make_call(&r, c, RESERVE, NULL);
		make_call(&r, c, PUBLISH, NULL);
		if (open && call < SUBMIT)
			make_call(&r, c, SUBMIT, open);
		make_call(&r, c, CLOSE, NULL);
	}
	assert_int_equal(r.producer_page.producer_pos, pos);
	assert_int_equal(r.producer_page.owner, 0);
	/* All that is there is the other's, and whole. */
	assert_int_equal(chute_drain(&r.consumer, count_others, &others, 0), other_count);
	assert_int_equal(others, other_count);
	assert_int_equal(r.consumer_page.consumer_pos, pos);
	/* Who opens it now goes on after that. */
	c = plain_open(&r);
	assert_ptr_equal(chute_reserve(c, 8), plain_at(&r, pos) + 8);
}

static void another_producer_is_noticed_by_the_next_call(void **state)
{
	int doing, call, other_count;
	__u32 other_size;

	(void)state;
	/* With sizes that end where one of our own records does, too. */
	for (doing = IDLE; doing < DOINGS; doing++)
		for (call = RESERVE; call < CALLS; call++)
			for (other_size = 0; other_size <= 48; other_size += 8)
				for (other_count = 1; other_count <= 3; other_count++)
					one_meeting((enum doing)doing, (enum call)call, other_size,
						    other_count);
}

static void libbpf_is_noticed_on_a_map(void **state)
{
	int doing, call, i;
	struct chute *c;
	struct kring k;
	void *open;
	long left;

	(void)state;
	kring_open(&k, 4096);
	for (doing = IDLE; doing < DOINGS; doing++) {
		for (call = RESERVE; call < CALLS; call++) {
			c = chute_open_map(k.map_fd, NULL);
			assert_non_null(c);
			open = get_to(c, (enum doing)doing);
			assert_int_equal(kring_drain(&k, 0, 0), 1);
			if (open || call < SUBMIT || call > STAGE) {
				for (i = 0; i < 3; i++)
					kring_libbpf_sends(&k, "oooooooo", 8);
				if (call != CLOSE) {
					make_call(NULL, c, (enum call)call, open);
					make_call(NULL, c, RESERVE, NULL);
				}
				left = 3;
			} else {
				left = 0;
			}
			/* What was staged, and nobody disturbed, is published. */
			if (!left && doing == STAGED)
				left = 1;
			chute_close(c);
			if (!left)
				continue;
			assert_int_equal(kring_drain_written(&k), left);
			for (i = 0; left == 3 && i < 3; i++) {
				assert_int_equal(k.written[i].size, 8);
				assert_int_equal(k.written[i].first, 0x6f6f6f6f6f6f6f6fULL);
			}
		}
	}
	kring_close(&k);
}

static void a_second_handle_of_the_same_process_is_refused(void **state)
{
	struct chute *c;
	int fd;

	(void)state;
	fd = chute_memory("sole", 4096);
	assert_true(fd >= 0);
	c = chute_open_memory(fd, NULL);
	assert_non_null(c);
	assert_null(chute_open_memory(fd, NULL));
	assert_int_equal(errno, EBUSY);
	chute_submit(c, chute_reserve(c, 8));
	chute_close(c);
	errno = UNTOUCHED;
	c = chute_open_memory(fd, NULL);
	assert_non_null(c);
	assert_int_equal(errno, UNTOUCHED);
	assert_int_equal(chute_used(c), 16);
	chute_close(c);
	close(fd);
}

static void a_second_handle_on_a_map_is_refused(void **state)
{
	struct chute *c;
	struct kring k;

	(void)state;
	kring_open(&k, 4096);
	c = chute_open_map(k.map_fd, NULL);
	assert_non_null(c);
	assert_null(chute_open_map(k.map_fd, NULL));
	assert_int_equal(errno, EBUSY);
	chute_close(c);
	c = chute_open_map(k.map_fd, NULL);
	assert_non_null(c);
	chute_close(c);
	kring_close(&k);
}

/* How a child that owns the ring ends. */
enum end { KILLED, EXITS };

/* A child that opens the ring, stages one record and leaves one open, says so by a byte,
 * and ends. */
static pid_t child_owner(int fd, enum end end)
{
	int pipe_fds[2];
	struct chute *c;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* Not longer than a test that failed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = chute_open_memory(fd, NULL);
		if (!c)
			_exit(1);
		chute_submit(c, chute_reserve(c, 8));
		chute_stage(c, chute_reserve(c, 8));
		chute_reserve(c, 8);
		if (write(pipe_fds[1], "", 1) != 1)
			_exit(2);
		if (end == EXITS)
			_exit(0);
		for (;;)
			pause();
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	return pid;
}

/* Not reaped: it is a zombie from here on. */
static void wait_until_dead(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void assert_taken_over(int fd)
{
	struct chute *c;

	errno = UNTOUCHED;
	c = chute_open_memory(fd, NULL);
	assert_non_null(c);
	assert_int_equal(errno, UNTOUCHED);
	/* What it had not published is not there. */
	assert_int_equal(chute_used(c), 16);
	chute_close(c);
}

static void another_process_is_refused_until_its_owner_is_dead(void **state)
{
	int fd, end;
	pid_t pid;

	(void)state;
	for (end = KILLED; end <= EXITS; end++) {
		fd = chute_memory("sole", 4096);
		assert_true(fd >= 0);
		pid = child_owner(fd, (enum end)end);
		if (end == KILLED) {
			assert_null(chute_open_memory(fd, NULL));
			assert_int_equal(errno, EBUSY);
			kill(pid, SIGKILL);
		}
		wait_until_dead(pid);
		assert_taken_over(fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_taken_over(fd);
		close(fd);
	}
}

static void a_process_that_is_reaped_owns_nothing(void **state)
{
	int fd;
	pid_t pid;

	(void)state;
	fd = chute_memory("sole", 4096);
	assert_true(fd >= 0);
	pid = child_owner(fd, EXITS);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_taken_over(fd);
	close(fd);
}

static void a_childs_close_leaves_the_ring_alone(void **state)
{
	struct chute *c;
	void *payload;
	int fd, status;
	pid_t pid;

	(void)state;
	fd = chute_memory("sole", 4096);
	assert_true(fd >= 0);
	c = chute_open_memory(fd, NULL);
	assert_non_null(c);
	chute_stage(c, chute_reserve(c, 8));
	payload = chute_reserve(c, 8);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		chute_close(c);
		/* And it is not the child's. */
		_exit(chute_open_memory(fd, NULL) || errno != EBUSY);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chute_producer_of(c)->ring.producer->producer_pos, 0);
	assert_null(chute_open_memory(fd, NULL));
	assert_int_equal(errno, EBUSY);
	chute_submit(c, payload);
	assert_int_equal(chute_producer_of(c)->ring.producer->producer_pos, 32);
	assert_non_null(chute_reserve(c, 8));
	chute_close(c);
	close(fd);
}

/* Opens the ring that descriptor @fd is, and becomes this program again, @times times. */
static int open_and_exec(const char *fd, int times)
{
	char left[16];
	struct chute *c = chute_open_memory(atoi(fd), NULL);

	if (!c)
		return 1;
	chute_submit(c, chute_reserve(c, 0));
	snprintf(left, sizeof(left), "%d", times - 1);
	if (times > 1)
		execl("/proc/self/exe", "test_sole", fd, left, NULL);
	chute_close(c);
	return 0;
}

static void execve_gives_the_ring_back(void **state)
{
	const int times = 200;
	char fd_text[16];
	int fd, status;
	struct chute *c;
	pid_t pid;

	(void)state;
	/* Once in 8192 times the next image does not know itself from the one before:
	 * if that happens, it does not happen twice. */
	do {
		fd = chute_memory("sole", 4096);
		assert_true(fd >= 0);
		/* The child inherits a descriptor that stays open over execve(). */
		snprintf(fd_text, sizeof(fd_text), "%d", dup(fd));
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			_exit(open_and_exec(fd_text, times));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		close(atoi(fd_text));
		c = chute_open_memory(fd, NULL);
		assert_non_null(c);
		if (!status)
			assert_int_equal(chute_used(c), times * 8);
		chute_close(c);
		close(fd);
	} while (status && (*(int *)*state)++ == 0);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	int failed_once = 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_producer_is_noticed_by_the_next_call),
		cmocka_unit_test(libbpf_is_noticed_on_a_map),
		cmocka_unit_test(a_second_handle_of_the_same_process_is_refused),
		cmocka_unit_test(a_second_handle_on_a_map_is_refused),
		cmocka_unit_test(another_process_is_refused_until_its_owner_is_dead),
		cmocka_unit_test(a_process_that_is_reaped_owns_nothing),
		cmocka_unit_test(a_childs_close_leaves_the_ring_alone),
		cmocka_unit_test_prestate(execve_gives_the_ring_back, &failed_once),
	};

	if (argc == 3)
		return open_and_exec(argv[1], atoi(argv[2]));
	return cmocka_run_group_tests_name("sole", tests, NULL, NULL);
}
