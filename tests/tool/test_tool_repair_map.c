// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_repair_map: chute check, dump and repair on maps that programs with the
 * system's libbpf feed, or fed when they were killed. */
#include "child.h"
#include "tool_place.h"

#include <bpf/libbpf.h>
#include <chute/format.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_status(int status, const char *verb, const char *ring)
{
	struct tool_output o;

	tool_run(&o, "", 0, ARGS(verb, ring));
	tool_said(&o, status, "");
	tool_free(&o);
}

/* Reserves a record of 16 bytes as libbpf does, which publishes it. */
static int libbpf_reserves(void *kring)
{
	struct user_ring_buffer *rb = user_ring_buffer__new(((struct kring *)kring)->map_fd, NULL);

	return !rb || !user_ring_buffer__reserve(rb, 16);
}

static void a_producer_that_is_killed_is_mended_when_it_is_gone(void **state)
{
	struct place *p = place_open(state, 4096);
	struct tool_output o;
	char want[300];
	pid_t pid;

	place_unmap(p);
	kring_libbpf_sends(&p->k, "before", 7);
	pid = child_that_stays(libbpf_reserves, &p->k);
	kring_libbpf_sends(&p->k, "behind", 7);
	expect_status(1, "check", p->ring);
	tool_run(&o, "", 0, ARGS("dump", p->ring));
	tool_said(&o, 0, "");
	assert_non_null(strstr(o.out, "4080: 16 bytes, busy\n"));
	tool_free(&o);
	place_run(&o, ARGS("repair", p->ring, "--yes"));
	snprintf(want, sizeof(want),
		 "chute repair: %s: test_tool_repai (%d) has it mapped for writing and may be "
		 "feeding it by libbpf: stop it first, or say --force",
		 p->ring, pid);
	tool_said(&o, 1, want);
	tool_free(&o);
	assert_int_equal(kring_drain_written(&p->k), 1);
	assert_int_equal(kring_drain_written(&p->k), 0);
	child_kill(pid, SIGKILL);
	expect_status(1, "check", p->ring);
	place_run(&o, ARGS("repair", p->ring, "--yes"));
	tool_said(&o, 0, "");
	snprintf(want, sizeof(want),
		 "%s: 1 record discarded; 0 finished before the first of them stay\n", p->ring);
	assert_non_null(strstr(o.out, want));
	tool_free(&o);
	expect_status(0, "check", p->ring);
	assert_int_equal(kring_drain_written(&p->k), 1);
	assert_int_equal(p->k.written[0].size, 7);
	assert_memory_equal(&p->k.written[0].first, "behind", 6);
	place_map(p);
	place_close(p);
}

static void force_mends_beside_a_mapping(void **state)
{
	struct place *p = place_open(state, 4096);
	struct tool_output o;

	place_put(p, 8 | CHUTE_BUSY);
	/* It is mapped for writing: by this test. */
	place_run(&o, ARGS("repair", p->ring, "--yes"));
	assert_int_equal(o.status, 1);
	tool_free(&o);
	place_run(&o, ARGS("repair", p->ring, "--yes", "--force"));
	tool_said(&o, 0, "");
	tool_free(&o);
	expect_status(0, "check", p->ring);
	place_close(p);
}

/* Another map of the same size says nothing about this one. */
/* Holds the first map, and not the other one. */
static int hold_the_first(void *arg)
{
	struct place **places = arg;

	if (!user_ring_buffer__new(places[0]->k.map_fd, NULL))
		return 1;
	return close(places[1]->k.map_fd);
}

static void a_producer_of_another_map_is_none(void **state)
{
	struct place *p = place_open(state, 4096), *other = place_open(state, 4096);
	struct tool_output o;
	pid_t pid;

	place_put(other, 8 | CHUTE_BUSY);
	place_unmap(other);
	place_unmap(p);
	pid = child_that_stays(hold_the_first, (struct place *[]){ p, other });
	place_run(&o, ARGS("repair", other->ring, "--yes"));
	tool_said(&o, 0, "");
	tool_free(&o);
	child_kill(pid, SIGKILL);
	place_map(p);
	place_map(other);
	place_close(p);
	place_close(other);
}

#define ON_A_MAP(f) cmocka_unit_test_prestate(f, &place_in_map)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_MAP(a_producer_that_is_killed_is_mended_when_it_is_gone),
		ON_A_MAP(force_mends_beside_a_mapping),
		ON_A_MAP(a_producer_of_another_map_is_none),
	};

	return cmocka_run_group_tests_name("tool_repair_map", tests, tool_setup, tool_teardown);
}
