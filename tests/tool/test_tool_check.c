// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_check: chute check says what would hold a ring's consumer up, and is right. */
#include "child.h"
#include "tool_json.h"
#include "tool_place.h"

#include <chute/chute.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Run check; the finding number @number, or NULL. For json_object_put(). */
static struct json_object *finding(const char *ring, int status, size_t number)
{
	struct json_object *object;
	struct tool_output o;

	tool_run(&o, "", 0, ARGS("check", ring, "--json"));
	tool_said(&o, status, "");
	object = tool_json_line(o.out, number);
	if (object)
		assert_string_equal(tool_json_text(object, "ring"), ring);
	tool_free(&o);
	return object;
}

static void expect_finding(const char *ring, size_t number, const char *kind, unsigned long pos,
			   const char *error)
{
	struct json_object *object = finding(ring, 1, number);

	assert_non_null(object);
	assert_string_equal(tool_json_text(object, "finding"), kind);
	assert_int_equal(tool_json_number(object, "position"), pos);
	if (error)
		assert_string_equal(tool_json_text(object, "error"), error);
	else
		assert_false(tool_json_has(object, "error"));
	tool_json_text(object, "text");
	tool_json_text(object, "advice");
	json_object_put(object);
}

static void expect_findings(const char *ring, size_t count)
{
	struct json_object *object = finding(ring, count ? 1 : 0, count);

	assert_null(object);
}

/* What people see last. */
static void expect_verdict(const char *ring, int status, const char *verdict)
{
	struct tool_output o;
	char want[200];

	tool_run(&o, "", 0, ARGS("check", ring));
	tool_said(&o, status, "");
	snprintf(want, sizeof(want), "%s: %s\n", ring, verdict);
	assert_true(o.out_size >= strlen(want));
	assert_string_equal(o.out + o.out_size - strlen(want), want);
	tool_free(&o);
}

static void a_ring_that_would_be_drained_is_fine(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long pos = p->bytes.consumer->consumer_pos;

	expect_verdict(p->ring, 0, "nothing is pending");
	place_put(p, 8);
	place_put(p, 100 | CHUTE_DISCARD);
	place_put(p, 0);
	place_put(p, 20 | CHUTE_DISCARD | CHUTE_BUSY);
	expect_verdict(p->ring, 0, "a drain would consume all: 2 records, and skip 2");
	expect_findings(p->ring, 0);
	/* It has changed nothing. */
	assert_int_equal(p->bytes.consumer->consumer_pos, pos);
	assert_int_equal(place_drain(p), 2);
	place_close(p);
}

static void an_unfinished_record_is_found(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long first, second;
	struct json_object *object;

	place_put(p, 8);
	first = place_put(p, 24 | CHUTE_BUSY);
	place_put(p, 8);
	second = place_put(p, 32 | CHUTE_BUSY);
	expect_verdict(p->ring, 1, "a drain would consume 1 record, and then stop");
	expect_finding(p->ring, 0, "busy", first, NULL);
	expect_finding(p->ring, 1, "busy", second, NULL);
	expect_findings(p->ring, 2);
	object = finding(p->ring, 1, 0);
	assert_int_equal(tool_json_number(object, "size"), 24);
	assert_string_equal(tool_json_text(object, "producer"), "unknown");
	assert_false(tool_json_has(object, "pid"));
	json_object_put(object);
	assert_int_equal(place_drain(p), 1);
	assert_int_equal(place_drain(p), 0);
	assert_int_equal(p->bytes.consumer->consumer_pos, first);
	place_close(p);
}

static int reserve_one(void *place)
{
	return !chute_reserve(place_produce(place, CHUTE_SHARED), 8);
}

static void an_unfinished_record_has_its_producer(void **state)
{
	struct place *p = place_open(state, 4096);
	struct json_object *object;
	pid_t pid = child_that_stays(reserve_one, p);

	object = finding(p->ring, 1, 0);
	assert_non_null(object);
	assert_string_equal(tool_json_text(object, "producer"), "alive");
	assert_int_equal(tool_json_number(object, "pid"), pid);
	json_object_put(object);
	child_kill(pid, SIGKILL);
	object = finding(p->ring, 1, 0);
	assert_string_equal(tool_json_text(object, "producer"), "dead");
	assert_int_equal(tool_json_number(object, "pid"), pid);
	json_object_put(object);
	place_close(p);
}

/* ---- a ring in use ---- */

static bool stop;

/* Each record is unfinished for a while; a consumer is there, too. */
static void *produce(void *arg)
{
	struct place *p = arg;
	struct chute *c = place_produce(p, CHUTE_SHARED);
	void *payload;

	while (!chute_load_relaxed(&stop)) {
		payload = chute_reserve(c, 8);
		sched_yield();
		if (payload)
			chute_submit(c, payload);
		place_drain(p);
	}
	chute_close(c);
	return NULL;
}

