// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_owner: a word of shared memory names a process, and tells whether it lives: over
 * death, reuse of its pid, fork() and execve(). See test_life for other namespaces.
 */
#include "child.h"

#include "owner.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Fields that owner.h describes. */
#define START (0x1fffULL << 22)
#define LIFE  (1ULL << 47)

/* A child that writes down its word, and goes on living. */
struct child {
	pid_t pid;
	__u64 word;
};

static int pipe_fds[2];

static void write_word_and_live(void)
{
	__u64 word = chute_owner_self();

	/* Not longer than a test that failed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(pipe_fds[1], &word, sizeof(word)) != sizeof(word))
		_exit(1);
	for (;;)
		pause();
}

static __u64 read_word(void)
{
	__u64 word;

	assert_int_equal(read(pipe_fds[0], &word, sizeof(word)), sizeof(word));
	return word;
}

/* This program again, as `test_owner word FD`. */
static void exec_word(void)
{
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", pipe_fds[1]);
	execl("/proc/self/exe", "test_owner", "word", fd, NULL);
	_exit(1);
}

/* With this pid; -1 and errno where that is not allowed. Not glibc's fork(). */
static pid_t clone_with_pid(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (__u64)(unsigned long)&pid,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static struct child new_child(void)
{
	struct child child = { .pid = fork() };

	assert_true(child.pid >= 0);
	if (!child.pid)
		write_word_and_live();
	child.word = read_word();
	assert_int_equal(chute_owner_pid(child.word), child.pid);
	return child;
}

/* It is a zombie from here on. */
static void kill_and_leave(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void assert_state(__u64 word, enum chute_owner_state expected)
{
	errno = 4711;
	assert_int_equal(chute_owner_state(word), expected);
	assert_int_equal(errno, 4711);
}

static void nobody_is_dead_and_we_are_alive(void **state)
{
	const __u64 self = chute_owner_self();

	(void)state;
	assert_int_equal(chute_owner_pid(self), getpid());
	assert_int_equal(chute_owner_self(), self);
	assert_state(0, CHUTE_OWNER_DEAD);
	assert_state(self, CHUTE_OWNER_ALIVE);
}

static void a_child_is_another_and_lives_until_it_is_killed(void **state)
{
	struct child child = new_child();

	(void)state;
	assert_true(child.word != chute_owner_self());
	assert_state(child.word, CHUTE_OWNER_ALIVE);
	kill_and_leave(child.pid);
	assert_state(child.word, CHUTE_OWNER_DEAD);
	reap(child.pid);
	assert_state(child.word, CHUTE_OWNER_DEAD);
}

static void a_name_that_looks_like_a_stat_line_confuses_nobody(void **state)
{
	const char *names[] = { "a) Z 1 1", "((((", "))))", ") X 0 0 0 0 0 0", "new\nline" };
	struct child child;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		child.pid = fork();
		assert_true(child.pid >= 0);
		if (!child.pid) {
			prctl(PR_SET_NAME, names[i]);
			write_word_and_live();
		}
		child.word = read_word();
		assert_state(child.word, CHUTE_OWNER_ALIVE);
		/* That it is a zombie is read behind the name. */
		kill_and_leave(child.pid);
		assert_state(child.word, CHUTE_OWNER_DEAD);
		reap(child.pid);
	}
}

/* The clock's ticks in /proc/PID/stat. */
static long long ticks(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * sysconf(_SC_CLK_TCK) + ts.tv_nsec / (1000000000 / sysconf(_SC_CLK_TCK));
}

static void a_reused_pid_is_not_the_one_before_it(void **state)
{
	struct child first, second;
	long long start;

	(void)state;
	first = new_child();
	reap(first.pid);
	for (start = ticks(); ticks() < start + 2;)
		sched_yield();
	second.pid = clone_with_pid(first.pid);
	if (second.pid < 0)
		skip_because("clone3(2) does not give a pid that is asked for");
	if (!second.pid)
		exec_word();
	second.word = read_word();
	assert_int_equal(chute_owner_pid(second.word), first.pid);
	assert_state(second.word, CHUTE_OWNER_ALIVE);
	assert_state(first.word, CHUTE_OWNER_DEAD);
	reap(second.pid);
}

static void without_a_start_time_a_living_pid_is_alive(void **state)
{
	struct child child = new_child();
	const __u64 word = child.word & ~(START | LIFE);

	(void)state;
	assert_state(word, CHUTE_OWNER_ALIVE);
	reap(child.pid);
	assert_state(word, CHUTE_OWNER_DEAD);
}

static void *live(void *arg)
{
	write_word_and_live();
	return arg;
}

static void a_process_whose_first_thread_has_ended_lives(void **state)
{
	pthread_t thread;
	pid_t pid = fork();
	__u64 word;

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		if (pthread_create(&thread, NULL, live, NULL))
			_exit(1);
		syscall(SYS_exit, 0);
	}
	word = read_word();
	while (child_state(pid) != 'Z')
		sched_yield();
	assert_state(word, CHUTE_OWNER_ALIVE);
	reap(pid);
	assert_state(word, CHUTE_OWNER_DEAD);
}

/* What this program says, after execve() in the same process, of the word before. */
static int judge_after_exec(void)
{
	char word[32];
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		snprintf(word, sizeof(word), "%llu", (unsigned long long)chute_owner_self());
		execl("/proc/self/exe", "test_owner", "judge", word, NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void execve_makes_another_of_a_process(void **state)
{
	int i, same = 0;

	(void)state;
	/* Once in 8192 times it makes the same. */
	for (i = 0; i < 200; i++)
		same += judge_after_exec() != CHUTE_OWNER_DEAD;
	assert_true(same <= 1);
}

/*
 * Runs @body in the first process of a pid namespace of its own, in which /proc is still
 * the outer one's. Returns what it returned.
 */
static int in_another_namespace(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(77);
		pid = fork();
		if (!pid)
			_exit(body());
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			_exit(1);
		_exit(WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip_because("no pid namespace can be made (unshare(2))");
	return WEXITSTATUS(status);
}

static pid_t outer_pid;

/* A process with a number that out there is somebody else's, in /proc as well. */
static int inner_has_a_namesake(void)
{
	__u64 word;
	pid_t pid;
	bool ok;

	pid = clone_with_pid(outer_pid);
	if (pid < 0)
		return 77;
	if (!pid)
		exec_word();
	if (read(pipe_fds[0], &word, sizeof(word)) != sizeof(word))
		return 1;
	ok = chute_owner_pid(word) == outer_pid &&
	     chute_owner_state(word & ~LIFE) == CHUTE_OWNER_ALIVE;
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		return 1;
	return !ok || chute_owner_state(word & ~LIFE) != CHUTE_OWNER_DEAD;
}

static void the_proc_of_another_namespace_is_not_asked(void **state)
{
	struct child namesake = new_child();

	(void)state;
	outer_pid = namesake.pid;
	assert_int_equal(in_another_namespace(inner_has_a_namesake), 0);
	reap(namesake.pid);
}

static void a_claim_is_one_owners_until_it_is_released(void **state)
{
	const __u64 self = chute_owner_self();
	struct child child = new_child();
	__u64 word = 0;

	(void)state;
	assert_int_equal(chute_owner_claim(&word, self), 0);
	assert_true(word == self);
	assert_int_equal(chute_owner_claim(&word, self), -EBUSY);
	assert_int_equal(chute_owner_claim(&word, child.word), -EBUSY);
	chute_owner_release(&word, child.word);
	assert_true(word == self);
	chute_owner_release(&word, self);
	assert_true(word == 0);
	word = child.word;
	assert_int_equal(chute_owner_claim(&word, self), -EBUSY);
	reap(child.pid);
	assert_int_equal(chute_owner_claim(&word, self), 0);
	assert_true(word == self);
}

#define THREADS 4
#define ROUNDS	2000

struct race {
	pthread_barrier_t barrier;
	__u64 word, dead;
	int winners;
};

static void *race_for_it(void *arg)
{
	struct race *race = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (pthread_barrier_wait(&race->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			race->word = i % 2 ? race->dead : 0;
		pthread_barrier_wait(&race->barrier);
		if (!chute_owner_claim(&race->word, chute_owner_self()))
			__atomic_fetch_add(&race->winners, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void of_many_that_claim_at_once_one_wins(void **state)
{
	struct child child = new_child();
	struct race race = { .dead = child.word };
	pthread_t threads[THREADS];
	int i;

	(void)state;
	reap(child.pid);
	pthread_barrier_init(&race.barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_for_it, &race), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race.winners, ROUNDS);
	pthread_barrier_destroy(&race.barrier);
}

static int set_up(void **state)
{
	(void)state;
	return pipe(pipe_fds);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_dead_and_we_are_alive),
		cmocka_unit_test(a_child_is_another_and_lives_until_it_is_killed),
		cmocka_unit_test(a_name_that_looks_like_a_stat_line_confuses_nobody),
		cmocka_unit_test(a_reused_pid_is_not_the_one_before_it),
		cmocka_unit_test(without_a_start_time_a_living_pid_is_alive),
		cmocka_unit_test(a_process_whose_first_thread_has_ended_lives),
		cmocka_unit_test(execve_makes_another_of_a_process),
		cmocka_unit_test(the_proc_of_another_namespace_is_not_asked),
		cmocka_unit_test(a_claim_is_one_owners_until_it_is_released),
		cmocka_unit_test(of_many_that_claim_at_once_one_wins),
	};

	if (argc == 3 && !strcmp(argv[1], "judge"))
		return (int)chute_owner_state(strtoull(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "word")) {
		pipe_fds[1] = atoi(argv[2]);
		write_word_and_live();
	}
	return cmocka_run_group_tests_name("owner", tests, set_up, NULL);
}
