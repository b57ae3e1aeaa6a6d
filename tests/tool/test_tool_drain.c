// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_drain: chute drain runs programs that drain a map, and says what they did. */
#include "tool_place.h"

#include <chute/chute.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __u32 program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static void fill(struct place *p, int records)
{
	while (records--)
		place_put(p, 8);
}

static void expect_drained(struct place *p, const char *summary, const char *const *args)
{
	struct tool_output o;
	char want[300];

	tool_run(&o, "", 0, args);
	snprintf(want, sizeof(want), "chute drain: %s: %s", p->ring, summary);
	tool_said(&o, 0, want);
	assert_int_equal(o.out_size, 0);
	tool_free(&o);
	assert_int_equal(p->bytes.consumer->consumer_pos, p->bytes.producer->producer_pos);
}

static void a_program_in_the_kernel_is_found(void **state)
{
	struct place *p = place_open(state, 4096);
	char id[32], pin[128];

	snprintf(id, sizeof(id), "id:%u", program_id(p->k.count_fd));
	snprintf(pin, sizeof(pin), "%s/counter", tool_bpffs());
	assert_int_equal(bpf_obj_pin(p->k.count_fd, pin), 0);
	fill(p, 3);
	place_put(p, 8 | CHUTE_DISCARD);
	expect_drained(p, "1 run, 3 records in 64 B consumed, 3 returned last",
		       ARGS("drain", p->ring, "--program", id, "--until-empty"));
	fill(p, 1);
	expect_drained(p, "1 run, 1 record in 16 B consumed, 1 returned last",
		       ARGS("drain", p->ring, "--program", pin, "--until-empty"));
	unlink(pin);
	place_close(p);
}

static void a_run_that_stops_early_is_followed_by_others(void **state)
{
	struct place *p = place_open(state, 4096);
	char id[32];

	/* One record a run. */
	fill(p, 5);
	assert_int_equal(kring_drain(&p->k, 0, 1), 1);
	snprintf(id, sizeof(id), "id:%u", program_id(p->k.count_fd));
	expect_drained(p, "4 runs, 4 records in 64 B consumed, 1 returned last",
		       ARGS("drain", p->ring, "--program", id, "--until-empty"));
	place_close(p);
}

/* ---- until it is stopped ---- */

static void it_runs_until_it_is_interrupted(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };
	struct place *p = place_open(state, 4096);
	char id[32], want[64];
	int err, round;
	size_t size;
	char *said;
	pid_t pid;

	snprintf(id, sizeof(id), "id:%u", program_id(p->k.count_fd));
	for (round = 0; round < 2; round++) {
		err = tool_file("", 0);
		pid = tool_spawn(-1, -1, err, NULL,
				 ARGS("drain", p->ring, "--program", id, "--every", "1"));
		fill(p, 7);
		while (p->bytes.consumer->consumer_pos != p->bytes.producer->producer_pos)
			usleep(100);
		fill(p, 5);
		while (p->bytes.consumer->consumer_pos != p->bytes.producer->producer_pos)
			usleep(100);
		kill(pid, signals[round]);
		assert_int_equal(tool_wait(pid), 0);
		said = tool_file_bytes(err, &size);
		snprintf(want, sizeof(want), ", 12 records in 192 B consumed, ");
		assert_non_null(strstr(said, want));
		assert_ptr_equal(strchr(said, '\n'), said + size - 1);
		free(said);
		close(err);
	}
	place_close(p);
}

static void an_interrupt_before_it_is_empty_is_seen_by_the_shell(void **state)
{
	struct place *p = place_open(state, 4096);
	int err[2];
	char id[32], first;
	pid_t pid;

	place_put(p, 8 | CHUTE_BUSY);
	snprintf(id, sizeof(id), "id:%u", program_id(p->k.count_fd));
	tool_pipe(err);
	pid = tool_spawn(-1, -1, err[1], NULL,
			 ARGS("drain", p->ring, "--program", id, "--until-empty"));
	/* It says that the record holds it up. */
	tool_read(err[0], &first, 1);
	kill(pid, SIGINT);
	assert_int_equal(tool_wait(pid), 128 + SIGINT);
	close(err[0]);
	close(err[1]);
	place_close(p);
}

/* ---- what goes wrong ---- */

static void an_error_that_a_program_returns_is_explained(void **state)
{
	struct place *p = place_open(state, 4096);
	struct tool_output o;
	char want[600], id[32];

	snprintf(id, sizeof(id), "id:%u", program_id(p->k.count_fd));
	place_set_header(p, place_put(p, 8), 5000);
	tool_run(&o, "", 0, ARGS("drain", p->ring, "--program", id, "--until-empty"));
	snprintf(want, sizeof(want),
		 "chute drain: %s: %s returned -22 (EINVAL): the ring is damaged, or the "
		 "program gave wrong flags: 'chute check' looks, 'chute repair' mends\n"
		 "chute drain: %s: can't be emptied: 16 bytes stay in it\n"
		 "chute drain: %s: 1 run, 0 records in 0 B consumed, -22 returned last",
		 p->ring, id, p->ring, p->ring);
	tool_said(&o, 1, want);
	tool_free(&o);
	place_close(p);
}

static void a_program_that_is_not_there_is_one_line(void **state)
{
	struct place *p = place_open(state, 4096);

	tool_expect(1,
		    "chute drain: --program id:4294967295: no program has that id: 'bpftool prog' "
		    "shows those there are",
		    ARGS("drain", p->ring, "--program", "id:4294967295"));
	tool_expect(1,
		    "chute drain: --program drain: give one that is loaded: id:N or the path where "
		    "it is pinned; 'bpftool prog load' loads one",
		    ARGS("drain", p->ring, "--program", "drain"));
	tool_expect(2, "chute drain: no --program given: see 'chute drain --help'",
		    ARGS("drain", p->ring));
	place_close(p);
}

static void a_program_of_another_ring_is_refused(void **state)
{
	struct place *p = place_open(state, 4096), *other = place_open(state, 4096);
	char id[32], want[300];

	snprintf(id, sizeof(id), "id:%u", program_id(other->k.count_fd));
	snprintf(want, sizeof(want),
		 "chute drain: --program %s: does not use %s (%s): give a program that drains it",
		 id, p->ring, p->ring);
	tool_expect(1, want, ARGS("drain", p->ring, "--program", id));
	place_close(other);
	place_close(p);
}

static void a_memory_ring_is_not_for_bpf_programs(void **state)
{
	const char *ring = tool_make_ring("memory", "4K");
	char want[300];

	(void)state;
	snprintf(want, sizeof(want),
		 "chute drain: %s: no BPF program drains a memory ring: 'chute recv' drains memory "
		 "rings, mem:NAME",
		 ring);
	tool_expect(1, want, ARGS("drain", ring, "--program", "id:1"));
}

#define ON_A_MAP(f) cmocka_unit_test_prestate(f, &place_in_map)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_MAP(a_program_in_the_kernel_is_found),
		ON_A_MAP(a_run_that_stops_early_is_followed_by_others),
		ON_A_MAP(it_runs_until_it_is_interrupted),
		ON_A_MAP(an_interrupt_before_it_is_empty_is_seen_by_the_shell),
		ON_A_MAP(an_error_that_a_program_returns_is_explained),
		ON_A_MAP(a_program_that_is_not_there_is_one_line),
		ON_A_MAP(a_program_of_another_ring_is_refused),
		cmocka_unit_test(a_memory_ring_is_not_for_bpf_programs),
	};

	return cmocka_run_group_tests_name("tool_drain", tests, tool_setup, tool_teardown);
}
