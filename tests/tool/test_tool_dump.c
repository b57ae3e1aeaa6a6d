// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_dump: chute dump prints what is pending, consumes nothing, and saves images
 * that are as good as the ring. */
#include "tool_json.h"
#include "tool_place.h"

#include <chute/chute.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void dump(struct tool_output *o, int status, const char *err, const char *const *args)
{
	tool_run(o, "", 0, args);
	tool_said(o, status, err);
}

static void expect_out(const char *out, const char *const *args)
{
	struct tool_output o;

	dump(&o, 0, "", args);
	assert_string_equal(o.out, out);
	tool_free(&o);
}

static void send_text(const struct place *p, const char *text)
{
	struct chute *c = place_produce(p, 0);

	assert_int_equal(chute_send(c, text, (__u32)strlen(text), 0), 0);
	chute_close(c);
}

static void records_are_printed_and_not_consumed(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long pos = p->bytes.consumer->consumer_pos;

	assert_int_equal(pos, 4064);
	expect_out("", ARGS("dump", p->ring));
	send_text(p, "hello, this is a record\n\x7f\x80");
	send_text(p, "");
	expect_out(
		"4064: 26 bytes\n"
		"  000000  68 65 6c 6c 6f 2c 20 74  68 69 73 20 69 73 20 61  |hello, this is a|\n"
		"  000010  20 72 65 63 6f 72 64 0a  7f 80                    | record...|\n"
		"4104: 0 bytes\n",
		ARGS("dump", p->ring));
	expect_out(
		"4064: 26 bytes\n"
		"  000000  68 65 6c 6c 6f 2c 20 74  68 69 73 20 69 73 20 61  |hello, this is a|\n"
		"  000010  20 72 65 63 6f 72 64 0a  7f 80                    | record...|\n",
		ARGS("dump", p->ring, "--count", "1"));
	assert_int_equal(p->bytes.consumer->consumer_pos, pos);
	assert_int_equal(place_drain(p), 2);
	expect_out("", ARGS("dump", p->ring));
	place_close(p);
}

static void flags_and_fields_are_json(void **state)
{
	struct place *p = place_open(state, 4096);
	static const bool busy[] = { false, true, false, true };
	static const bool discarded[] = { false, false, true, true };
	struct json_object *object;
	unsigned long pos[4];
	struct tool_output o;
	__u32 i;

	for (i = 0; i < 4; i++)
		pos[i] = place_put(p, (i + 1) | (busy[i] ? CHUTE_BUSY : 0) |
					      (discarded[i] ? CHUTE_DISCARD : 0));
	dump(&o, 0, "", ARGS("dump", p->ring, "--json"));
	for (i = 0; i < 4; i++) {
		object = tool_json_line(o.out, i);
		assert_non_null(object);
		assert_string_equal(tool_json_text(object, "ring"), p->ring);
		assert_string_equal(tool_json_text(object, "kind"), p->in_map ? "map" : "memory");
		assert_int_equal(tool_json_number(object, "position"), pos[i]);
		assert_int_equal(tool_json_number(object, "next_position"), pos[i] + 16);
		assert_int_equal(tool_json_number(object, "size"), i + 1);
		assert_int_equal(tool_json_bool(object, "busy"), busy[i]);
		assert_int_equal(tool_json_bool(object, "discarded"), discarded[i]);
		assert_int_equal(strlen(tool_json_text(object, "data")), 2 * (i + 1));
		assert_false(tool_json_bool(object, "cut"));
		assert_false(tool_json_has(object, "pid"));
		json_object_put(object);
	}
	assert_null(tool_json_line(o.out, 4));
	tool_free(&o);
	place_close(p);
}

static void long_records_are_cut_unless_full(void **state)
{
	struct place *p = place_open(state, 4096);
	struct json_object *object;
	struct tool_output o;

	place_put(p, 1000);
	dump(&o, 0, "", ARGS("dump", p->ring));
	assert_non_null(strstr(o.out, "\n  000030  "));
	assert_null(strstr(o.out, "\n  000040  "));
	assert_non_null(strstr(o.out, "\n  ... 936 more\n"));
	tool_free(&o);
	dump(&o, 0, "", ARGS("dump", p->ring, "--full"));
	assert_non_null(strstr(o.out, "\n  0003e0  "));
	assert_null(strstr(o.out, "more"));
	tool_free(&o);
	dump(&o, 0, "", ARGS("dump", p->ring, "--json"));
	object = tool_json_line(o.out, 0);
	assert_int_equal(strlen(tool_json_text(object, "data")), 128);
	assert_true(tool_json_bool(object, "cut"));
	json_object_put(object);
	tool_free(&o);
	place_close(p);
}

