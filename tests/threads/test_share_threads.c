// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_share_threads: many threads, of one process and of several, on one handle and on
 * many: each one's records come once, whole and in its order; who waits is woken.
 *
 * The producers and the consumer of a process use one mapping, so that
 * ThreadSanitizer sees that they use the same memory. CHUTE_RECORDS in the environment
 * is how many records the threads of a case send in all.
 */
#include "shared_ring.h"

#include "consumer/drain.h"
#include "producer/producer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	  8
#define HANDLES	  2
#define PROCESSES 4
#define MANY	  10000000 /* records */
#define FEW	  160000
#define BATCH	  16

struct said {
	__u32 who, check;
	__u64 number;
};

struct crowd {
	struct chute_ring *ring;
	struct chute_producer *handles;
	struct chute_consumer consumer;
	__u64 each; /* records of a thread */
	__u64 next[THREADS];
	__u64 seen, wrong, expected;
};

struct member {
	struct crowd *crowd;
	struct chute *c;
	__u32 who;
};

static __u32 check_of(__u32 who, __u64 number)
{
	return (__u32)(number * 0x9e3779b97f4a7c15ULL >> 32) ^ who;
}

static void say(const struct member *m, struct said *said, __u64 number)
{
	*said = (struct said){ m->who, check_of(m->who, number), number };
}

static void send_one(const struct member *m, __u64 number)
{
	void *payload = chute_reserve_for(m->c, sizeof(struct said), CHUTE_FOREVER);

	say(m, payload, number);
	chute_submit(m->c, payload);
}

static void send_batch(const struct member *m, __u64 number)
{
	void *first = chute_reserve_batch_for(m->c, BATCH, sizeof(struct said), CHUTE_FOREVER);
	void *payload = first;
	int i;

	for (i = 0; i < BATCH; i++, payload = chute_batch_next(payload, sizeof(struct said)))
		say(m, payload, number + (__u64)i);
	chute_submit(m->c, first);
}

/* Half of them single records, and half in batches; and now and then one that is discarded. */
static void *send_all(void *arg)
{
	const struct member *m = arg;
	__u64 number = 0, random = m->who + 1;

	while (number < m->crowd->each) {
		if (next_random(&random) % 32 == 0)
			chute_discard(m->c, chute_reserve_for(m->c, 40, CHUTE_FOREVER));
		if (m->crowd->each - number >= BATCH && next_random(&random) % 16 == 0) {
			send_batch(m, number);
			number += BATCH;
		} else {
			send_one(m, number++);
		}
	}
	return NULL;
}

static int hear(const void *payload, __u32 size, void *ctx)
{
	const struct said *said = payload;
	struct crowd *crowd = ctx;

	if (size != sizeof(*said) || said->who >= THREADS ||
	    said->check != check_of(said->who, said->number) ||
	    said->number != crowd->next[said->who]++)
		crowd->wrong++;
	crowd->seen++;
	return 0;
}

static void hear_all(struct crowd *crowd)
{
	long ret;

	while (crowd->seen < crowd->expected && !crowd->wrong) {
		ret = chute_drain(&crowd->consumer, hear, crowd, 0);
		assert_true(ret >= 0);
		if (!ret)
			chute_drain_wait(&crowd->consumer, 10000000);
	}
	assert_int_equal(crowd->wrong, 0);
	assert_int_equal(chute_drain(&crowd->consumer, hear, crowd, 0), 0);
}

