// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_life: whether a process lives is known where no /proc tells: in other pid, time and
 * mount namespaces, in a chroot, after an execve(2) without a new place for its stack,
 * while it dumps core, and whatever it does to its descriptors or its children.
 */
#include "container.h"

#include "life.h"
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIFE (1ULL << 47) /* see owner.h */

static const struct {
	const char *name;
	struct container at;
} places[] = {
	{ "a container", A_CONTAINER },
	{ "a pid namespace, with the outer /proc", { .namespaces = CLONE_NEWPID } },
	{ "a time namespace", { .boottime = 1000 } },
	{ "a chroot without /proc", A_CHROOT },
	{ "a container without /proc",
	  { .namespaces = CLONE_NEWPID, .proc = PROC_MISSING, .boottime = 1000 } },
};

static const struct container a_container = A_CONTAINER;

static int pipe_fds[2];
static char empty[] = "/tmp/chute-life-XXXXXX"; /* for a core */

static void tell(__u64 number)
{
	if (write(pipe_fds[1], &number, sizeof(number)) != sizeof(number))
		_exit(1);
}

static __u64 hear(void)
{
	__u64 number = 0;

	assert_int_equal(read(pipe_fds[0], &number, sizeof(number)), sizeof(number));
	return number;
}

static int tell_word(void *arg)
{
	(void)arg;
	tell(chute_owner_self());
	return 0;
}

/* The kernel says so some milliseconds later. */
static void wait_until_dead(__u64 word)
{
	while (chute_owner_state(word) != CHUTE_OWNER_DEAD)
		usleep(1000);
}

static void who_is_killed_elsewhere_is_dead(void **state)
{
	const __u64 self = chute_owner_self();
	struct inmate inmate;
	__u64 word, claimed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		print_message("# in %s\n", places[i].name);
		inmate = container_that_stays(&places[i].at, tell_word, NULL);
		claimed = word = hear();
		assert_true(word & LIFE);
		assert_false(chute_owner_is_foreign(word, self));
		assert_int_equal(chute_owner_state(word), CHUTE_OWNER_ALIVE);
		assert_int_equal(chute_owner_claim(&claimed, self), -EBUSY);
		container_kill(&inmate, SIGKILL);
		wait_until_dead(word);
		assert_int_equal(chute_owner_claim(&claimed, self), 0);
		assert_true(claimed == self);
	}
}

static int watch_die(void *arg)
{
	const __u64 *other = arg;

	tell((__u64)chute_owner_state(*other));
	wait_until_dead(*other);
	return 0;
}

static void who_is_elsewhere_sees_us_die(void **state)
{
	static const struct container here = { .namespaces = 0 };
	struct inmate watched, watcher;
	__u64 word;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		print_message("# from %s\n", places[i].name);
		watched = container_that_stays(i % 2 ? &here : &a_container, tell_word, NULL);
		word = hear();
		watcher = container_start(&places[i].at, watch_die, &word);
		assert_int_equal(hear(), CHUTE_OWNER_ALIVE);
		container_kill(&watched, SIGKILL);
		assert_int_equal(container_wait(&watcher), 0);
	}
}

static int close_all_descriptors(void *arg)
{
	int fd;

	chute_owner_self();
	for (fd = 3; fd < 1024; fd++)
		if (fd != pipe_fds[1])
			close(fd);
	tell_word(arg);
	pause();
	return 0;
}

static void who_closes_all_descriptors_lives(void **state)
{
	struct inmate inmate;
	__u64 word;

	(void)state;
	inmate = container_start(&a_container, close_all_descriptors, NULL);
	word = hear();
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_ALIVE);
	container_kill(&inmate, SIGKILL);
	wait_until_dead(word);
}

static int needs_none(void *arg)
{
	int before = dup(0), after;

	(void)arg;
	close(before);
	chute_owner_self();
	after = dup(0);
	return after != before;
}

static void a_sign_of_life_keeps_no_descriptor(void **state)
{
	(void)state;
	assert_int_equal(in_child(needs_none, NULL), 0);
}

/* ---- children ---- */

enum { BY_FORK, BY_FORK_ALONE, BY_CLONE, WAYS };

static pid_t child_by(int way)
{
	switch (way) {
	case BY_FORK:
		return fork();
	case BY_FORK_ALONE:
		return _Fork();
	default:
		return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	}
}

