/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * support.h: what the test programs share. Include it first.
 */
#ifndef CHUTE_TESTS_SUPPORT_H
#define CHUTE_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/types.h>

/*
 * Ends the test case as skipped where user ring buffers are not to be had, and
 * says why; as failed if CHUTE_REQUIRE_BPF is set.
 */
void need_bpf(void);

/* The same for anything else that a machine may lack. */
void skip_because(const char *reason);

/* The next number of a reproducible sequence; the state is the caller's seed. */
__u64 next_random(__u64 *state);

/* Where a run's random numbers start: CHUTE_SEED, which repeats a run, or drawn. Printed. */
__u64 seed_of_run(void);

/* CPU time used so far by this thread, and the clock's time, in ns. */
__s64 thread_cpu_ns(void);
__s64 now_ns(void);

/* A path below the build folder (CHUTE_BUILD), in a static buffer. */
const char *build_path(const char *relative);

#endif