static __u64 wanted(__u64 otherwise)
{
	const char *text = getenv("CHUTE_RECORDS");

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void crowd_init(struct crowd *crowd, struct shared_ring *s)
{
	memset(crowd, 0, sizeof(*crowd));
	crowd->ring = &s->ring;
	crowd->handles = calloc(HANDLES, sizeof(struct chute_producer));
	chute_consumer_init(&crowd->consumer, &s->ring);
}

static void crowd_open(struct crowd *crowd, int handles)
{
	const struct chute_opts opts = { .sz = sizeof(opts),
					 .flags = CHUTE_SHARED,
					 .spin_ns = 5000 };
	int i;

	for (i = 0; i < handles; i++)
		assert_int_equal(chute_producer_init(&crowd->handles[i], crowd->ring, &opts), 0);
}

static void crowd_close(struct crowd *crowd, int handles)
{
	int i;

	for (i = 0; i < handles; i++)
		chute_producer_fini(&crowd->handles[i]);
}

static void start_threads(struct crowd *crowd, struct member *members, pthread_t *threads,
			  int handles)
{
	__u32 i;

	for (i = 0; i < THREADS; i++) {
		members[i] = (struct member){ crowd, &crowd->handles[i % handles].fast, i };
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, &members[i]), 0);
	}
}

