/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin_run.c: see dropin_run.h. */
#include "dropin_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void exec_program(enum how_run how, const char *command, const char *argument)
{
	if (how == PRELOADED)
		setenv("LD_PRELOAD", build_path("libchute-libbpf.so.0"), 1);
	execl(build_path(how == LINKED ? "tests/dropin/program/program_linked"
				       : "tests/dropin/program/program"),
	      "program", command, argument, NULL);
	_exit(127);
}

void run_program(enum how_run how, const char *command, const char *argument, char *output)
{
	size_t length = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		exec_program(how, command, argument);
	}
	close(fds[1]);
	while ((n = read(fds[0], output + length, OUTPUT_MAX - 1 - length)) > 0)
		length += (size_t)n;
	close(fds[0]);
	output[length] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

void read_source(const char *relative, char *text)
{
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("CHUTE_SOURCE"), relative);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, OUTPUT_MAX - 1, f);
	text[n] = '\0';
	fclose(f);
}