static void an_unfinished_record_has_its_producer(void **state)
{
	struct place *p = place_open(state, 4096);
	struct chute *c = place_produce(p, CHUTE_SHARED);
	struct json_object *object;
	struct tool_output o;
	char want[100];

	assert_non_null(chute_reserve(c, 8));
	dump(&o, 0, "", ARGS("dump", p->ring, "--count", "1"));
	snprintf(want, sizeof(want), "4064: 8 bytes, busy, of process %d (alive)\n", getpid());
	assert_memory_equal(o.out, want, strlen(want));
	tool_free(&o);
	dump(&o, 0, "", ARGS("dump", p->ring, "--json"));
	object = tool_json_line(o.out, 0);
	assert_int_equal(tool_json_number(object, "pid"), getpid());
	assert_string_equal(tool_json_text(object, "producer"), "alive");
	json_object_put(object);
	tool_free(&o);
	chute_close(c);
	place_close(p);
}

/* ---- messages ---- */

static void packed_records_are_taken_apart(void **state)
{
	struct place *p = place_open(state, 4096);
	struct chute *c = place_produce(p, 0);
	struct json_object *object, *messages;
	struct tool_output o;
	int i;

	for (i = 0; i < 3; i++)
		memcpy(chute_pack(c, 5), "ab\ncd", 5);
	memcpy(chute_pack(c, 2), "ef", 2);
	chute_close(c);
	send_text(p, "plain");
	dump(&o, 0, "", ARGS("dump", p->ring, "--messages", "--json"));
	object = tool_json_line(o.out, 0);
	assert_true(tool_json_bool(object, "packed"));
	assert_false(tool_json_bool(object, "malformed"));
	messages = tool_json_array(object, "messages");
	assert_true(json_object_array_length(messages) >= 3);
	assert_string_equal(tool_json_text(json_object_array_get_idx(messages, 2), "data"),
			    "61620a6364");
	json_object_put(object);
	tool_free(&o);
	dump(&o, 0, "", ARGS("dump", p->ring, "--messages"));
	assert_non_null(strstr(o.out, ", packed\n  message 0: 5 bytes\n    000000  61 62"));
	assert_non_null(strstr(o.out, ": 5 bytes, not packed\n  message 0: 5 bytes\n"));
	tool_free(&o);
	place_close(p);
}

static void a_packed_record_that_lies_is_told(void **state)
{
	const struct chute_packed pack = { CHUTE_PACK_MAGIC, CHUTE_PACK_MIXED, 1000 };
	struct place *p = place_open(state, 4096);
	struct json_object *object;
	struct tool_output o;
	struct chute *c = place_produce(p, 0);

	void *payload = chute_reserve(c, sizeof(pack));

	memcpy(payload, &pack, sizeof(pack));
	chute_submit(c, payload);
	chute_close(c);
	dump(&o, 0, "", ARGS("dump", p->ring, "--messages", "--json"));
	object = tool_json_line(o.out, 0);
	assert_true(tool_json_bool(object, "malformed"));
	assert_int_equal(json_object_array_length(tool_json_array(object, "messages")), 0);
	json_object_put(object);
	tool_free(&o);
	dump(&o, 0, "", ARGS("dump", p->ring, "--messages"));
	assert_non_null(strstr(o.out, "\n  malformed: "));
	tool_free(&o);
	place_close(p);
}

static void a_damaged_ring_is_dumped_up_to_there(void **state)
{
	struct place *p = place_open(state, 4096);
	struct tool_output o;
	char want[200];

	place_put(p, 4);
	place_set_header(p, place_put(p, 8), 5000);
	snprintf(want, sizeof(want),
		 "chute dump: %s: damaged: at 4080 is no record (-EINVAL): 'chute check %s' says "
		 "more",
		 p->ring, p->ring);
	dump(&o, 1, want, ARGS("dump", p->ring));
	assert_memory_equal(o.out, "4064: 4 bytes\n", 14);
	tool_free(&o);
	place_close(p);
}

/* ---- a ring in use ---- */

static bool stop;

static void *produce_and_drain(void *arg)
{
	struct place *p = arg;
	struct chute *c = place_produce(p, 0);
	__u64 number[4];
	size_t i;

	for (i = 0; !chute_load_relaxed(&stop); i++) {
		number[0] = number[1] = number[2] = number[3] = i;
		chute_send(c, number, sizeof(number), 0);
		if (i % 16 == 15)
			place_drain(p);
	}
	chute_close(c);
	return NULL;
}

/* Whatever is shown was there as a whole. */
static void what_is_shown_of_a_ring_in_use_was_in_it(void **state)
{
	struct place *p = place_open(state, 4096);
	struct json_object *object;
	struct tool_output o;
	pthread_t thread;
	const char *data;
	size_t n, i;

	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, produce_and_drain, p), 0);
	for (i = 0; i < 30; i++) {
		tool_run(&o, "", 0, ARGS("dump", p->ring, "--json"));
		for (n = 0; (object = tool_json_line(o.out, n)); n++) {
			assert_int_equal(tool_json_number(object, "size"), 32);
			data = tool_json_text(object, "data");
			assert_memory_equal(data, data + 16, 48);
			json_object_put(object);
		}
		if (o.status)
			assert_non_null(strstr(o.err, "moves too fast"));
		tool_free(&o);
	}
	chute_store_relaxed(&stop, true);
	pthread_join(thread, NULL);
	place_close(p);
}

