/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.h: RING on a command line: what it names, and how to open that.
 *
 *   map:ID, map:NAME   a user ring buffer map of this machine
 *   a/path, /a/path    one that is pinned in a bpffs; for who looks, also a file that is an
 *                      image
 *   mem:NAME           a memory ring, the file NAME in /dev/shm
 *
 * A name is opened once, and links are not followed to a memory ring: what is done later is
 * done to what was found then. Whoever returns a failure has complained, but for
 * ring_try().
 */
#ifndef CHUTE_TOOLS_RING_OPEN_H
#define CHUTE_TOOLS_RING_OPEN_H

#include "cli/json.h"

#include <chute/chute.h>
#include <chute/drain.h>
#include <chute/inspect.h>

#include <stdbool.h>
#include <sys/types.h>

#define RING_MEMORY_DIR "/dev/shm"

enum ring_form {
	RING_BY_ID,
	RING_BY_NAME,
	RING_BY_PATH,
	RING_BY_FILE, /* mem:NAME */
};

enum ring_kind {
	RING_MAP,
	RING_MEMORY,
	RING_IMAGE,
};

/* Which ring it is, whatever it was called: a map by its id, or else a file. */
struct ring_key {
	__u32 map;
	dev_t dev;
	ino_t ino;
};

struct ring {
	const char *given; /* all of it, as the user wrote it */
	enum ring_form form;
	char path[320];	  /* the file of mem:NAME */
	const char *name; /* without the prefix */
	__u32 id;	  /* of a map: given, or found */

	/* From here on: of what has been opened. */
	enum ring_kind kind;
	struct ring_key key;
	char map_name[CHUTE_MAP_NAME_MAX + 1]; /* RING_MAP; may be empty */
	int fd;				       /* as long as it is needed, or -1 */
	struct chute_view *view;
};

/* Returns 0, or an exit status. @ring points into @given from then on. */
int ring_parse(struct ring *ring, const char *given);

/* The only argument, as a ring. Returns 0, or an exit status. */
int ring_argument(struct ring *ring, int argc, char **argv);

/*
 * Open ring->view, for looking by read-only mappings. A file that is truncated later ends
 * the program, or is survived: truncated.h. ring_hold() keeps the descriptor, to write by
 * it if that is permitted. Both return 0, or an exit status.
 */
int ring_look(struct ring *ring);
int ring_hold(struct ring *ring);

/* The same as ring_look(), without a word and not by a map's name. Returns 0, or an errno
 * value. */
int ring_try(struct ring *ring);

void ring_close(struct ring *ring);

/* Open for producing, with @flags of struct chute_opts; for consuming. NULL after a
 * failure. The consumer's lock, ring->fd, is held until ring_close(): no other recv drains
 * the ring before that. */
struct chute *ring_produce(struct ring *ring, __u32 flags);
struct chute_consumer *ring_consume(struct ring *ring);

/* Is the directory that @path is in, or would be made in, in a bpffs? A negative
 * errno value if that can't be told. */
int ring_path_in_bpffs(const char *path);

/* Add the fields that say which ring it is: ring, as given; kind; id and name of a map. */
void ring_json(const struct ring *ring, struct json_object *line);

/* ---- for who opens ---- */

enum ring_use { RING_LOOK, RING_PRODUCE, RING_CONSUME };

/* Find the id of map:NAME. Returns 0; -1 after a complaint. */
int ring_find(struct ring *ring);

/* Opening failed with @err; @flags are the producer's. Returns TOOL_FAILED. */
int ring_complain(const struct ring *ring, enum ring_use use, int err, __u32 flags);

#endif
