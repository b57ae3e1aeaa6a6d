// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench.c: chute bench: runs the benchmark programs, which are beside the tool: where
 * they are installed, or in the build folder. Each knows its own questions.
 */
#include "cli/options.h"
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a benchmark exits with that can't be had here; it has said why. */
#define SKIPPED 77

/* The first has no questions: it describes the machine. */
static const char *const programs[] = {
	"machine",	"produce",     "dropin",    "instructions", "stream",
	"drain-wakeup", "drain-empty", "kick-idle", "wake-latency", "against-map",
	"memory",	"shared",      "scaling",
};

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

/* The folders where they may be, as seen from the tool's: of a build, of an installed
 * tree wherever it is now, and where it was to be installed. */
static const char *const folders[] = { "../bench", "../libexec/chute/bench", TOOL_BENCH_DIR };

static bool has_programs(const char *folder)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", folder, programs[0]) < (int)sizeof(path) &&
	       !access(path, X_OK);
}

static bool find_folder(char *folder, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (snprintf(folder, size, "%s%s%s", *folders[i] == '/' ? "" : self,
			     *folders[i] == '/' ? "" : "/", folders[i]) < (int)size &&
		    has_programs(folder))
			return true;
	return false;
}

/* Run one; its output goes to @out, or to standard output if that is NULL.
 * Returns its exit status, or -1 if it did not come to that. */
static int run(const char *folder, const char *program, char **argv, FILE *out)
{
	char path[PATH_MAX], text[4096];
	int fds[2] = { -1, -1 }, status;
	ssize_t n;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", folder, program);
	if (out && pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		if (out && dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(127);
		/* We have ignored it, and the program would go on in vain. */
		signal(SIGPIPE, SIG_DFL);
		argv[0] = path;
		execv(path, argv);
		_exit(127);
	}
	if (out) {
		close(fds[1]);
		while ((n = read(fds[0], text, sizeof(text))) > 0)
			fwrite(text, 1, (size_t)n, out);
		close(fds[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* "QUESTION LINE\n" for every line, of all programs. The caller's; NULL on failure. */
static char *list(const char *folder)
{
	char *argv[] = { "bench", "--list", NULL };
	char *text = NULL;
	size_t size, i;
	bool failed = false;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (i = 1; i < PROGRAMS; i++)
		failed |= run(folder, programs[i], argv, out) != 0;
	if (fclose(out) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static bool is_listed(const char *text, const char *name)
{
	const size_t length = strlen(name);
	const char *at = text;

	while (length && (at = strstr(at, name))) {
		if ((at == text || at[-1] == ' ' || at[-1] == '\n') &&
		    (at[length] == ' ' || at[length] == '\n'))
			return true;
		at += length;
	}
	return false;
}

static int run_all(const char *folder, char **argv, const char *out_path)
{
	char *machine[] = { "machine", out_path ? "--json" : NULL, (char *)out_path, NULL };
	int failed = 0, skipped = 0, status;
	size_t i;

	for (i = 0; i < PROGRAMS; i++) {
		status = run(folder, programs[i], i ? argv : machine, NULL);
		skipped += status == SKIPPED;
		if (status == 0 || status == SKIPPED)
			continue;
		tool_complain("%s failed", programs[i]);
		failed++;
	}
	if (skipped && !failed)
		tool_complain("not everything could be measured here");
	return failed || skipped ? TOOL_FAILED : TOOL_OK;
}

struct how {
	bool list, json;
	const char *out; /* where objects go, "-" for standard output; or NULL */
	__u64 rounds;	 /* 0: what each program takes for right */
};

static const struct option_row rows[] = {
	{ "list", NULL, option_flag, OPTION_AT(struct how, list),
	  "print all questions, and the lines that each prints" },
	{ "json", NULL, option_flag, OPTION_AT(struct how, json),
	  "an object a line, for the machine and for each line" },
	{ "out", "FILE", option_text, OPTION_AT(struct how, out),
	  "write these to FILE, beside the table" },
	{ "rounds", "N", option_number, OPTION_AT(struct how, rounds),
	  "how often each side is measured, up to 101", .of = "a number of rounds", .least = 1,
	  .most = 101 },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "[QUESTION...]",
	.about = "Measure this machine: chute beside what one might use instead. Needs two CPUs, "
		 "and for BPF to be root. All questions take some minutes.",
	.rows = rows,
	.more = "QUESTION is one of these, or the name of a line. A line has its result, the "
		"median of the rounds, their quartiles, what is to be reached, and what each side "
		"took. A result of 6.34x is so many times better than the peer, 96.2 % the part "
		"of what the peer, a bound, allows, +3.20 ns above the peer, and 5.60 ns without "
		"one.",
	.example = "chute bench produce drain-wakeup",
};

/* What the programs are given: options, and the names of lines. */
static int run_wanted(const char *folder, const struct how *how, char **names, int names_n)
{
	char **argv = calloc((size_t)names_n + 8, sizeof(*argv)), rounds[24];
	int n = 1, i, status;

	if (!argv)
		return tool_complain("no memory");
	if (how->out) {
		argv[n++] = "--json";
		argv[n++] = (char *)how->out;
	}
	if (how->rounds) {
		snprintf(rounds, sizeof(rounds), "%llu", (unsigned long long)how->rounds);
		argv[n++] = "--rounds";
		argv[n++] = rounds;
	}
	argv[n++] = "--";
	for (i = 0; i < names_n; i++)
		argv[n++] = names[i];
	status = run_all(folder, argv, how->out);
	free(argv);
	return status;
}

/* Are they all listed? Programs add to a file: it starts empty. */
static int prepare(const char *listed, const struct how *how, char **names, int names_n)
{
	FILE *out;
	int i;

	for (i = 0; i < names_n; i++)
		if (!is_listed(listed, names[i]))
			return tool_misuse("%s is no question", names[i]);
	if (!how->out || !strcmp(how->out, "-"))
		return TOOL_OK;
	out = fopen(how->out, "we");
	return out && !fclose(out) ? TOOL_OK : tool_complain("%s: %s", how->out, strerror(errno));
}

int tool_bench(int argc, char **argv)
{
	char folder[PATH_MAX], *listed;
	struct how how = { 0 };
	int status = options_take(&usage, &how, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	if (how.list + how.json + !!how.out > 1)
		return tool_misuse("give one of --list, --json and --out");
	if (how.json)
		how.out = "-";
	if (!find_folder(folder, sizeof(folder)))
		return tool_complain(
			"the benchmarks are not installed: they are built where clang, "
			"bpftool, libbpf and ConcurrencyKit are");
	listed = list(folder);
	if (!listed)
		return tool_complain("can't run the benchmarks in %s", folder);
	status = prepare(listed, &how, argv, argc);
	if (!status && how.list)
		status = tool_print(listed);
	else if (!status)
		status = run_wanted(folder, &how, argv, argc);
	free(listed);
	return status;
}
