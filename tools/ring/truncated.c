// SPDX-License-Identifier: BSD-2-Clause
/* truncated.c: see truncated.h. */
#include "ring/truncated.h"
#include "cli/tool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char complaint[1024]; /* what is said when that happens */
static sigjmp_buf survivor;
static volatile sig_atomic_t surviving;

static void on_sigbus(int signal)
{
	(void)signal;
	if (surviving)
		siglongjmp(survivor, 1);
	if (write(STDERR_FILENO, complaint, strlen(complaint)) < 0)
		_exit(TOOL_FAILED);
	_exit(TOOL_FAILED);
}

static void handle(void)
{
	/* The jump leaves the handler for good, so its signal must not stay blocked. */
	struct sigaction action = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
}

void truncated_expect(const struct ring *ring)
{
	size_t i;

	if (ring->kind == RING_MAP)
		return;
	snprintf(complaint, sizeof(complaint) - 1,
		 "chute %s: %s: %s was truncated: make the ring anew", tool_verb(), ring->given,
		 *ring->path ? ring->path : ring->given);
	for (i = 0; complaint[i]; i++)
		if ((unsigned char)complaint[i] < ' ' || complaint[i] == 0x7f)
			complaint[i] = '?';
	complaint[i] = '\n';
	handle();
}

bool truncated_survive(void (*look)(void *ctx), void *ctx)
{
	handle();
	if (sigsetjmp(survivor, 0)) {
		surviving = false;
		return false;
	}
	surviving = true;
	look(ctx);
	surviving = false;
	return true;
}
