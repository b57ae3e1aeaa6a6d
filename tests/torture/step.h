/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * step.h: runs a child of this process instruction by instruction. What it calls in
 * other libraries is run through at a stretch: a step is an instruction of this
 * program, chute being linked into it.
 */
#ifndef CHUTE_TESTS_TORTURE_STEP_H
#define CHUTE_TESTS_TORTURE_STEP_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Is that known for this kind of CPU, and allowed? */
bool step_works(void);

/* In the child: let the parent trace us, and mark what is to be stepped through. */
void step_begin(void);
void step_end(void);

/* In the parent: wait until the child is at step_begin(). */
void step_wait_begin(pid_t pid);

/* Let it run on until it asks /proc about a process, and has the answer. False if it
 * came to step_end() before. */
bool step_until_proc(pid_t pid);

/* One step. False if the child is at step_end(). */
bool step(pid_t pid);

/* As many steps as it takes to come to @where for the @visit'th time, this very place
 * counted, but at a stretch. False if the child is at step_end(). */
bool step_to(pid_t pid, size_t where, __u32 visit);

/* Where the child is, from the program's first byte on; and how far that can be. */
size_t step_at(pid_t pid);
size_t step_at_max(void);

#endif
