/* SPDX-License-Identifier: BSD-2-Clause */
/* shared_ring.c: see shared_ring.h. */
#include "shared_ring.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int shared_ring_open(void **state)
{
	struct shared_ring *s = calloc(1, sizeof(*s));

	s->fd = chute_memory("shared", SHARED_BYTES);
	s->consumer = chute_consumer_open(s->fd);
	*state = s;
	return s->consumer && !chute_ring_map_memory(&s->ring, s->fd) ? 0 : -1;
}

int shared_ring_close(void **state)
{
	struct shared_ring *s = *state;

	chute_ring_unmap(&s->ring);
	chute_consumer_close(s->consumer);
	close(s->fd);
	free(s);
	return 0;
}

struct chute *shared_producer(struct shared_ring *s)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = CHUTE_SHARED };
	struct chute *c = chute_open_memory(s->fd, &opts);

	assert_non_null(c);
	return c;
}

void shared_send(struct chute *c, __u64 number)
{
	assert_int_equal(chute_send(c, &number, sizeof(number), 0), 0);
}

static void keep_number(const void *message, __u32 size, void *ctx)
{
	struct shared_ring *s = ctx;

	assert_true(size >= sizeof(__u64) && s->count < SHARED_NUMBER);
	s->numbers[s->count++] = *(const __u64 *)message;
}

void shared_expect(struct shared_ring *s, size_t count, const __u64 *numbers)
{
	s->count = 0;
	assert_true(chute_drain_messages(s->consumer, keep_number, s, 0, NULL) >= 0);
	assert_int_equal(s->count, count);
	if (count)
		assert_memory_equal(s->numbers, numbers, count * sizeof(*numbers));
}

void shared_expect_one(struct shared_ring *s, __u64 number)
{
	shared_expect(s, 1, &number);
}

struct chute_header *shared_head(struct shared_ring *s)
{
	return (struct chute_header *)(s->ring.data +
				       s->ring.consumer->consumer_pos % SHARED_BYTES);
}

static pid_t start(int (*body)(void *arg), void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(arg));
	}
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int in_child(int (*body)(void *arg), void *arg)
{
	return status_of(start(body, arg));
}

struct inner {
	int flag;
	int (*body)(void *arg);
	void *arg;
};

#define NO_NAMESPACE 77

static int enter_and_run(void *arg)
{
	const struct inner *inner = arg;
	const char offset[] = "boottime 1000 0\n";
	int fd, status;

	if (unshare(inner->flag))
		return NO_NAMESPACE;
	if (inner->flag == CLONE_NEWTIME) {
		fd = open("/proc/self/timens_offsets", O_WRONLY);
		if (fd < 0 || write(fd, offset, sizeof(offset) - 1) < 0)
			return NO_NAMESPACE;
		close(fd);
	}
	/* It holds for children. */
	status = in_child(inner->body, inner->arg);
	return status < 0 ? 99 : status;
}

int in_namespace(int flag, int (*body)(void *arg), void *arg)
{
	struct inner inner = { flag, body, arg };
	int status = in_child(enter_and_run, &inner);

	return status == NO_NAMESPACE ? -1 : status;
}

struct staying {
	int (*body)(void *arg);
	void *arg;
	int ready;
};

static int run_and_stay(void *arg)
{
	const struct staying *s = arg;
	int status = s->body(s->arg);

	if (write(s->ready, &status, sizeof(status)) != sizeof(status))
		return 1;
	for (;;)
		pause();
}

pid_t child_that_stays(int (*body)(void *arg), void *arg)
{
	struct staying s = { body, arg, 0 };
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	s.ready = fds[1];
	pid = start(run_and_stay, &s);
	assert_int_equal(read(fds[0], &status, sizeof(status)), sizeof(status));
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

void child_end(pid_t pid, int signal)
{
	kill(pid, signal);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}
