/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_container: the tests' own children and containers (fixture/child.h, container.h) are what
 * they say, without which a test that uses them proves nothing.
 */
#include "container.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What the process has found out about where it is. */
struct seen {
	pid_t pid;
	ino_t pid_namespace; /* 0: /proc does not say */
	long boottime, monotonic;
};

static struct seen *seen;

static int look(void *arg)
{
	struct timespec ts;
	struct stat status;

	seen->pid = getpid();
	seen->pid_namespace = stat("/proc/self/ns/pid", &status) ? 0 : status.st_ino;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	seen->boottime = ts.tv_sec;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	seen->monotonic = ts.tv_sec;
	return arg ? *(int *)arg : 0;
}

static int share_seen(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return seen == MAP_FAILED;
}

static int die(void *arg)
{
	raise(*(int *)arg);
	return 0;
}

static int fail_there(void *arg)
{
	(void)arg;
	close(STDERR_FILENO); /* a message that is none of this test's */
	fail();
	return 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static bool exists(pid_t pid)
{
	return !kill(pid, 0);
}

static void a_childs_end_is_told(void **state)
{
	int seven = 7, signal = SIGKILL;
	pid_t pid;

	(void)state;
	assert_int_equal(in_child(look, &seven), 7);
	assert_int_not_equal(seen->pid, getpid());
	assert_int_equal(in_child(die, &signal), -SIGKILL);
	assert_int_equal(in_child(fail_there, NULL), -SIGABRT);
	pid = child_that_stays(nothing, NULL);
	child_stop(pid);
	assert_int_equal(child_kill(pid, SIGKILL), -SIGKILL);
	assert_false(exists(pid));
}

static void a_container_has_pids_of_its_own(void **state)
{
	const struct container container = A_CONTAINER;
	struct inmate inmate = container_that_stays(&container, look, NULL);
	struct seen there = *seen;

	(void)state;
	look(NULL);
	assert_int_equal(there.pid, 2);
	assert_int_not_equal(inmate.pid, there.pid);
	assert_int_not_equal(there.pid_namespace, 0);
	assert_int_not_equal(there.pid_namespace, seen->pid_namespace);
	container_stop(&inmate);
	assert_int_equal(container_kill(&inmate, SIGKILL), -SIGKILL);
	assert_false(exists(inmate.pid) || exists(inmate.init) || exists(inmate.runtime));
}

static void a_container_is_killed_as_a_whole(void **state)
{
	const struct container container = A_CONTAINER;
	struct inmate inmate = container_that_stays(&container, look, NULL);

	(void)state;
	assert_int_equal(container_kill_all(&inmate), -SIGKILL);
	assert_false(exists(inmate.pid));
}

static void a_processs_end_is_told_from_everywhere(void **state)
{
	const struct container containers[] = { A_CONTAINER, A_CHROOT, { .proc = PROC_MISSING } };
	int seven = 7, signal = SIGSEGV;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(containers) / sizeof(*containers); i++) {
		assert_int_equal(in_container(&containers[i], look, &seven), 7);
		assert_int_equal(in_container(&containers[i], die, &signal), -SIGSEGV);
	}
}

static void proc_may_be_missing(void **state)
{
	const struct container containers[] = {
		A_CHROOT,
		{ .proc = PROC_MISSING },
		{ .namespaces = CLONE_NEWPID, .proc = PROC_MISSING },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(containers) / sizeof(*containers); i++) {
		assert_int_equal(in_container(&containers[i], look, NULL), 0);
		assert_int_equal(seen->pid_namespace, 0);
		assert_int_equal(seen->pid == 2, i == 2);
	}
	look(NULL);
	assert_int_not_equal(seen->pid_namespace, 0);
}

static void a_time_namespace_has_other_clocks(void **state)
{
	const struct container later = { .boottime = 1000000, .monotonic = 2000000 };
	struct seen there;

	(void)state;
	assert_int_equal(in_container(&later, look, NULL), 0);
	there = *seen;
	look(NULL);
	assert_true(there.boottime >= seen->boottime + 999000);
	assert_true(there.monotonic >= seen->monotonic + 1999000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_childs_end_is_told),
		cmocka_unit_test(a_container_has_pids_of_its_own),
		cmocka_unit_test(a_container_is_killed_as_a_whole),
		cmocka_unit_test(a_processs_end_is_told_from_everywhere),
		cmocka_unit_test(proc_may_be_missing),
		cmocka_unit_test(a_time_namespace_has_other_clocks),
	};

	return cmocka_run_group_tests_name("container", tests, share_seen, NULL);
}