static void join_threads(pthread_t *threads, int count)
{
	int i;

	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void threads_send(struct shared_ring *s, int handles, __u64 records)
{
	struct member members[THREADS];
	pthread_t threads[THREADS];
	struct crowd crowd;

	crowd_init(&crowd, s);
	crowd_open(&crowd, handles);
	crowd.each = wanted(records) / THREADS;
	crowd.expected = crowd.each * THREADS;
	start_threads(&crowd, members, threads, handles);
	hear_all(&crowd);
	join_threads(threads, THREADS);
	crowd_close(&crowd, handles);
	assert_int_equal(crowd.seen, crowd.expected);
	free(crowd.handles);
}

static void threads_share_a_handle(void **state)
{
	threads_send(*state, 1, MANY);
}

static void threads_have_a_handle_each_few(void **state)
{
	threads_send(*state, HANDLES, FEW);
}

/* One thread each: ThreadSanitizer sees no lock that went through another process. */
static void processes_send(void **state)
{
	struct shared_ring *s = *state;
	struct member member;
	struct crowd crowd;
	__u32 i;
	int status;

	crowd_init(&crowd, s);
	crowd.each = FEW / PROCESSES;
	crowd.expected = crowd.each * PROCESSES;
	for (i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		crowd_open(&crowd, 1);
		member = (struct member){ &crowd, &crowd.handles[0].fast, i };
		send_all(&member);
		crowd_close(&crowd, 1);
		_exit(0);
	}
	hear_all(&crowd);
	for (i = 0; i < PROCESSES; i++) {
		wait(&status);
		assert_int_equal(status, 0);
	}
	free(crowd.handles);
}

/* ---- waiting ---- */

static long fill(struct chute *c)
{
	void *payload;
	long count;

	for (count = 0; (payload = chute_reserve(c, 1000)); count++)
		chute_submit(c, payload);
	for (; (payload = chute_reserve(c, 0)); count++)
		chute_submit(c, payload);
	return count;
}

struct waiter {
	struct chute *c;
	__u32 *waiting, *through;
};

static void *wait_for_space(void *arg)
{
	struct waiter *w = arg;
	void *payload;

	chute_fetch_add(w->waiting, 1U);
	payload = chute_reserve_for(w->c, 1000, CHUTE_FOREVER);
	chute_submit(w->c, payload);
	chute_fetch_add(w->through, 1U);
	return NULL;
}

static int ignore(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	return 0;
}

/* One drain, in default mode, makes space for all of them. */
static void all_wake(struct shared_ring *s, int handles)
{
	struct waiter waiters[THREADS];
	__u32 waiting = 0, through = 0;
	pthread_t threads[THREADS];
	struct crowd crowd;
	long count;
	int i;

	crowd_init(&crowd, s);
	crowd_open(&crowd, handles);
	count = fill(&crowd.handles[0].fast) + THREADS;
	for (i = 0; i < THREADS; i++) {
		waiters[i] =
			(struct waiter){ &crowd.handles[i % handles].fast, &waiting, &through };
		pthread_create(&threads[i], NULL, wait_for_space, &waiters[i]);
	}
	while (chute_load_acquire(&waiting) != THREADS)
		sched_yield();
	assert_int_equal(chute_load_acquire(&through), 0);
	/* It may get some of theirs already. */
	count -= chute_drain(&crowd.consumer, ignore, NULL, 0);
	join_threads(threads, THREADS);
	assert_int_equal(through, THREADS);
	assert_int_equal(chute_drain(&crowd.consumer, ignore, NULL, 0), count);
	crowd_close(&crowd, handles);
	free(crowd.handles);
}

static void all_threads_that_wait_on_a_handle_are_woken(void **state)
{
	all_wake(*state, 1);
}

static void so_are_those_of_many_handles(void **state)
{
	all_wake(*state, HANDLES);
}

#define TIMEOUT_NS 20000000

static void *wait_in_vain(void *arg)
{
	struct waiter *w = arg;
	__s64 start = now_ns();
	void *payload;

	errno = 0;
	payload = chute_reserve_for(w->c, 1000, TIMEOUT_NS);
	if (!payload && errno == ENOSPC && now_ns() - start >= TIMEOUT_NS)
		chute_fetch_add(w->through, 1U);
	return NULL;
}

static void a_timeout_is_each_threads_own(void **state)
{
	struct shared_ring *s = *state;
	struct waiter waiters[THREADS];
	pthread_t threads[THREADS];
	struct crowd crowd;
	__u32 through = 0;
	int i;

	crowd_init(&crowd, s);
	crowd_open(&crowd, 1);
	fill(&crowd.handles[0].fast);
	for (i = 0; i < THREADS; i++) {
		waiters[i] = (struct waiter){ &crowd.handles[0].fast, NULL, &through };
		pthread_create(&threads[i], NULL, wait_in_vain, &waiters[i]);
	}
	join_threads(threads, THREADS);
	assert_int_equal(through, THREADS);
	crowd_close(&crowd, 1);
	free(crowd.handles);
}

/* Threads that count kicks may come to the end at once. */
static void *send_and_kick(void *arg)
{
	const struct member *m = arg;
	__u64 i;

	for (i = 0; i < m->crowd->each; i++)
		assert_int_equal(chute_send(m->c, &i, sizeof(i), CHUTE_FOREVER), 0);
	return NULL;
}

static void threads_that_share_a_handle_go_on_kicking(void **state)
{
	const struct chute_opts opts = { .sz = sizeof(opts),
					 .flags = CHUTE_SHARED | CHUTE_KICK,
					 .spin_ns = 5000,
					 .kick_every = 2 };
	struct shared_ring *s = *state;
	struct member members[THREADS];
	pthread_t threads[THREADS];
	struct crowd crowd;
	__u64 seen = 0;
	__u32 seq;
	int i;

	crowd_init(&crowd, s);
	assert_int_equal(chute_producer_init(&crowd.handles[0], crowd.ring, &opts), 0);
	crowd.each = 2000;
	for (i = 0; i < THREADS; i++) {
		members[i] = (struct member){ &crowd, &crowd.handles[0].fast, 0 };
		pthread_create(&threads[i], NULL, send_and_kick, &members[i]);
	}
	while (seen < crowd.each * THREADS)
		seen += (__u64)chute_drain(&crowd.consumer, ignore, NULL, 0);
	join_threads(threads, THREADS);
	seq = s->ring.producer->data_seq;
	s->ring.producer->data_sleepers = 1;
	for (i = 0; i < 2; i++)
		shared_send(&crowd.handles[0].fast, 1);
	assert_true(s->ring.producer->data_seq != seq);
	crowd_close(&crowd, 1);
	free(crowd.handles);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, shared_ring_open, shared_ring_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(threads_share_a_handle),
		CASE(threads_have_a_handle_each_few),
		CASE(processes_send),
		CASE(all_threads_that_wait_on_a_handle_are_woken),
		CASE(so_are_those_of_many_handles),
		CASE(a_timeout_is_each_threads_own),
		CASE(threads_that_share_a_handle_go_on_kicking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