static int leave_a_child(void *arg)
{
	tell_word(NULL);
	if (!child_by(*(int *)arg)) {
		prctl(PR_SET_PDEATHSIG, 0);
		tell((__u64)getpid());
	}
	pause();
	return 0;
}

static void the_dead_are_dead_though_their_children_live(void **state)
{
	/* Not in a pid namespace: there the child's pid is another one. */
	const struct container later = { .boottime = 1000 };
	struct inmate inmate;
	pid_t child;
	__u64 word;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		inmate = container_start(&later, leave_a_child, &way);
		word = hear();
		child = (pid_t)hear();
		container_kill(&inmate, SIGKILL);
		wait_until_dead(word);
		assert_int_equal(kill(child, 0), 0);
		kill(child, SIGKILL);
	}
}

static void a_child_is_another_however_it_was_made(void **state)
{
	const __u64 self = chute_owner_self();
	__u64 word;
	pid_t pid;
	int way;

	(void)state;
	for (way = 0; way < WAYS; way++) {
		pid = child_by(way);
		assert_true(pid >= 0);
		if (!pid) {
			tell_word(NULL);
			for (;;)
				pause();
		}
		word = hear();
		assert_int_equal(chute_owner_pid(word), pid);
		assert_true(word & LIFE);
		assert_true(chute_owner_self() == self);
		assert_int_equal(chute_owner_state(word), CHUTE_OWNER_ALIVE);
		child_kill(pid, SIGKILL);
		wait_until_dead(word);
	}
}

/* ---- execve() and core dumps ---- */

static void exec_another(void)
{
	char fd[16];

	tell_word(NULL);
	snprintf(fd, sizeof(fd), "%d", pipe_fds[1]);
	execl("/proc/self/exe", "test_life", fd, "live", NULL);
	_exit(1);
}

/* Before, it is such an image as well: its stack is where the other one's will be. */
static int exec_and_exec_another(void *arg)
{
	char fd[16];

	(void)arg;
	personality(ADDR_NO_RANDOMIZE);
	snprintf(fd, sizeof(fd), "%d", pipe_fds[1]);
	execl("/proc/self/exe", "test_life", fd, "exec", NULL);
	_exit(1);
}

static void another_image_in_the_same_place_is_noticed(void **state)
{
	__u64 word;
	pid_t pid;

	(void)state;
	pid = child_start(exec_and_exec_another, NULL);
	word = hear();
	assert_true(word & LIFE);
	assert_int_equal(hear(), 0); /* the other image is there */
	wait_until_dead(word);
	assert_int_equal(kill(pid, 0), 0);
	child_kill(pid, SIGKILL);
}

static int crash(void *arg)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const size_t size = 64 << 20;
	char *memory = malloc(size);
	size_t i;

	(void)arg;
	if (chdir(empty) || setrlimit(RLIMIT_CORE, &all) || !memory) {
		tell(0);
		_exit(1);
	}
	signal(SIGABRT, SIG_DFL);
	for (i = 0; i < size; i++)
		memory[i] = (char)(i * 2654435761u >> 7 | 1);
	tell_word(NULL);
	abort();
}

static bool dumps_core(pid_t pid)
{
	char text[4096];

	child_proc(pid, "status", text, sizeof(text));
	return strstr(text, "CoreDumping:\t1");
}

static void who_dumps_core_is_dead(void **state)
{
	const time_t late = time(NULL) + 30;
	siginfo_t info = { 0 };
	__u64 word;
	pid_t pid;

	(void)state;
	pid = child_start(crash, NULL);
	word = hear();
	do {
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG), 0);
		if (info.si_pid || time(NULL) > late) {
			child_kill(pid, SIGKILL);
			/* Not for want of BPF: skip_because() is no place for it. */
			print_message("# skipped: no core is dumped here\n");
			skip();
		}
	} while (!dumps_core(pid));
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_DEAD);
	child_kill(pid, SIGKILL);
}

/* ---- who can't be judged, and who hinders it ---- */

static void without_a_sign_of_life_nobody_elsewhere_is_judged(void **state)
{
	const __u64 self = chute_owner_self();
	struct inmate inmate;
	__u64 word, claimed;

	(void)state;
	inmate = container_that_stays(&a_container, tell_word, NULL);
	claimed = word = hear() & ~LIFE;
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_FOREIGN);
	assert_true(chute_owner_is_foreign(word, self));
	container_kill(&inmate, SIGKILL);
	/* Dead by now, and all the same. */
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_FOREIGN);
	assert_int_equal(chute_owner_claim(&claimed, self), -EXDEV);
	assert_true(claimed == word);
}

