// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench.c: chute bench: runs the benchmark programs, which are beside the tool: where
 * they are installed, or in the build folder. Each knows its own questions.
 */
#include "cli/json.h"
#include "cli/options.h"

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

static const char *const programs[] = {
	"produce",     "instructions", "stream", "drain-wakeup", "wake-latency",
	"against-map", "memory",       "shared", "scaling",
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

/* Is called with each line of a program's output, its newline included. */
typedef void take_fn(const char *line, void *ctx);

/* Run one; its output goes to @take, or to standard output if that is NULL.
 * Returns its exit status, or -1 if it did not come to that. */
static int run(const char *folder, const char *program, char **argv, take_fn *take, void *ctx)
{
	char path[PATH_MAX], *line = NULL;
	int fds[2] = { -1, -1 }, status;
	size_t size = 0;
	FILE *out;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", folder, program);
	if (take && pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		if (take && dup2(fds[1], STDOUT_FILENO) < 0)
			_exit(127);
		/* We have ignored it, and the program would go on in vain. */
		signal(SIGPIPE, SIG_DFL);
		argv[0] = path;
		execv(path, argv);
		_exit(127);
	}
	if (take) {
		close(fds[1]);
		out = fdopen(fds[0], "r");
		while (out && getline(&line, &size, out) >= 0)
			take(line, ctx);
		free(line);
		if (out)
			fclose(out);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void collect(const char *line, void *ctx)
{
	fputs(line, ctx);
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
	for (i = 0; i < PROGRAMS; i++)
		failed |= run(folder, programs[i], argv, collect, out) != 0;
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

/* What is printed as an object when the comment below it has been read. */
struct measured {
	struct json_object *object; /* or NULL */
	int status;
};

static void print_measured(struct measured *m)
{
	int err;

	if (!m->object)
		return;
	err = json_print(m->object);
	m->status = m->status ? m->status : err;
	err = tool_flush();
	m->status = m->status ? m->status : err;
	m->object = NULL;
}

static void measure(const char *line, void *ctx)
{
	struct measured *m = ctx;
	char name[64], unit[32], text[512];
	double ours, peer, ratio;

	if (m->object && sscanf(line, "# %511[^\n]", text) == 1)
		json_add_text(m->object, "comment", text);
	print_measured(m);
	if (sscanf(line, "%63s ours %lf %31s peer %lf %*s ratio %lf", name, &ours, unit, &peer,
		   &ratio) != 5)
		return;
	m->object = json_new();
	json_add_text(m->object, "name", name);
	json_add_text(m->object, "unit", unit);
	json_add_quantity(m->object, "ours", ours);
	json_add_quantity(m->object, "peer", peer);
	json_add_quantity(m->object, "ratio", ratio);
}

static int run_all(const char *folder, char **argv, bool as_json)
{
	struct measured m = { 0 };
	int failed = 0, skipped = 0, status;
	size_t i;

	for (i = 0; i < PROGRAMS; i++) {
		status = run(folder, programs[i], argv, as_json ? measure : NULL, &m);
		print_measured(&m);
		skipped += status == SKIPPED;
		if (status == 0 || status == SKIPPED)
			continue;
		tool_complain("%s failed", programs[i]);
		failed++;
	}
	if (skipped && !failed)
		tool_complain("not everything could be measured here");
	return failed || skipped ? TOOL_FAILED : m.status;
}

struct how {
	bool list, json;
};

static const struct option_row rows[] = {
	{ "list", NULL, option_flag, OPTION_AT(struct how, list),
	  "print all questions, and the lines that each prints" },
	{ "json", NULL, option_flag, OPTION_AT(struct how, json),
	  "an object a line for each line" },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "[QUESTION...]",
	.about = "Measure this machine: chute beside what one might use instead. Needs two CPUs, "
		 "and for BPF to be root. All questions take some minutes.",
	.rows = rows,
	.more = "QUESTION is one of these, or the name of a line. A line says NAME ours VALUE UNIT "
		"peer VALUE UNIT ratio R: medians, and how many times better; the comment below "
		"it, who the peer is and the quartiles.",
	.example = "chute bench produce drain-wakeup",
};

int tool_bench(int argc, char **argv)
{
	char folder[PATH_MAX], *names;
	struct how how = { 0 };
	int i, status = options_take(&usage, &how, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	if (how.list && how.json)
		return tool_misuse("--list and --json: the list is for people: give one of them");
	if (!find_folder(folder, sizeof(folder)))
		return tool_complain(
			"the benchmarks are not installed: they are built where clang, "
			"bpftool, libbpf, json-c and ConcurrencyKit are");
	names = list(folder);
	if (!names)
		return tool_complain("can't run the benchmarks in %s", folder);
	for (i = 0, status = TOOL_OK; i < argc && !status; i++)
		if (!is_listed(names, argv[i]))
			status = tool_misuse("%s is no question", argv[i]);
	if (!status && how.list)
		status = tool_print(names);
	else if (!status)
		/* What is before the first name makes room for the program's. */
		status = run_all(folder, argv - 1, how.json);
	free(names);
	return status;
}
