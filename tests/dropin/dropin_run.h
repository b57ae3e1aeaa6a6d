/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dropin_run.h: runs tests/dropin/program/program, which is built against libbpf alone, and
 * reads what it prints.
 */
#ifndef CHUTE_TESTS_DROPIN_RUN_H
#define CHUTE_TESTS_DROPIN_RUN_H

#include "support.h"

enum how_run {
	PLAIN,	   /* with the system's libbpf */
	PRELOADED, /* the same program, with the drop-in preloaded */
	LINKED,	   /* its sources, linked with the drop-in before libbpf */
};

#define OUTPUT_MAX 16384

/* Run it with @command, and with @argument unless that is NULL. @output gets what it
 * prints. Fails the test case unless it exits with 0. */
void run_program(enum how_run how, const char *command, const char *argument, char *output);

/* A file below the source folder. */
void read_source(const char *relative, char *text);

/* What any way to use the drop-in must pass; the state is an enum how_run. */
void the_six_calls_are_ours_and_the_rest_is_libbpfs(void **state);
void its_errors_are_libbpfs(void **state);
void its_records_are_libbpfs(void **state);
void a_wait_on_a_nearly_full_ring_takes_no_cpu(void **state);
void space_that_nobody_tells_of_is_noticed(void **state);
void a_wait_ends_where_libbpfs_does(void **state);
void closed_descriptors_are_ebadf(void **state);
void positions_that_cant_be_true_are_waited_out(void **state);
void a_handle_has_one_descriptor_and_no_low_one(void **state);
void failures_are_told_to_libbpfs_callback(void **state);
void what_is_discarded_stays_so_and_nothing_is_finished(void **state);
void a_timeout_of_0_makes_no_system_call(void **state);
void a_lock_around_reserve_is_enough_for_threads(void **state);
void two_handles_may_take_turns(void **state);
void a_forked_child_may_take_turns(void **state);
void a_ring_that_a_chute_handle_has_is_ebusy(void **state);

#define DROPIN_CASES(how)                                                                          \
	cmocka_unit_test_prestate(the_six_calls_are_ours_and_the_rest_is_libbpfs, how),            \
		cmocka_unit_test_prestate(its_errors_are_libbpfs, how),                            \
		cmocka_unit_test_prestate(its_records_are_libbpfs, how),                           \
		cmocka_unit_test_prestate(a_wait_on_a_nearly_full_ring_takes_no_cpu, how),         \
		cmocka_unit_test_prestate(space_that_nobody_tells_of_is_noticed, how),             \
		cmocka_unit_test_prestate(a_wait_ends_where_libbpfs_does, how),                    \
		cmocka_unit_test_prestate(closed_descriptors_are_ebadf, how),                      \
		cmocka_unit_test_prestate(positions_that_cant_be_true_are_waited_out, how),        \
		cmocka_unit_test_prestate(a_handle_has_one_descriptor_and_no_low_one, how),        \
		cmocka_unit_test_prestate(failures_are_told_to_libbpfs_callback, how),             \
		cmocka_unit_test_prestate(what_is_discarded_stays_so_and_nothing_is_finished,      \
					  how),                                                    \
		cmocka_unit_test_prestate(a_timeout_of_0_makes_no_system_call, how),               \
		cmocka_unit_test_prestate(a_ring_that_a_chute_handle_has_is_ebusy, how),           \
		cmocka_unit_test_prestate(a_lock_around_reserve_is_enough_for_threads, how),       \
		cmocka_unit_test_prestate(two_handles_may_take_turns, how),                        \
		cmocka_unit_test_prestate(a_forked_child_may_take_turns, how)

#endif
