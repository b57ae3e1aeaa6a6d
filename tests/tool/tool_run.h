/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool_run.h: runs the tool as its users do, and says what it said.
 *
 * The test programs see a /dev/shm, and a bpffs, of their own where they may mount
 * them. Names of rings are made unique for where they may not.
 */
#ifndef CHUTE_TESTS_TOOL_RUN_H
#define CHUTE_TESTS_TOOL_RUN_H

#include "support.h"

#include <sys/types.h>

struct tool_output {
	int status; /* what a shell calls $?: 128 + N when killed by signal N */
	char *out;  /* standard output, with a NUL behind it */
	size_t out_size;
	char *err; /* standard error */
};

/* A group's set-up and teardown: the mounts, and a clean end. */
int tool_setup(void **state);
int tool_teardown(void **state);

/* Ends the case as skipped where /dev/shm is not ours alone. */
void tool_need_mounts(void);

/* "mem:" and a name that no other test program uses; the file behind a name. Both
 * in static buffers, some at a time. */
const char *tool_ring(const char *name);
const char *tool_ring_file(const char *ring);

/* Make a memory ring with the tool, anew if it exists. Returns its name. */
const char *tool_make_ring(const char *name, const char *size);

/* Where the test's own bpffs is; ends the case as skipped where there is none. */
const char *tool_bpffs(void);

/* Start a program with these descriptors as its standard ones; -1 is /dev/null.
 * @program NULL is the tool. The child dies with the test. */
pid_t tool_spawn(int in, int out, int err, const char *program, const char *const *args);

/* Wait for the end of a child, at most a minute. Returns its status as above. */
int tool_wait(pid_t pid);

/* Run the tool to its end. Fields of @o are freed by tool_free(). */
void tool_run(struct tool_output *o, const void *input, size_t input_size, const char *const *args);
void tool_run_as(const char *program, struct tool_output *o, const void *input, size_t input_size,
		 const char *const *args);
void tool_free(struct tool_output *o);

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Run it without input; check its status and that the last line of standard error,
 * or its only one, is @err. */
void tool_expect(int status, const char *err, const char *const *args);

/* Check what a run said: one line that starts with "chute VERB: " and is @line; the
 * line, then a summary of so many records. */
void tool_said(const struct tool_output *o, int status, const char *line);
void tool_said_after(const struct tool_output *o, int status, const char *line, long records);

/* What a ring holds now, taken out of it: each record behind its length. */
void tool_take_framed(const char *ring, struct tool_output *o);

/*
 * A copy of the tool where everybody may run it, at @path, in a new folder @dir, a
 * template of mkdtemp(3); and arguments of setpriv(1) that run it as nobody. Ends the
 * case as skipped if we are not root.
 */
void tool_copy(char *dir, char *path, size_t size);
void tool_copy_remove(const char *dir, const char *path);

#define TOOL_NOBODY(path, ...)                                                                     \
	ARGS("--reuid=65534", "--regid=65534", "--clear-groups", path, __VA_ARGS__)

/* A pipe, each end closed on exec. */
void tool_pipe(int fds[2]);

/* A new unnamed file that holds these bytes; what a file or a pipe holds up to its
 * end, to be freed, with a NUL behind it. */
int tool_file(const void *bytes, size_t size);
char *tool_file_bytes(int fd, size_t *size);

/* Read from a pipe until @size bytes are there, for at most a minute. */
void tool_read(int fd, void *bytes, size_t size);

/* Write all, or fail. */
void tool_write(int fd, const void *bytes, size_t size);

#endif
