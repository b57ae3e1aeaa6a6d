// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_stat: chute stat on memory rings and images whose contents are known. */
#include "tool_json.h"

#include <chute/chute.h>
#include <chute/inspect.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEE ": see 'chute stat --help'"

static struct chute *open_ring(const char *ring)
{
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct chute *c = chute_open_memory(fd, NULL);

	assert_non_null(c);
	close(fd);
	return c;
}

/* Five records: 8 bytes, BUSY with 16, discarded with 100, empty, 1; and one that does
 * not fit. */
static struct chute *fill(const char *ring)
{
	struct chute *c = open_ring(ring);
	void *busy, *discarded;

	assert_int_equal(chute_send(c, "12345678", 8, 0), 0);
	busy = chute_reserve(c, 16);
	discarded = chute_reserve(c, 100);
	assert_true(busy && discarded);
	chute_discard(c, discarded);
	assert_int_equal(chute_send(c, "", 0, 0), 0);
	assert_int_equal(chute_send(c, "x", 1, 0), 0);
	assert_null(chute_reserve(c, 4000));
	return c;
}

static void check_filled(struct json_object *o)
{
	assert_int_equal(tool_json_number(o, "size"), 4096);
	assert_int_equal(tool_json_number(o, "consumer_pos"), 0);
	assert_int_equal(tool_json_number(o, "producer_pos"), 16 + 24 + 112 + 8 + 16);
	assert_int_equal(tool_json_number(o, "used"), 16 + 24 + 112 + 8 + 16);
	assert_false(tool_json_bool(o, "moving"));
	assert_int_equal(tool_json_number(o, "pending"), 5);
	assert_false(tool_json_bool(o, "pending_more"));
	assert_int_equal(tool_json_number(o, "pending_busy"), 1);
	assert_int_equal(tool_json_number(o, "pending_discarded"), 1);
	assert_int_equal(tool_json_number(o, "records"), 5);
	assert_int_equal(tool_json_number(o, "discards"), 1);
	assert_int_equal(tool_json_number(o, "full"), 1);
	assert_int_equal(tool_json_number(o, "blocked"), 0);
	assert_int_equal(tool_json_number(o, "takeovers"), 0);
	assert_int_equal(tool_json_number(o, "recovered"), 0);
	assert_false(tool_json_has(o, "refused") || tool_json_has(o, "seconds"));
}

static void all_that_a_ring_says_is_shown(void **state)
{
	const char *ring = tool_make_ring("said", "4K");
	struct chute *c = fill(ring);
	struct json_object *o = tool_json_ring(ring, "", ARGS("stat", ring, "--json"));
	struct json_object *producer;

	(void)state;
	check_filled(o);
	assert_string_equal(tool_json_text(o, "kind"), "memory");
	assert_int_equal(json_object_array_length(tool_json_array(o, "producers")), 1);
	producer = json_object_array_get_idx(tool_json_array(o, "producers"), 0);
	assert_int_equal(tool_json_number(producer, "pid"), getpid());
	assert_int_equal(tool_json_number(producer, "index"), 0);
	assert_int_equal(tool_json_number(producer, "blocked"), 0);
	assert_string_equal(tool_json_text(producer, "state"), "alive");
	json_object_put(o);
	chute_close(c);
}

static void people_get_it_as_text(void **state)
{
	const char *ring = tool_make_ring("text", "4K");
	struct chute *c = fill(ring);
	struct tool_output o;
	char want[600];

	(void)state;
	tool_run(&o, "", 0, ARGS("stat", ring));
	tool_said(&o, 0, "");
	snprintf(want, sizeof(want),
		 "%s: a memory ring\n"
		 "positions   consumer 0, producer 176\n"
		 "used        176 B of 4.0 KiB, 4 %%\n"
		 "pending     5 records, 1 busy, 1 discarded\n"
		 "producers   pid %d, the sole one\n"
		 "counters    5 records reserved, 1 discarded\n"
		 "            1 times full, 0.000 s of waiting\n",
		 ring, (int)getpid());
	assert_string_equal(o.out, want);
	tool_free(&o);
	chute_close(c);
}

