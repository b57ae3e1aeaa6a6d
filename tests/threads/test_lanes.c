// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_lanes: threads on lanes that are memory rings: who gets which, who comes and goes,
 * and whether all that they send arrives in its lane's order. Draining: test_lanes_drain.
 */
#include "child.h"
#include "lane_sender.h"
#include "lane_set.h"

#include "producer/producer.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EACH 20000

static void each_thread_has_a_lane_and_all_it_sends_arrives_in_order(void **state)
{
	struct lane_sender s[LANES];
	pthread_barrier_t seated;
	struct lane_set set;
	int i, lanes = 0;

	(void)state;
	lane_set_open(&set, LANES, 4096, 0);
	pthread_barrier_init(&seated, NULL, LANES);
	lane_senders_start(s, LANES, set.lanes, set.fds, EACH, &seated, NULL);
	lane_set_hear(&set, LANES * EACH);
	for (i = 0; i < LANES; i++) {
		lane_sender_end(&s[i]);
		lanes |= 1 << s[i].lane;
	}
	assert_int_equal(lanes, (1 << LANES) - 1);
	assert_heard(&set.heard, s, LANES);
	pthread_barrier_destroy(&seated);
	lane_set_close(&set);
}

static void a_thread_keeps_its_lane_and_nobody_else_gets_it(void **state)
{
	struct lane_set set;
	struct chute *c;

	(void)state;
	lane_set_open(&set, 2, 4096, 0);
	chute_lane_leave(set.lanes); /* nothing to leave */
	errno = UNTOUCHED;
	c = chute_lane(set.lanes);
	assert_non_null(c);
	assert_ptr_equal(chute_lane(set.lanes), c);
	assert_int_equal(errno, UNTOUCHED);
	assert_int_equal(lane_of(c, set.fds), 0);
	/* Each of these threads leaves it by its end. */
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), 1);
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), 1);
	assert_ptr_equal(chute_lane(set.lanes), c);
	lane_set_close(&set);
}

static void without_a_free_lane_a_thread_gets_EBUSY_until_one_leaves(void **state)
{
	struct lane_set set;
	struct said *said;

	(void)state;
	lane_set_open(&set, 1, 4096, 0);
	said = chute_pack(chute_lane(set.lanes), sizeof(*said));
	assert_non_null(said);
	*said = (struct said){ 0 };
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), -EBUSY);
	chute_lane_leave(set.lanes);
	chute_lane_leave(set.lanes);
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), 0);
	/* Who leaves publishes. */
	assert_int_equal(lane_set_drain(&set), 1);
	assert_int_equal(set.heard.wrong, 0);
	assert_non_null(chute_lane(set.lanes));
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), -EBUSY);
	lane_set_close(&set);

	lane_set_open(&set, 0, 4096, 0);
	assert_null(chute_lane(set.lanes));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(lane_set_drain(&set), 0);
	lane_set_close(&set);
}

#define CROWD 6

static void share_lanes(__u32 flags)
{
	struct lane_sender s[CROWD];
	int i, of_lane[LANES] = { 0 };
	pthread_barrier_t seated;
	struct lane_set set;

	lane_set_open(&set, 2, 8192, flags);
	pthread_barrier_init(&seated, NULL, CROWD);
	lane_senders_start(s, CROWD, set.lanes, set.fds, EACH / 4, &seated, NULL);
	lane_set_hear(&set, CROWD * (EACH / 4));
	for (i = 0; i < CROWD; i++) {
		lane_sender_end(&s[i]);
		of_lane[s[i].lane]++;
	}
	assert_int_equal(of_lane[0], CROWD / 2);
	assert_int_equal(of_lane[1], CROWD / 2);
	assert_heard(&set.heard, s, CROWD);
	pthread_barrier_destroy(&seated);
	lane_set_close(&set);
}

static void threads_that_share_lanes_spread_and_all_they_send_arrives(void **state)
{
	(void)state;
	share_lanes(CHUTE_SHARED);
}

/* Only the first one on a lane has anything to mend. */
static void threads_that_share_lanes_may_ask_for_mended_ones(void **state)
{
	(void)state;
	share_lanes(CHUTE_SHARED | CHUTE_RECOVER);
}

