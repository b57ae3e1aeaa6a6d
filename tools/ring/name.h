/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name.h: RING on a command line: what it names, and how to open that.
 *
 *   map:ID, map:NAME   a user ring buffer map of this machine
 *   a/path, /a/path    one that is pinned in a bpffs
 *   mem:NAME           a memory ring, the file NAME in /dev/shm
 *
 * Whoever returns a failure has complained.
 */
#ifndef CHUTE_TOOLS_RING_NAME_H
#define CHUTE_TOOLS_RING_NAME_H

#include <chute/chute.h>
#include <chute/drain.h>

#include <stdbool.h>

#define RING_MEMORY_DIR "/dev/shm"

enum ring_kind {
	RING_MAP_ID,
	RING_MAP_NAME,
	RING_PATH,
	RING_MEMORY,
};

struct ring_name {
	const char *given; /* all of it, as the user wrote it */
	enum ring_kind kind;
	const char *name; /* without the prefix; what it is for RING_PATH */
	__u32 id;	  /* RING_MAP_ID; ring_open() finds it for RING_MAP_NAME */
	char path[320];	  /* RING_MEMORY: the file */
};

/* Returns 0, or an exit status. @ring points into @given from then on. */
int ring_name_parse(struct ring_name *ring, const char *given);

/* The one argument left, as a ring. Returns 0, or an exit status. */
int ring_name_only(struct ring_name *ring, int argc, char **argv);

/* Open for producing, with @flags of struct chute_opts; for consuming. NULL after a
 * failure. @lock is for the latter's caller to close at the end: no other recv drains
 * the ring before that. */
struct chute *ring_open(struct ring_name *ring, __u32 flags);
struct chute_consumer *ring_open_consumer(const struct ring_name *ring, int *lock);

/* Is the directory that @path is in, or would be made in, in a bpffs? A negative
 * errno value if that can't be told. */
int ring_path_in_bpffs(const char *path);

#endif
