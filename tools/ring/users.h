/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * users.h: who has to do with the rings of this machine: where maps are pinned, which
 * processes hold maps and memory rings, which BPF programs use maps. As far as we may
 * know, and not of one moment: what goes while we look is left out.
 */
#ifndef CHUTE_TOOLS_RING_USERS_H
#define CHUTE_TOOLS_RING_USERS_H

#include "ring/open.h"

#include <stddef.h>

enum user_kind {
	USER_PIN,
	USER_PROCESS,
	USER_PROGRAM,
};

struct user {
	enum user_kind kind;
	struct ring_key ring;
	__u64 size; /* of a map that a process holds */
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

/* Add the arrays processes and, for a map, pins and programs to an object. */
void users_json(const struct users *users, const struct ring_key *ring, struct json_object *object);

/* Those of one kind as "NAME (PID), ..." in @text, cut where it is too long. Returns how
 * many there are. */
size_t users_text(const struct users *users, const struct ring_key *ring, enum user_kind kind,
		  char *text, size_t size);

/*
 * Who may be producing on a map's ring and can't be seen on it, libbpf's producers, told by
 * what a process has mapped: as "NAME (PID), ..." in @text. Returns how many there are.
 * *blind: some process could not be looked into.
 */
size_t users_writers(const struct ring *ring, char *text, size_t size, bool *blind);

/* ---- for who gathers ---- */

/* Note a user, once. */
void users_add(struct users *users, const struct user *user);

/* The BPF programs, where there is libbpf to ask for them. */
void users_add_programs(struct users *users);

/* Call @each with each process but this one. False where /proc can't be read. */
bool users_each_process(void (*each)(__u32 pid, void *ctx), void *ctx);

/* Its name, "?" where it has gone; @size is at least 32. */
char *users_process_name(__u32 pid, char *name, size_t size);

void users_add_pins(struct users *users);
void users_add_processes(struct users *users);

#endif