/* ---- images ---- */

static void an_image_has_what_the_ring_has(void **state)
{
	char dir[] = "/tmp/chute-image-XXXXXX", path[64];
	struct place *p = place_open(state, 4096);
	struct tool_output ring, image;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/image", dir);
	send_text(p, "one");
	place_put(p, 8 | CHUTE_BUSY);
	place_put(p, 100);
	umask(022);
	expect_out("", ARGS("dump", p->ring, "--raw", path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(st.st_size, 3 * 4096);
	dump(&ring, 0, "", ARGS("dump", p->ring));
	dump(&image, 0, "", ARGS("dump", path));
	assert_string_equal(ring.out, image.out);
	assert_true(ring.out_size > 100);
	tool_free(&ring);
	tool_free(&image);
	/* It replaces what was there. */
	assert_int_equal(place_drain(p), 1);
	expect_out("", ARGS("dump", p->ring, "--raw", path));
	dump(&image, 0, "", ARGS("dump", path, "--count", "1"));
	assert_memory_equal(image.out, "4080: 8 bytes, busy\n", 20);
	tool_free(&image);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	place_close(p);
}

static void an_image_that_does_not_fit_leaves_nothing(void **state)
{
	char dir[] = "/tmp/chute-image-XXXXXX", path[64], want[200];
	struct place *p = place_open(state, 65536);
	int fd;

	assert_non_null(mkdtemp(dir));
	tool_need_mounts();
	assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=32k"), 0);
	snprintf(path, sizeof(path), "%s/image", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	tool_write(fd, "old", 3);
	close(fd);
	snprintf(want, sizeof(want),
		 "chute dump: --raw %s: no space for the image there: nothing was written", path);
	tool_expect(1, want, ARGS("dump", p->ring, "--raw", path));
	/* What was there is as it was, and nothing is beside it. */
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, want, sizeof(want)), 3);
	close(fd);
	unlink(path);
	umount(dir);
	assert_int_equal(rmdir(dir), 0);
	place_close(p);
}

static void nothing_but_the_file_is_on_a_disk_that_was_full(void **state)
{
	char dir[] = "/tmp/chute-image-XXXXXX", path[64], pattern[64];
	struct place *p = place_open(state, 65536);
	struct tool_output o;
	glob_t found;

	assert_non_null(mkdtemp(dir));
	tool_need_mounts();
	assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=32k"), 0);
	snprintf(path, sizeof(path), "%s/image", dir);
	snprintf(pattern, sizeof(pattern), "%s/*", dir);
	tool_run(&o, "", 0, ARGS("dump", p->ring, "--raw", path));
	assert_int_equal(o.status, 1);
	tool_free(&o);
	assert_int_equal(glob(pattern, GLOB_PERIOD, NULL, &found), 0);
	/* "." and ".." */
	assert_true(found.gl_pathc <= 2);
	globfree(&found);
	umount(dir);
	rmdir(dir);
	place_close(p);
}

static void what_cannot_be_is_one_line(void **state)
{
	struct place *p = place_open(state, 4096);

	tool_expect(1, "chute dump: --raw /dev/null: not a file: an image can't be written there",
		    ARGS("dump", p->ring, "--raw", "/dev/null"));
	tool_expect(1, "chute dump: --raw /no/such/place: No such file or directory",
		    ARGS("dump", p->ring, "--raw", "/no/such/place"));
	tool_expect(2, "chute dump: --count x: not a number: see 'chute dump --help'",
		    ARGS("dump", p->ring, "--count", "x"));
	tool_expect(2,
		    "chute dump: --raw saves all of the ring, and goes with no other option: see "
		    "'chute dump --help'",
		    ARGS("dump", p->ring, "--raw", "x", "--json"));
	place_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(records_are_printed_and_not_consumed),
		ON_BOTH(flags_and_fields_are_json),
		ON_BOTH(long_records_are_cut_unless_full),
		ON_BOTH(an_unfinished_record_has_its_producer),
		ON_BOTH(packed_records_are_taken_apart),
		ON_BOTH(a_packed_record_that_lies_is_told),
		ON_BOTH(a_damaged_ring_is_dumped_up_to_there),
		ON_BOTH(what_is_shown_of_a_ring_in_use_was_in_it),
		ON_BOTH(an_image_has_what_the_ring_has),
		ON_BOTH(an_image_that_does_not_fit_leaves_nothing),
		ON_BOTH(nothing_but_the_file_is_on_a_disk_that_was_full),
		cmocka_unit_test_prestate(what_cannot_be_is_one_line, &place_in_memory),
	};

	return cmocka_run_group_tests_name("tool_dump", tests, tool_setup, tool_teardown);
}
