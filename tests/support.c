/* SPDX-License-Identifier: BSD-2-Clause */
/* support.c: see support.h. */
#include "support.h"

#include <chute/chute.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * In the place of cmocka's own, through which its report goes: before 1.1.7 a skipped
 * case is "not ok", which counts as failed.
 */
void print_message(const char *format, ...)
{
	static const char skipped[] = "not ok %u # SKIP";
	va_list args;

	if (!strncmp(format, skipped, sizeof(skipped) - 1))
		format += strlen("not ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

void skip_because(const char *reason)
{
	static char last[256];

	if (getenv("CHUTE_REQUIRE_BPF"))
		fail_msg("would skip, but CHUTE_REQUIRE_BPF is set: %s", reason);
	/* Once is enough for all that want the same. */
	if (strcmp(last, reason)) {
		print_message("# skipped: %s\n", reason);
		snprintf(last, sizeof(last), "%s", reason);
	}
	skip();
}

void need_bpf(void)
{
	int fd = chute_map("probe", 4096 * 16);
	char reason[128];

	if (fd >= 0) {
		close(fd);
		return;
	}
	snprintf(reason, sizeof(reason), "no user ring buffer can be made: %s", strerror(-fd));
	skip_because(reason);
}

__u64 next_random(__u64 *state)
{
	/* splitmix64 */
	__u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

__u64 seed_of_run(void)
{
	const char *given = getenv("CHUTE_SEED");
	__u64 seed = (__u64)time(NULL) << 16 ^ (__u64)getpid();

	if (given && *given)
		seed = strtoull(given, NULL, 0);
	print_message("# seed: CHUTE_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static __s64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

__s64 thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

__s64 now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

const char *build_path(const char *relative)
{
	static char path[4096];
	const char *build = getenv("CHUTE_BUILD");

	snprintf(path, sizeof(path), "%s/%s", build ? build : "build", relative);
	return path;
}