static void records_that_are_just_being_written_are_none(void **state)
{
	struct place *p = place_open(state, 4096);
	pthread_t thread;
	int i;

	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, produce, p), 0);
	for (i = 0; i < 20; i++)
		expect_findings(p->ring, 0);
	chute_store_relaxed(&stop, true);
	pthread_join(thread, NULL);
	place_close(p);
}

/* ---- what the kernel refuses ---- */

static void a_header_that_a_drain_refuses_is_found(void **state)
{
	struct place *p = place_open(state, 65536);
	unsigned long pos;

	place_put(p, 8);
	place_put(p, 8);
	pos = place_put(p, 8);
	place_put(p, 8);
	place_set_header(p, pos, 1 << 20);
	expect_verdict(p->ring, 1, "a drain would consume 2 records, and then return -EINVAL");
	expect_finding(p->ring, 0, "beyond", pos, "EINVAL");
	expect_findings(p->ring, 1);
	assert_int_equal(place_drain(p), -EINVAL);
	assert_int_equal(p->bytes.consumer->consumer_pos, pos);
	place_close(p);
}

/* Only a record that is longer than a dynptr can be lies within producer_pos. */
static void a_header_that_is_too_long_is_found(void **state)
{
	struct place *p = place_open(state, 1 << 25);
	unsigned long pos;

	place_put(p, 8);
	pos = place_put(p, CHUTE_PAYLOAD_MAX + 1);
	expect_finding(p->ring, 0, "long", pos, "E2BIG");
	expect_verdict(p->ring, 1, "a drain would consume 1 record, and then return -E2BIG");
	assert_int_equal(place_drain(p), -E2BIG);
	place_close(p);
}

static void crooked_positions_are_found(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long pos = p->bytes.consumer->consumer_pos;

	place_put(p, 8);
	place_set_producer_pos(p, pos + 12);
	expect_finding(p->ring, 0, "producer_pos", pos + 12, "EINVAL");
	expect_findings(p->ring, 1);
	assert_int_equal(place_drain(p), -EINVAL);
	place_set_producer_pos(p, pos - 8);
	expect_finding(p->ring, 0, "behind", pos - 8, NULL);
	assert_int_equal(place_drain(p), 0);
	place_set_producer_pos(p, pos + 3 * 4096);
	expect_finding(p->ring, 0, "ahead", pos + 3 * 4096, NULL);
	if (!p->in_map) {
		place_set_producer_pos(p, pos);
		p->bytes.consumer->consumer_pos = pos - 4;
		expect_finding(p->ring, 0, "consumer_pos", pos - 4, "EINVAL");
		assert_int_equal(place_drain(p), -EINVAL);
	}
	place_close(p);
}

static void what_cannot_be_looked_at_exits_3(void **state)
{
	char line[300];
	const char *none = tool_ring("none");

	(void)state;
	snprintf(line, sizeof(line),
		 "chute check: %s: no such ring: 'chute list' shows which there are", none);
	tool_expect(3, line, ARGS("check", none));
	tool_expect(2, "chute check: no RING given: see 'chute check --help'", ARGS("check"));
	tool_expect(2, "chute check: --frob is no option: see 'chute check --help'",
		    ARGS("check", none, "--frob"));
}

static void nobody_can_check_his_own(void **state)
{
	char dir[] = "/tmp/chute-tool-XXXXXX", tool[64];
	const char *ring = tool_ring("own");
	struct tool_output o;

	(void)state;
	tool_need_mounts();
	tool_copy(dir, tool, sizeof(tool));
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "create", ring, "--size", "4K"));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run_as("setpriv", &o, "x\n", 2, TOOL_NOBODY(tool, "send", "-q", ring));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "check", ring));
	tool_said(&o, 0, "");
	assert_non_null(strstr(o.out, "a drain would consume all: 1 record\n"));
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "dump", ring));
	tool_said(&o, 0, "");
	assert_non_null(strstr(o.out, ": 1 bytes\n"));
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "repair", ring));
	tool_said(&o, 0, "");
	assert_non_null(strstr(o.out, ": nothing to repair\n"));
	tool_free(&o);
	tool_copy_remove(dir, tool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(a_ring_that_would_be_drained_is_fine),
		ON_BOTH(an_unfinished_record_is_found),
		ON_BOTH(an_unfinished_record_has_its_producer),
		ON_BOTH(records_that_are_just_being_written_are_none),
		ON_BOTH(a_header_that_a_drain_refuses_is_found),
		ON_BOTH(a_header_that_is_too_long_is_found),
		ON_BOTH(crooked_positions_are_found),
		cmocka_unit_test(what_cannot_be_looked_at_exits_3),
		cmocka_unit_test(nobody_can_check_his_own),
	};

	return cmocka_run_group_tests_name("tool_check", tests, tool_setup, tool_teardown);
}
