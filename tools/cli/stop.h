/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stop.h: SIGINT, SIGTERM and SIGHUP end a verb at a place of its choice.
 *
 * The handlers break off system calls that block (no SA_RESTART), and keep doing so
 * once a second: a signal that comes between the look at stop_asked() and the
 * call is not lost.
 */
#ifndef CHUTE_TOOLS_CLI_STOP_H
#define CHUTE_TOOLS_CLI_STOP_H

#include <stdbool.h>

/* A signal that is ignored, as under nohup, stays so. */
void stop_on_signals(void);

bool stop_asked(void);

/* The signal came a second or two ago: time to give up what is blocked. */
bool stop_overdue(void);

/* Die of the signal that came, so that a shell sees what happened. */
void stop_die(void) __attribute__((noreturn));

/* How long a wait that no signal can break may take, in ns. */
#define STOP_SLICE_NS 100000000LL

#endif
