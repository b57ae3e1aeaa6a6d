/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.c: process identity. A process is called dead only on proof: there is
 * no such pid, or it started at another time, or it is a zombie with no thread
 * left. Doubt (no /proc, hidden pids, another namespace) counts as alive.
 */
#include "owner.h"

#include <chute/atomic.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_SHIFT 22
#define START_MASK  0x1fffULL
#define IMAGE_SHIFT 35
#define IMAGE_MASK  0x1fffULL
#define NS_SHIFT    48
#define NS_MASK	    0xffffULL

struct proc_stat {
	char state;
	long threads;
	__u64 start;
};

/* Fields 3, 20 and 22 of /proc/PID/stat (proc_pid_stat(5)); the name in field 2
 * may hold anything, so count from its last parenthesis. */
static int proc_stat_parse(const char *text, struct proc_stat *st)
{
	unsigned long long start;
	const char *p = strrchr(text, ')');

	if (!p || sscanf(p + 1,
			 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld"
			 " %*d %llu",
			 &st->state, &st->threads, &start) != 3)
		return -EINVAL;
	st->start = start & START_MASK;
	return 0;
}

/* In a pid namespace whose /proc is another one's still (unshare(1) without
 * --mount-proc), the numbers there are other processes'. */
static bool proc_is_ours(void)
{
	char pid[16] = "";

	return readlink("/proc/self", pid, sizeof(pid) - 1) > 0 && atoi(pid) == getpid();
}

/* 0, or -ENOENT when there is no such process or it can't be seen. */
static int proc_stat_read(pid_t pid, struct proc_stat *st)
{
	char path[32], text[1024];
	int fd, saved = errno;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = proc_is_ours() ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	errno = saved;
	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	return proc_stat_parse(text, st);
}

static __u64 pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : (__u64)st.st_ino & NS_MASK;
}

/* The kernel draws these bytes anew at every execve() (getauxval(3)). */
static __u64 image(void)
{
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);

	return random ? (random[0] | (__u64)random[1] << 8) & IMAGE_MASK : 0;
}

static __u64 self_word;
static pthread_once_t self_once = PTHREAD_ONCE_INIT;

static void self_forget(void)
{
	chute_store_relaxed(&self_word, (__u64)0);
}

static void self_watch_fork(void)
{
	pthread_atfork(NULL, NULL, self_forget);
}

/* Threads that race here compute the same word. */
static __u64 self_compute(void)
{
	pid_t pid = getpid();
	struct proc_stat st;
	__u64 self;

	pthread_once(&self_once, self_watch_fork);
	if (proc_stat_read(pid, &st))
		st.start = 0;
	self = (__u64)pid | st.start << START_SHIFT | image() << IMAGE_SHIFT |
	       pid_namespace() << NS_SHIFT;
	chute_store_relaxed(&self_word, self);
	return self;
}

__u64 chute_owner_self(void)
{
	__u64 self = chute_load_relaxed(&self_word);

	return self ? self : self_compute();
}

static bool pid_is_gone(pid_t pid)
{
	int saved = errno;
	bool gone = kill(pid, 0) && errno == ESRCH;

	errno = saved;
	return gone;
}

enum chute_owner_state chute_owner_state(__u64 owner)
{
	__u64 start = owner >> START_SHIFT & START_MASK;
	__u64 self = chute_owner_self();
	pid_t pid = chute_owner_pid(owner);
	struct proc_stat st;

	if (!owner)
		return CHUTE_OWNER_DEAD;
	if (owner == self)
		return CHUTE_OWNER_ALIVE;
	if (owner >> NS_SHIFT != self >> NS_SHIFT)
		return CHUTE_OWNER_FOREIGN;
	/* Ourselves, before an execve(): what held the ring then is gone. */
	if (!((owner ^ self) & ~(IMAGE_MASK << IMAGE_SHIFT)))
		return CHUTE_OWNER_DEAD;
	if (proc_stat_read(pid, &st))
		return pid_is_gone(pid) ? CHUTE_OWNER_DEAD : CHUTE_OWNER_ALIVE;
	if (start && st.start != start)
		return CHUTE_OWNER_DEAD;
	/* A leader that left its other threads running is a zombie too. */
	if ((st.state == 'Z' || st.state == 'X') && st.threads <= 1)
		return CHUTE_OWNER_DEAD;
	return CHUTE_OWNER_ALIVE;
}

int chute_owner_claim(__u64 *word, __u64 self)
{
	__u64 seen = chute_load_relaxed(word);

	/* O0: pairs with O1. What the last owner wrote is visible to the next. */
	do {
		if (chute_owner_state(seen) != CHUTE_OWNER_DEAD)
			return -EBUSY;
	} while (!chute_compare_exchange(word, &seen, self));
	return 0;
}

void chute_owner_release(__u64 *word, __u64 self)
{
	__u64 seen = self;

	/* O1: pairs with O0. */
	chute_compare_exchange(word, &seen, (__u64)0);
}
