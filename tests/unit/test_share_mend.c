// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_share_mend: CHUTE_RECOVER among many producers: whoever comes gets in, and the first
 * one mends all.
 */
#include "shared_ring.h"

#include "child.h"
#include "owner.h"

#include <errno.h>

static const struct chute_opts mending = {
	.sz = sizeof(mending),
	.flags = CHUTE_SHARED | CHUTE_RECOVER,
};

static void who_comes_to_mend_shares_with_who_is_there(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s), *mender;
	__u64 *open = chute_reserve(c, 8), *unowned = chute_reserve(c, 8);

	/* As libbpf's producer leaves it. */
	((struct chute_header *)unowned)[-1].pad = 0;
	shared_send(c, 3);
	mender = shared_open(s, &mending);
	assert_non_null(mender);
	assert_int_equal(s->ring.producer->recovered, 1);
	shared_send(mender, 4);
	*open = 1;
	chute_submit(c, open);
	shared_expect(s, NUMBERS(1, 3, 4));
	chute_close(mender);
	chute_close(c);
	/* But not with a sole producer. */
	c = shared_open(s, NULL);
	assert_null(shared_open(s, &mending));
	assert_int_equal(errno, EBUSY);
	assert_int_equal(s->ring.producer->lock, 0);
	chute_close(c);
}

static void who_is_the_first_to_share_mends_all(void **state)
{
	struct shared_ring *s = *state;
	struct chute *c = shared_producer(s);

	shared_send(c, 1);
	*(__u64 *)chute_reserve(c, 8) = 2;
	shared_send(c, 3);
	/* No record: it would end beyond all that there is. */
	shared_head(s)[2].len = 4096;
	chute_close(c);
	c = shared_open(s, &mending);
	assert_non_null(c);
	shared_send(c, 4);
	shared_expect(s, NUMBERS(1, 4));
	chute_close(c);
}

static int open_to_mend(void *arg)
{
	struct chute *c = shared_open(arg, &mending);

	if (!c)
		return errno;
	shared_send(c, 1);
	chute_close(c);
	return 0;
}

static void many_come_to_mend_at_once(void **state)
{
	struct shared_ring *s = *state;
	pid_t pids[8];
	int round;
	size_t i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 8; i++)
			pids[i] = child_start(open_to_mend, s);
		for (i = 0; i < 8; i++)
			assert_int_equal(child_wait(pids[i]), 0);
		shared_expect(s, NUMBERS(1, 1, 1, 1, 1, 1, 1, 1));
	}
}

/* As processes of other namespaces have it that can't show that they live: see owner.h. */
#define FOREIGN ((chute_owner_self() ^ 1ULL << 63) & ~(1ULL << 47))

static void force_takes_all_that_others_have(void **state)
{
	const struct chute_opts force = { .sz = sizeof(force), .flags = CHUTE_FORCE };
	struct shared_ring *s = *state;
	struct chute_producer_page *page = s->ring.producer;
	struct chute *c = shared_producer(s);
	__u32 generation;
	int i;

	shared_send(c, 1);
	chute_reserve(c, 8);
	for (i = 0; !page->slots[i].owner; i++)
		;
	generation = page->slots[i].generation;
	page->slots[i].owner = FOREIGN;
	page->owner = FOREIGN;
	page->lock = FOREIGN;
	assert_null(shared_open(s, NULL));
	assert_int_equal(errno, EXDEV);
	chute_close(shared_open(s, &force));
	assert_int_equal(page->owner | page->lock | page->slots[i].owner, 0);
	assert_int_not_equal(page->slots[i].generation, generation);
	shared_expect_one(s, 1);
	chute_close(c);
}

#define CASE(name) ON_EVERY_KIND_WITH(name, shared_ring_open, shared_ring_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_comes_to_mend_shares_with_who_is_there),
		CASE(who_is_the_first_to_share_mends_all),
		CASE(many_come_to_mend_at_once),
		CASE(force_takes_all_that_others_have),
	};

	return cmocka_run_group_tests_name("share_mend", tests, NULL, NULL);
}
