/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proc.h: what /proc tells of a process. All leave errno alone.
 */
#ifndef CHUTE_SRC_PROC_H
#define CHUTE_SRC_PROC_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

struct chute_proc {
	char state;
	long threads;
	__u64 start; /* when it did, in clock ticks */
	bool has_memory;
	__u64 stack; /* where its image's is; 0: not shown */
};

/* Of a process, or, with a @pid of 0, of the calling thread. Returns 0, or -ENOENT when
 * there is no such process or it can't be seen. */
int chute_proc_read(pid_t pid, struct chute_proc *proc);

/* A hash of our pid and time namespaces; 0: not known. */
__u64 chute_proc_namespaces(void);

/* Will this thread never run again? @shows_memory: in /proc here, a live one has some. */
bool chute_proc_is_ending(const struct chute_proc *proc, bool shows_memory);

/* The same of all threads of a process; false where there are too many to look at. */
bool chute_proc_all_end(pid_t pid, bool shows_memory);

/* Has it crashed, and is its memory being written to a file? None of it runs then. */
bool chute_proc_dumps_core(pid_t pid);

#endif