/* A lock on what shows that @word lives, and on its neighbours. */
static int lock_around(__u64 word, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(word & INT64_MAX) - 8,
		.l_len = 16,
	};
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

static void who_holds_the_lock_of_the_dead_makes_them_seem_alive(void **state)
{
	struct inmate inmate;
	__u64 word;
	int fd;

	(void)state;
	inmate = container_that_stays(&a_container, tell_word, NULL);
	word = hear();
	fd = lock_around(word, F_RDLCK);
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_ALIVE);
	container_kill(&inmate, SIGKILL);
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_ALIVE);
	close(fd);
	wait_until_dead(word);
}

static void who_keeps_a_lock_to_himself_keeps_others_from_showing_that_they_live(void **state)
{
	const __u64 name = 0x123456789abcdefULL;
	int fd = lock_around(name, F_WRLCK);

	(void)state;
	assert_false(chute_life_hold(name));
	/* It is none of ours: all of those are shared. */
	assert_int_equal(chute_life_look(name), CHUTE_LIFE_OVER);
	close(fd);
	assert_int_equal(chute_life_look(name), CHUTE_LIFE_OVER);
	assert_true(chute_life_hold(name));
	assert_int_equal(chute_life_look(name), CHUTE_LIFE_GOES_ON);
}

static void without_descriptors_nobody_is_taken_for_dead(void **state)
{
	struct rlimit before, none;
	struct inmate inmate;
	__u64 word;

	(void)state;
	chute_owner_self();
	inmate = container_that_stays(&a_container, tell_word, NULL);
	word = hear();
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ 0, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	assert_int_equal(chute_owner_state(word), CHUTE_OWNER_FOREIGN);
	assert_int_equal(chute_owner_state(chute_owner_self()), CHUTE_OWNER_ALIVE);
	setrlimit(RLIMIT_NOFILE, &before);
	container_kill(&inmate, SIGKILL);
	wait_until_dead(word);
}

static int have_a_word_without_descriptors(void *arg)
{
	const struct rlimit none = { 0, 0 };
	__u64 word;

	(void)arg;
	setrlimit(RLIMIT_NOFILE, &none);
	word = chute_owner_self();
	return (word & LIFE) || chute_owner_pid(word) != getpid() || chute_owner_self() != word;
}

static void without_descriptors_there_is_a_word_without_a_sign_of_life(void **state)
{
	(void)state;
	assert_int_equal(in_child(have_a_word_without_descriptors, NULL), 0);
}

static int set_up(void **state)
{
	(void)state;
	return pipe(pipe_fds) || !mkdtemp(empty);
}

static int tear_down(void **state)
{
	char core[64];

	(void)state;
	snprintf(core, sizeof(core), "%s/core", empty);
	unlink(core);
	return rmdir(empty);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_killed_elsewhere_is_dead),
		cmocka_unit_test(who_is_elsewhere_sees_us_die),
		cmocka_unit_test(who_closes_all_descriptors_lives),
		cmocka_unit_test(a_sign_of_life_keeps_no_descriptor),
		cmocka_unit_test(the_dead_are_dead_though_their_children_live),
		cmocka_unit_test(a_child_is_another_however_it_was_made),
		cmocka_unit_test(another_image_in_the_same_place_is_noticed),
		cmocka_unit_test(who_dumps_core_is_dead),
		cmocka_unit_test(without_a_sign_of_life_nobody_elsewhere_is_judged),
		cmocka_unit_test(who_holds_the_lock_of_the_dead_makes_them_seem_alive),
		cmocka_unit_test(
			who_keeps_a_lock_to_himself_keeps_others_from_showing_that_they_live),
		cmocka_unit_test(without_descriptors_nobody_is_taken_for_dead),
		cmocka_unit_test(without_descriptors_there_is_a_word_without_a_sign_of_life),
	};

	if (argc == 3) {
		pipe_fds[1] = atoi(argv[1]);
		if (!strcmp(argv[2], "exec"))
			exec_another();
		tell(0);
		for (;;)
			pause();
	}
	return cmocka_run_group_tests_name("life", tests, set_up, tear_down);
}