static void a_lane_that_is_added_does_not_disturb_those_that_send(void **state)
{
	pthread_barrier_t seated, done;
	struct lane_sender s[LANES];
	struct lane_set set;
	__u32 i;

	(void)state;
	lane_set_open(&set, 2, 4096, 0);
	assert_int_equal(chute_lanes_count(set.lanes), 2);
	pthread_barrier_init(&seated, NULL, 2);
	pthread_barrier_init(&done, NULL, LANES);
	lane_senders_start(s, 2, set.lanes, set.fds, EACH, &seated, &done);
	for (i = 2; i < LANES; i++) {
		lane_set_hear(&set, (i - 1) * EACH / 2);
		lane_set_add(&set);
		assert_int_equal(chute_lanes_count(set.lanes), i + 1);
		s[i] = (struct lane_sender){
			.lanes = set.lanes,
			.fds = set.fds,
			.sender = i,
			.count = EACH,
			.done = &done,
		};
		lane_sender_start(&s[i]);
	}
	lane_set_hear(&set, LANES * EACH);
	for (i = 0; i < LANES; i++)
		lane_sender_end(&s[i]);
	assert_int_equal(s[0].lane + s[1].lane, 1);
	assert_int_equal(s[2].lane + s[3].lane, 5);
	assert_heard(&set.heard, s, LANES);
	pthread_barrier_destroy(&seated);
	pthread_barrier_destroy(&done);
	lane_set_close(&set);
}

struct visitor {
	struct chute_lanes *lanes;
	bool done;
	int err;
};

static void *come_and_go(void *arg)
{
	struct visitor *v = arg;

	while (!chute_load_acquire(&v->done)) {
		if (!chute_lane(v->lanes) && errno != EBUSY)
			v->err = errno;
		chute_lane_leave(v->lanes);
	}
	return NULL;
}

static void threads_come_and_go_while_lanes_are_added(void **state)
{
	struct visitor v = { 0 };
	pthread_t threads[2];
	struct lane_set set;
	int i;

	(void)state;
	lane_set_open(&set, 0, 4096, 0);
	v.lanes = set.lanes;
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &v), 0);
	while (set.count < LANES)
		lane_set_add(&set);
	for (i = LANES; i < 500; i++)
		assert_int_equal(chute_lanes_add(set.lanes, set.fds[i % LANES]), i);
	assert_int_equal(chute_lanes_count(set.lanes), 500);
	chute_store_release(&v.done, true);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(v.err, 0);
	lane_set_close(&set);
}

/* In another process: a lane of a set of its own, which is the first one. */
static int take_the_first_lane(void *arg)
{
	const struct lane_set *set = arg;
	struct chute_lanes *lanes = chute_lanes_open(NULL);
	struct chute *c;
	__u32 i;

	for (i = 0; i < set->count; i++)
		chute_lanes_add(lanes, set->fds[i]);
	c = chute_lane(lanes);
	return !c || lane_of(c, set->fds) != 0;
}

static void the_lanes_of_other_processes_are_avoided_until_they_die(void **state)
{
	struct lane_set set;
	pid_t pid;

	(void)state;
	lane_set_open(&set, 2, 4096, 0);
	pid = child_that_stays(take_the_first_lane, &set);
	assert_int_equal(lane_of(chute_lane(set.lanes), set.fds), 1);
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), -EBUSY);
	child_kill(pid, SIGKILL);
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), 0);
	lane_set_close(&set);
}

static int with_the_parents_set(struct lane_set *set, const struct chute *parents)
{
	struct chute *c = chute_lane(set->lanes);

	if (!c || c == parents || lane_of(c, set->fds) != 1 || chute_lane(set->lanes) != c)
		return 1;
	say(c, 1, 1, 0);
	chute_lane_leave(set->lanes);
	chute_lanes_close(set->lanes);
	c = chute_open_memory(set->fds[0], NULL);
	return c || errno != EBUSY ? 2 : 0;
}

static void a_child_of_fork_takes_a_lane_of_its_own(void **state)
{
	struct lane_set set;
	struct chute *c;
	int status;
	pid_t pid;

	(void)state;
	lane_set_open(&set, 2, 4096, 0);
	c = chute_lane(set.lanes);
	pid = fork();
	if (!pid)
		_exit(with_the_parents_set(&set, c));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_ptr_equal(chute_lane(set.lanes), c);
	say(c, 0, 0, 0);
	assert_int_equal(lane_set_drain(&set), 2);
	assert_int_equal(set.heard.wrong, 0);
	lane_set_close(&set);
}

static bool stop_coming;

static void *keep_coming(void *lanes)
{
	while (!chute_load_relaxed(&stop_coming)) {
		chute_lane(lanes);
		chute_lane_leave(lanes);
	}
	return NULL;
}

static int take_a_lane(void *lanes)
{
	return !chute_lane(lanes);
}

static void a_child_gets_a_lane_whatever_other_threads_were_doing(void **state)
{
	pthread_t threads[2];
	struct lane_set set;
	int i;

	(void)state;
	lane_set_open(&set, LANES, 4096, 0);
	chute_store_relaxed(&stop_coming, false);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_coming, set.lanes), 0);
	/* A few of them are forked in the middle of it. */
	for (i = 0; i < 100; i++)
		assert_int_equal(in_child(take_a_lane, set.lanes), 0);
	chute_store_relaxed(&stop_coming, true);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	lane_set_close(&set);
}

struct guest {
	struct chute_lanes *lanes;
	pthread_barrier_t *seated, *closed;
};

