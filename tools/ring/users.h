/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * users.h: who has to do with the rings of this machine: where maps are pinned, which
 * processes hold maps and memory rings, which BPF programs use maps. As far as we may
 * know.
 */
#ifndef CHUTE_TOOLS_RING_USERS_H
#define CHUTE_TOOLS_RING_USERS_H

#include "cli/json.h"

#include <stddef.h>
#include <sys/types.h>

enum user_kind {
	USER_PIN,
	USER_PROCESS,
	USER_PROGRAM,
};

/* A map by its id, or else a file. */
struct users_ring {
	__u32 map;
	dev_t dev;
	ino_t ino;
};

struct user {
	enum user_kind kind;
	struct users_ring ring;
	__u32 id;   /* of a process or a program */
	char *name; /* of a process or a program; the path of a pin */
};

struct users {
	struct user *all;
	size_t count;
};

/* Look at all of the machine. Complains, and ends the program, without memory. */
void users_gather(struct users *users);
void users_free(struct users *users);

/* Which ring is mem:NAME's file? False if it has gone. */
bool users_file(const char *path, struct users_ring *ring);

bool users_same_ring(const struct users_ring *a, const struct users_ring *b);

/* Add the arrays processes and, for a map, pins and programs to an object. */
void users_json(const struct users *users, const struct users_ring *ring,
		struct json_object *object);

/* Those of one kind as "NAME (PID), ..." in @text, cut where it is too long. Returns how
 * many there are. */
size_t users_text(const struct users *users, const struct users_ring *ring, enum user_kind kind,
		  char *text, size_t size);

/* ---- for who gathers ---- */

/* Note a user, once. */
void users_add(struct users *users, enum user_kind kind, const struct users_ring *ring, __u32 id,
	       const char *name);

void users_add_pins(struct users *users);
void users_add_processes(struct users *users);
void users_add_programs(struct users *users);

#endif
