/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proc.c: reads /proc/PID/stat, status and task. What can't be read says nothing.
 */
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than these are not looked at one by one: it takes 20 us each, and who is in the way
 * may have as many as there are pids. */
#define THREADS_MOST 16

/* The beginning of a file, as a string. Returns false if there is none. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* Fields 3, 20, 22, 23 and 28 of /proc/PID/stat (proc_pid_stat(5)); the name in
 * field 2 may hold anything, so count from its last parenthesis. */
static int parse(const char *text, struct chute_proc *proc)
{
	unsigned long long start, memory, stack;
	const char *p = strrchr(text, ')');

	if (!p || sscanf(p + 1,
			 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld"
			 " %*d %llu %llu %*d %*u %*u %*u %llu",
			 &proc->state, &proc->threads, &start, &memory, &stack) != 5)
		return -ENOENT;
	proc->start = start;
	proc->has_memory = memory;
	proc->stack = stack;
	return 0;
}

static int stat_read(const char *path, struct chute_proc *proc)
{
	char text[1024];

	return read_text(path, text, sizeof(text)) ? parse(text, proc) : -ENOENT;
}

/* In a pid namespace whose /proc is another one's still (unshare(1) without
 * --mount-proc), the numbers there are other processes'. */
static bool is_ours(void)
{
	char pid[16] = "";

	return readlink("/proc/self", pid, sizeof(pid) - 1) > 0 && atoi(pid) == getpid();
}

int chute_proc_read(pid_t pid, struct chute_proc *proc)
{
	int saved = errno, err = -ENOENT;
	char path[32] = "/proc/thread-self/stat";

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!pid || is_ours())
		err = stat_read(path, proc);
	errno = saved;
	return err;
}

static __u64 inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (__u64)st.st_ino;
}

__u64 chute_proc_namespaces(void)
{
	int saved = errno;
	/* Of the thread, since the first one may have ended. */
	__u64 pid_ns = inode_of("/proc/thread-self/ns/pid");
	/* In another time namespace processes have started at other times. The factor
	 * keeps inodes apart, which are close to each other. */
	__u64 hash = pid_ns + 40503 * inode_of("/proc/thread-self/ns/time");

	errno = saved;
	return pid_ns ? hash : 0;
}

/* Who has given up its memory is on the way out, and may be for long: freeing a gigabyte
 * takes the kernel 0.1 s and more. */
bool chute_proc_is_ending(const struct chute_proc *proc, bool shows_memory)
{
	return proc->state == 'Z' || proc->state == 'X' || (!proc->has_memory && shows_memory);
}

/* The number of a process's threads, and in *@ids a hash of who they are, if all of
 * them are ending; else -1. */
static long count_ending(pid_t pid, bool shows_memory, __u64 *ids)
{
	struct chute_proc proc;
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
		if (count == THREADS_MOST || stat_read(path, &proc) ||
		    !chute_proc_is_ending(&proc, shows_memory))
			count = -2;
		*ids += strtoull(entry->d_name, NULL, 10) * strtoull(entry->d_name, NULL, 10);
		count++;
	}
	if (dir)
		closedir(dir);
	return dir ? count : -1;
}

/*
 * A list of threads may miss one that another has made and left behind. But if those of
 * a list were ending and are still there after the process had as many threads, then
 * there was no other.
 */
bool chute_proc_all_end(pid_t pid, bool shows_memory)
{
	int saved = errno;
	struct chute_proc proc;
	__u64 ids, ids_later;
	long count;
	bool end;

	count = count_ending(pid, shows_memory, &ids);
	end = count > 0 && !chute_proc_read(pid, &proc) && proc.threads == count &&
	      count_ending(pid, shows_memory, &ids_later) == count && ids_later == ids;
	errno = saved;
	return end;
}

bool chute_proc_dumps_core(pid_t pid)
{
	char path[32], text[4096];
	int saved = errno;
	const char *line;
	bool dumps;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	/* The name, in the first line, has no newline in it. */
	dumps = read_text(path, text, sizeof(text)) && (line = strstr(text, "\nCoreDumping:")) &&
		strtol(line + 13, NULL, 10) == 1;
	errno = saved;
	return dumps;
}
