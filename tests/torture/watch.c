// SPDX-License-Identifier: BSD-2-Clause
/* watch.c: see watch.h. */
#include "watch.h"
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SHORT_NS 3000000 /* shorter ones are not looked into */
#define LONG_NS	 50000000

__s64 watch_waited(pid_t tid)
{
	long long ran, waited = 0;
	char path[64], text[128];
	ssize_t n = 0;
	int fd;

	/* Any thread's directory is there, though not listed. */
	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%lld %lld", &ran, &waited) == 2 ? waited : 0;
}

void watch_start(struct watch *w, pid_t tid, __s64 now)
{
	*w = (struct watch){ .tid = tid, .since = now, .since_clock = now_ns(), .waited = -1 };
}

static void keep_longest(struct stall *longest, __s64 ns, __s64 clock_ns)
{
	if (ns > longest->ns)
		longest->ns = ns;
	if (clock_ns > longest->clock_ns)
		longest->clock_ns = clock_ns;
}

void watch_look(struct watch *w, __s64 now, __u64 progress, bool expected, struct stall *longest)
{
	__s64 length = now - w->since, in_line = 0;
	bool is_over = progress != w->progress || !expected;

	if (length > SHORT_NS && w->waited < 0)
		w->waited = watch_waited(w->tid);
	/* Each look, for one that does not end. */
	if (is_over || length > LONG_NS) {
		if (w->waited >= 0)
			in_line = watch_waited(w->tid) - w->waited;
		keep_longest(longest, in_line > 0 ? length - in_line : length,
			     now_ns() - w->since_clock);
	}
	if (!is_over)
		return;
	watch_start(w, w->tid, now);
	w->progress = progress;
}