static void an_image_is_a_ring_too(void **state)
{
	const char *ring = tool_make_ring("saved", "4K");
	struct chute *c = fill(ring);
	char path[] = "/tmp/chute-image-XXXXXX";
	int file = mkstemp(path), fd = open(tool_ring_file(ring), O_RDONLY | O_CLOEXEC);
	struct chute_view *view = chute_view_open_memory(fd);
	struct json_object *o;

	(void)state;
	assert_non_null(view);
	assert_int_equal(chute_view_save(view, file), 0);
	o = tool_json_ring(path, "", ARGS("stat", path, "--json"));
	check_filled(o);
	assert_string_equal(tool_json_text(o, "kind"), "image");
	assert_int_equal(json_object_array_length(tool_json_array(o, "producers")), 0);
	json_object_put(o);
	chute_view_close(view);
	chute_close(c);
	unlink(path);
	close(file);
	close(fd);
}

static void no_more_records_are_looked_at_than_asked_for(void **state)
{
	const char *ring = tool_make_ring("many", "64K");
	struct chute *c = open_ring(ring);
	struct json_object *o;
	int i;

	(void)state;
	for (i = 0; i < 1001; i++)
		assert_int_equal(chute_send(c, "x", 1, 0), 0);
	o = tool_json_ring(ring, "", ARGS("stat", ring, "--json"));
	assert_int_equal(tool_json_number(o, "pending"), 1000);
	assert_true(tool_json_bool(o, "pending_more"));
	json_object_put(o);
	o = tool_json_ring(ring, "", ARGS("stat", ring, "--json", "--walk", "1001"));
	assert_int_equal(tool_json_number(o, "pending"), 1001);
	assert_false(tool_json_bool(o, "pending_more"));
	json_object_put(o);
	o = tool_json_ring(ring, "", ARGS("stat", ring, "--json", "--walk", "0"));
	assert_false(tool_json_has(o, "pending"));
	json_object_put(o);
	chute_close(c);
}

static void what_a_drain_refuses_is_told(void **state)
{
	const char *ring = tool_make_ring("refused", "4K");
	struct chute *c = open_ring(ring);
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	const __u32 length = 1000;
	struct json_object *o;

	(void)state;
	assert_int_equal(chute_send(c, "x", 1, 0), 0);
	assert_int_equal(chute_send(c, "y", 1, 0), 0);
	/* The second header, behind both pages. */
	assert_int_equal(pwrite(fd, &length, 4, 2 * sysconf(_SC_PAGESIZE) + 16), 4);
	o = tool_json_ring(ring, "", ARGS("stat", ring, "--json"));
	assert_int_equal(tool_json_number(o, "pending"), 1);
	assert_int_equal(tool_json_number(o, "refused_pos"), 16);
	assert_string_equal(tool_json_text(o, "refused"), "EINVAL");
	json_object_put(o);
	chute_close(c);
	close(fd);
}

static void *send_blocked(void *c)
{
	return (void *)(long)chute_send(c, "x", 1, 60000000000);
}

static int take(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	return 0;
}

static void a_producer_that_waits_is_seen(void **state)
{
	const char *ring = tool_make_ring("waiting", "4K");
	struct chute *c = open_ring(ring);
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct chute_consumer *consumer = chute_consumer_open(fd);
	__s64 end = now_ns() + 60000000000;
	struct json_object *o;
	bool blocked = false;
	pthread_t thread;
	void *ret;

	(void)state;
	while (!chute_send(c, "12345678", 8, 0))
		;
	assert_int_equal(pthread_create(&thread, NULL, send_blocked, c), 0);
	while (!blocked) {
		assert_true(now_ns() < end);
		o = tool_json_ring(ring, "", ARGS("stat", ring, "--json"));
		blocked = tool_json_number(o, "blocked") == 1;
		if (blocked)
			assert_int_equal(
				tool_json_number(json_object_array_get_idx(
							 tool_json_array(o, "producers"), 0),
						 "blocked"),
				1);
		json_object_put(o);
	}
	assert_true(chute_drain(consumer, take, NULL, 0) > 0);
	pthread_join(thread, &ret);
	assert_null(ret);
	chute_consumer_close(consumer);
	chute_close(c);
	close(fd);
}

/* ---- samples ---- */

