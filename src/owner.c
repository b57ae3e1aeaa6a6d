/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.c: process identity. A process is called dead only on proof: there is
 * no such pid, or it started at another time, or runs another program image, or
 * none of its threads can run again. Doubt (no /proc, hidden pids, another
 * namespace) counts as alive.
 */
#include "owner.h"

#include <chute/atomic.h>

#include <dirent.h>
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

/* Of the image's bits, those that another process can see. */
#define STACK_MASK     0x3ffULL
#define RANDOM_BITS_AT 10

struct proc_stat {
	char state;
	long threads;
	__u64 start;
	bool has_memory;
	__u64 stack; /* hash of where the image's stack is; 0: not to be seen */
};

/* execve() places the stack anew. */
static __u64 stack_hash(unsigned long long stack)
{
	__u64 hash = stack * 0x9e3779b97f4a7c15ULL >> 54;

	return stack && !hash ? 1 : hash;
}

/* Fields 3, 20, 22, 23 and 28 of /proc/PID/stat (proc_pid_stat(5)); the name in
 * field 2 may hold anything, so count from its last parenthesis. */
static int proc_stat_parse(const char *text, struct proc_stat *st)
{
	unsigned long long start, memory, stack;
	const char *p = strrchr(text, ')');

	if (!p || sscanf(p + 1,
			 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld"
			 " %*d %llu %llu %*d %*u %*u %*u %llu",
			 &st->state, &st->threads, &start, &memory, &stack) != 5)
		return -EINVAL;
	st->start = start & START_MASK;
	st->has_memory = memory;
	st->stack = stack_hash(stack);
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
static int stat_read(const char *path, struct proc_stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return -ENOENT;
	text[n] = '\0';
	return proc_stat_parse(text, st);
}

static int proc_stat_read(pid_t pid, struct proc_stat *st)
{
	int saved = errno, err = -ENOENT;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (proc_is_ours())
		err = stat_read(path, st);
	errno = saved;
	return err;
}

static __u64 namespace_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (__u64)st.st_ino;
}

/* In /proc/thread-self, since the first thread may have ended.
 * In another time namespace the times at which processes started are others. The
 * factor keeps inodes apart, which are close to each other. */
static __u64 namespaces(void)
{
	__u64 pid_ns = namespace_of("/proc/thread-self/ns/pid");

	return pid_ns ? (pid_ns + 40503 * namespace_of("/proc/thread-self/ns/time")) & NS_MASK : 0;
}

/* The kernel draws AT_RANDOM's bytes anew at every execve() (getauxval(3)): they
 * tell us apart from what we were before, even where all stacks are in one place. */
static __u64 image(const struct proc_stat *st)
{
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
	__u64 bits = random ? random[0] : 0;

	return (st->stack | bits << RANDOM_BITS_AT) & IMAGE_MASK;
}

static __u64 self_word;
static bool memory_is_shown; /* in /proc here: that of a live process is not 0 */
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
	int saved = errno;
	__u64 self, start;

	pthread_once(&self_once, self_watch_fork);
	if (proc_stat_read(pid, &st))
		memset(&st, 0, sizeof(st));
	start = st.start;
	/* The first thread's memory is gone when it has ended. */
	if (stat_read("/proc/thread-self/stat", &st))
		memset(&st, 0, sizeof(st));
	chute_store_relaxed(&memory_is_shown, st.has_memory);
	self = (__u64)pid | start << START_SHIFT | image(&st) << IMAGE_SHIFT |
	       namespaces() << NS_SHIFT;
	errno = saved;
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

/* Will this thread never run again? Who has given up its memory is on the way out,
 * and may be for long: freeing a gigabyte takes the kernel 0.1 s and more. */
static bool is_ending(const struct proc_stat *st)
{
	return st->state == 'Z' || st->state == 'X' ||
	       (!st->has_memory && chute_load_relaxed(&memory_is_shown));
}

/* The number of a process's threads, and in *@ids a hash of who they are, if all of
 * them are ending; else -1. */
static long count_ending(pid_t pid, __u64 *ids)
{
	struct proc_stat st;
	struct dirent *entry;
	char path[320];
	long count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	*ids = 0;
	while (dir && count >= 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)pid, entry->d_name);
		if (stat_read(path, &st) || !is_ending(&st))
			count = -2;
		*ids += strtoull(entry->d_name, NULL, 10) * strtoull(entry->d_name, NULL, 10);
		count++;
	}
	if (dir)
		closedir(dir);
	return dir ? count : -1;
}

/*
 * Are all threads of a process ending? A list of them may miss one that another has
 * made and left behind. But if those of a list were ending and are still there after
 * the process had as many threads, then there was no other.
 */
static bool all_end(pid_t pid)
{
	__u64 ids, ids_later;
	int saved = errno;
	struct proc_stat st;
	long count;
	bool end;

	count = count_ending(pid, &ids);
	end = count > 0 && !proc_stat_read(pid, &st) && st.threads == count &&
	      count_ending(pid, &ids_later) == count && ids_later == ids;
	errno = saved;
	return end;
}

/* Has the process @owner given up what it was, by another program image? */
static bool has_execed(__u64 owner, const struct proc_stat *st)
{
	__u64 stack = owner >> IMAGE_SHIFT & STACK_MASK;

	return stack && st->stack && st->stack != stack;
}

bool chute_owner_is_foreign(__u64 owner, __u64 self)
{
	return owner && (owner ^ self) >> NS_SHIFT;
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
	if (chute_owner_is_foreign(owner, self))
		return CHUTE_OWNER_FOREIGN;
	/* Ourselves, before an execve(): what held the ring then is gone. */
	if (!((owner ^ self) & ~(IMAGE_MASK << IMAGE_SHIFT)))
		return CHUTE_OWNER_DEAD;
	if (proc_stat_read(pid, &st))
		return pid_is_gone(pid) ? CHUTE_OWNER_DEAD : CHUTE_OWNER_ALIVE;
	if ((start && st.start != start) || has_execed(owner, &st))
		return CHUTE_OWNER_DEAD;
	/* A leader that left its other threads running is a zombie too. */
	if (is_ending(&st) && (st.threads <= 1 || all_end(pid)))
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
