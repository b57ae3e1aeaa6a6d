// SPDX-License-Identifier: BSD-2-Clause
/* stop.c: see stop.h. */
#include "cli/stop.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal, seconds_since;

static void on_signal(int signal)
{
	if (!stop_signal)
		stop_signal = signal;
	alarm(1);
}

static void on_alarm(int signal)
{
	(void)signal;
	if (seconds_since < 2)
		seconds_since++;
	alarm(1);
}

void stop_on_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old, action = { .sa_handler = on_alarm };
	size_t i;

	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = on_signal;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

bool stop_asked(void)
{
	return stop_signal;
}

bool stop_overdue(void)
{
	return seconds_since >= 2;
}

void stop_die(void)
{
	int stop = stop_signal;
	sigset_t set;

	signal(stop, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, stop);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(stop);
	exit(128 + stop);
}