static void *stay(void *arg)
{
	struct guest *g = arg;

	if (!chute_lane(g->lanes))
		fail_msg("no lane");
	pthread_barrier_wait(g->seated);
	pthread_barrier_wait(g->closed);
	return NULL;
}

static void closing_ends_the_lanes_of_threads_that_live_on(void **state)
{
	pthread_barrier_t seated, closed;
	struct guest g = { .seated = &seated, .closed = &closed };
	int files = open_files();
	struct lane_set set;
	pthread_t thread;
	struct chute *c;

	(void)state;
	pthread_barrier_init(&seated, NULL, 2);
	pthread_barrier_init(&closed, NULL, 2);
	lane_set_open(&set, 3, 4096, 0);
	g.lanes = set.lanes;
	assert_int_equal(lane_of_another_thread(set.lanes, set.fds), 0); /* is gone */
	assert_int_equal(pthread_create(&thread, NULL, stay, &g), 0);
	pthread_barrier_wait(&seated);
	say(chute_lane(set.lanes), 0, lane_of(chute_lane(set.lanes), set.fds), 0);
	chute_lanes_close(set.lanes);
	/* All are given back, and this thread has no lane in another set. */
	set.lanes = chute_lanes_open(NULL);
	assert_null(chute_lane(set.lanes));
	c = chute_open_memory(set.fds[1], NULL);
	assert_non_null(c);
	chute_close(c);
	pthread_barrier_wait(&closed);
	pthread_join(thread, NULL);
	assert_int_equal(lane_set_drain(&set), 1);
	lane_set_close(&set);
	assert_int_equal(open_files(), files);
	pthread_barrier_destroy(&seated);
	pthread_barrier_destroy(&closed);
}

#define MANY 2000

static void a_process_has_so_many_sets_at_a_time_and_not_so_many_in_all(void **state)
{
	static struct chute_lanes *sets[MANY];
	int i, count;

	(void)state;
	for (count = 0; count < MANY; count++) {
		sets[count] = chute_lanes_open(NULL);
		if (!sets[count])
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_in_range(count, 100, MANY - 1);
	for (i = 0; i < count; i++)
		chute_lanes_close(sets[i]);
	for (i = 0; i < MANY; i++) {
		sets[0] = chute_lanes_open(NULL);
		assert_non_null(sets[0]);
		chute_lanes_close(sets[0]);
	}
}

static void bad_arguments_are_refused(void **state)
{
	struct {
		struct chute_opts opts;
		__u64 newer;
	} longer = { .opts.sz = sizeof(longer), .newer = 1 };
	struct chute_opts opts = { .sz = sizeof(opts), .flags = 1U << 30 };
	struct lane_set set;
	int ends[2], fd;

	(void)state;
	assert_null(chute_lanes_open(&opts));
	assert_int_equal(errno, EINVAL);
	opts = (struct chute_opts){ .sz = 1 };
	assert_null(chute_lanes_open(&opts));
	assert_int_equal(errno, EINVAL);
	assert_null(chute_lanes_open(&longer.opts));
	assert_int_equal(errno, EINVAL);
	lane_set_open(&set, 1, 4096, 0);
	assert_int_equal(chute_lanes_add(set.lanes, -1), -EBADF);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(chute_lanes_add(set.lanes, ends[0]), -EINVAL);
	close(ends[0]);
	close(ends[1]);
	fd = memfd_create("empty", MFD_CLOEXEC);
	assert_int_equal(chute_lanes_add(set.lanes, fd), -EINVAL);
	assert_null(chute_lanes_open_map(fd, NULL));
	assert_null(chute_lanes_open_map(-1, NULL));
	close(fd);
	assert_int_equal(chute_lanes_count(set.lanes), 1);
	assert_non_null(chute_lane(set.lanes));
	lane_set_close(&set);
	chute_lanes_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_has_a_lane_and_all_it_sends_arrives_in_order),
		cmocka_unit_test(a_thread_keeps_its_lane_and_nobody_else_gets_it),
		cmocka_unit_test(without_a_free_lane_a_thread_gets_EBUSY_until_one_leaves),
		cmocka_unit_test(threads_that_share_lanes_spread_and_all_they_send_arrives),
		cmocka_unit_test(threads_that_share_lanes_may_ask_for_mended_ones),
		cmocka_unit_test(a_lane_that_is_added_does_not_disturb_those_that_send),
		cmocka_unit_test(threads_come_and_go_while_lanes_are_added),
		cmocka_unit_test(the_lanes_of_other_processes_are_avoided_until_they_die),
		cmocka_unit_test(a_child_of_fork_takes_a_lane_of_its_own),
		cmocka_unit_test(a_child_gets_a_lane_whatever_other_threads_were_doing),
		cmocka_unit_test(closing_ends_the_lanes_of_threads_that_live_on),
		cmocka_unit_test(a_process_has_so_many_sets_at_a_time_and_not_so_many_in_all),
		cmocka_unit_test(bad_arguments_are_refused),
	};

	return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