static void check_rates(struct json_object *before, struct json_object *now)
{
	double seconds = tool_json_quantity(now, "seconds");
	double in = (double)(tool_json_number(now, "producer_pos") -
			     tool_json_number(before, "producer_pos"));
	double records =
		(double)(tool_json_number(now, "records") - tool_json_number(before, "records"));

	/* The seconds are rounded to microseconds. */
	assert_true(seconds > 0.01);
	assert_float_equal(tool_json_quantity(now, "bytes_in_per_s") * seconds, in, 1 + in / 1000);
	assert_float_equal(tool_json_quantity(now, "records_in_per_s") * seconds, records,
			   1 + records / 1000);
	assert_float_equal(tool_json_quantity(now, "bytes_out_per_s"), 0, 0);
}

static void rates_are_what_has_happened_between_samples(void **state)
{
	const char *ring = tool_make_ring("rates", "1M");
	struct chute *c = open_ring(ring);
	int out = tool_file("", 0), moved = 0;
	struct json_object *before = NULL, *now;
	__s64 start = now_ns();
	size_t size, i;
	char *text;
	pid_t pid;

	(void)state;
	assert_int_equal(chute_send(c, "x", 1, 0), 0);
	pid = tool_spawn(-1, out, -1, NULL,
			 ARGS("stat", ring, "--json", "--interval", "0.05", "--count", "10"));
	/* Over the time of all samples; not so many that the ring gets full. */
	for (i = 0; i < 40000; i++) {
		while (now_ns() < start + (__s64)i * 15000)
			sched_yield();
		assert_int_equal(chute_send(c, "12345678", 8, 0), 0);
	}
	assert_int_equal(tool_wait(pid), 0);
	text = tool_file_bytes(out, &size);
	for (i = 0; (now = tool_json_line(text, i)); i++) {
		moved += tool_json_quantity(now, "records_in_per_s") > 0;
		if (before)
			check_rates(before, now);
		json_object_put(before);
		before = now;
	}
	json_object_put(before);
	assert_int_equal(i, 10);
	assert_true(moved > 2);
	free(text);
	chute_close(c);
	close(out);
}

static void people_get_a_table_of_samples(void **state)
{
	const char *ring = tool_make_ring("table", "4K");
	struct tool_output o;

	(void)state;
	chute_close(fill(ring));
	tool_run(&o, "", 0, ARGS("stat", ring, "--interval", "0.01", "--count", "2"));
	tool_said(&o, 0, "");
	assert_string_equal(o.out, "      USED FILL       IN/s      OUT/s RECORDS/s PENDING     "
				   "BUSY  DISCARD  BLOCKED\n"
				   "     176 B   4%        0 B        0 B         0       5        "
				   "1        1        0\n"
				   "     176 B   4%        0 B        0 B         0       5        "
				   "1        1        0\n");
	tool_free(&o);
}

static void a_signal_is_the_usual_end_but_not_before_all_samples(void **state)
{
	static const char *const counts[] = { NULL, "1000000" };
	const char *ring = tool_make_ring("signal", "4K");
	int out[2], i;
	char byte;
	pid_t pid;

	(void)state;
	for (i = 0; i < 2; i++) {
		tool_pipe(out);
		pid = tool_spawn(-1, out[1], -1, NULL,
				 ARGS("stat", ring, "--interval", "0.01",
				      counts[i] ? "--count" : NULL, counts[i]));
		tool_read(out[0], &byte, 1);
		kill(pid, SIGINT);
		assert_int_equal(tool_wait(pid), counts[i] ? 130 : 0);
		close(out[0]);
		close(out[1]);
	}
}

/* ---- trouble ---- */

static void a_ring_that_is_truncated_ends_it_with_a_line(void **state)
{
	const char *ring = tool_make_ring("truncated", "4K");
	int out[2], err = tool_file("", 0);
	char byte, want[300], *text;
	size_t size;
	pid_t pid;

	(void)state;
	chute_close(fill(ring));
	tool_pipe(out);
	pid = tool_spawn(-1, out[1], err, NULL, ARGS("stat", ring, "--interval", "0.01"));
	tool_read(out[0], &byte, 1);
	assert_int_equal(truncate(tool_ring_file(ring), 0), 0);
	assert_int_equal(tool_wait(pid), 1);
	text = tool_file_bytes(err, &size);
	snprintf(want, sizeof(want), "chute stat: %s: %s was truncated: make the ring anew\n", ring,
		 tool_ring_file(ring));
	assert_string_equal(text, want);
	free(text);
	close(err);
	close(out[0]);
	close(out[1]);
}

