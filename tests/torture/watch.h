/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.h: how long does something make no progress? A stall's length is that of the
 * time in which the thread that should have made it had a CPU or slept: what it spent
 * in line for a CPU (schedstat, see proc_pid_schedstat(5)) is the machine's.
 */
#ifndef CHUTE_TESTS_TORTURE_WATCH_H
#define CHUTE_TESTS_TORTURE_WATCH_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

struct watch {
	pid_t tid;
	__u64 progress; /* when it was last seen to be another */
	__s64 since, since_clock;
	__s64 waited; /* for a CPU, until a little after that; -1: not looked yet */
};

/* What the longest one was: as it is counted, and by the clock. */
struct stall {
	__s64 ns, clock_ns;
};

/* @now is the caller's clock, in ns. */
void watch_start(struct watch *w, pid_t tid, __s64 now);

/* Look again. @expected: should it get on? Updates *@longest. */
void watch_look(struct watch *w, __s64 now, __u64 progress, bool expected, struct stall *longest);

/* ns that a thread has spent in line for a CPU, or 0 where that can't be told. */
__s64 watch_waited(pid_t tid);

#endif
