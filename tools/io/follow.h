/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.h: a file that grows, is truncated, and is replaced by another of its name.
 *
 * Whoever has read to its end asks follow_look() what to do. A replaced file is read to
 * its end before the next one is begun. inotify(7) tells of changes; what it can't tell
 * of is noticed within FOLLOW_LOOK_MS.
 */
#ifndef CHUTE_TOOLS_IO_FOLLOW_H
#define CHUTE_TOOLS_IO_FOLLOW_H

#include <stdbool.h>

#define FOLLOW_LOOK_MS 1000

struct follow {
	const char *path;
	bool quiet;   /* say nothing of what becomes of the file */
	int fd;	      /* the file at hand; -1: there is none */
	int notify;   /* inotify; -1: not to be had */
	int watch;    /* of the file */
	bool awaited; /* has been said */
	bool leaving; /* another file has its name: what is left of this one, and then that */
};

enum follow_next {
	FOLLOW_WAIT,  /* nothing has come: follow_wait() */
	FOLLOW_AGAIN, /* read once more */
	FOLLOW_END,   /* this file is done with: follow_open() */
};

/* Returns 0, or an exit status after a complaint. */
int follow_start(struct follow *f, const char *path, bool quiet);

/* Open the file that has the name now, at its beginning. Returns 0 also if there is none
 * yet, with an fd of -1; or an exit status after a complaint. */
int follow_open(struct follow *f);

/* At the end of what is in the file now. */
enum follow_next follow_look(struct follow *f);

/* Wait until something may have become of the file, or for @most_ms if that is not
 * negative; a signal ends it too. */
void follow_wait(struct follow *f, int most_ms);

void follow_stop(struct follow *f);

#endif