static void what_can_not_be_looked_at_is_one_line(void **state)
{
	const char *ring = tool_ring("none"), *fake = tool_ring("fake");
	int fd = open(tool_ring_file(fake), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	char want[400];

	(void)state;
	tool_write(fd, "no ring\n", 8);
	close(fd);
	snprintf(want, sizeof(want),
		 "chute stat: %s: no such ring: 'chute list' shows which there are", ring);
	tool_expect(1, want, ARGS("stat", ring));
	snprintf(want, sizeof(want),
		 "chute stat: %s: %s is not a memory ring: 'chute list' shows which there are",
		 fake, tool_ring_file(fake));
	tool_expect(1, want, ARGS("stat", fake));
	tool_expect(1,
		    "chute stat: /etc/passwd: neither the image of a ring nor in a bpffs: 'chute "
		    "dump --raw' makes images, and 'mount -t bpf bpf DIR' mounts a bpffs",
		    ARGS("stat", "/etc/passwd"));
	tool_expect(1,
		    "chute stat: ./none: no such file, and not in a bpffs: 'chute list' shows "
		    "which rings there are, and 'mount -t bpf bpf DIR' mounts a bpffs",
		    ARGS("stat", "./none"));
	unlink(tool_ring_file(fake));
}

static void nobody_can_look_at_rings_of_their_own_only(void **state)
{
	const char *ring = tool_make_ring("roots", "4K");
	char dir[] = "/tmp/chute-tool-XXXXXX", tool[64], want[400];
	struct tool_output o;

	(void)state;
	tool_copy(dir, tool, sizeof(tool));
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "stat", ring));
	snprintf(want, sizeof(want), "chute stat: %s: no permission to read %s", ring,
		 tool_ring_file(ring));
	tool_said(&o, 1, want);
	tool_free(&o);
	assert_int_equal(chown(tool_ring_file(ring), 65534, 65534), 0);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "stat", ring, "--json"));
	tool_said(&o, 0, "");
	assert_non_null(strstr(o.out, "\"size\":4096"));
	tool_free(&o);
	tool_copy_remove(dir, tool);
}

static void a_wrong_command_line_is_exit_2(void **state)
{
	(void)state;
	tool_expect(2, "chute stat: no RING given" SEE, ARGS("stat"));
	tool_expect(2, "chute stat: mem:y is one argument too many" SEE,
		    ARGS("stat", "mem:x", "mem:y"));
	tool_expect(2, "chute stat: --interval 1s: not a number of seconds" SEE,
		    ARGS("stat", "mem:x", "--interval", "1s"));
	tool_expect(2, "chute stat: --interval 0: 0.01 is the least" SEE,
		    ARGS("stat", "mem:x", "--interval", "0"));
	tool_expect(2, "chute stat: --count 0: not a number of samples" SEE,
		    ARGS("stat", "mem:x", "--count", "0"));
	tool_expect(2, "chute stat: --walk x: not a number of records" SEE,
		    ARGS("stat", "mem:x", "--walk", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_a_ring_says_is_shown),
		cmocka_unit_test(people_get_it_as_text),
		cmocka_unit_test(an_image_is_a_ring_too),
		cmocka_unit_test(no_more_records_are_looked_at_than_asked_for),
		cmocka_unit_test(what_a_drain_refuses_is_told),
		cmocka_unit_test(a_producer_that_waits_is_seen),
		cmocka_unit_test(rates_are_what_has_happened_between_samples),
		cmocka_unit_test(people_get_a_table_of_samples),
		cmocka_unit_test(a_signal_is_the_usual_end_but_not_before_all_samples),
		cmocka_unit_test(a_ring_that_is_truncated_ends_it_with_a_line),
		cmocka_unit_test(what_can_not_be_looked_at_is_one_line),
		cmocka_unit_test(nobody_can_look_at_rings_of_their_own_only),
		cmocka_unit_test(a_wrong_command_line_is_exit_2),
	};

	return cmocka_run_group_tests_name("tool_stat", tests, tool_setup, tool_teardown);
}
