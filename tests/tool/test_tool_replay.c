// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_replay: chute replay drains copies of images, and the kernel does the same. */
#include "tool_json.h"
#include "tool_place.h"

#include <chute/chute.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct image {
	char dir[32], path[64];
};

static void save(struct image *image, const struct place *p)
{
	strcpy(image->dir, "/tmp/chute-replay-XXXXXX");
	assert_non_null(mkdtemp(image->dir));
	snprintf(image->path, sizeof(image->path), "%s/image", image->dir);
	tool_expect(0, "", ARGS("dump", p->ring, "--raw", image->path));
}

static void drop(struct image *image)
{
	unlink(image->path);
	assert_int_equal(rmdir(image->dir), 0);
}

static void expect_out(const char *out, const char *const *args)
{
	struct tool_output o;

	tool_run(&o, "", 0, args);
	tool_said(&o, 0, "");
	assert_string_equal(o.out, out);
	tool_free(&o);
}

/* Programs in the tool, and permission to load them. */
static void need_kernel(void)
{
	struct kring k;

	kring_open(&k, 4096);
	kring_close(&k);
}

/* Records of all kinds, and at last an unfinished one. */
static void fill(struct place *p)
{
	place_put(p, 5);
	place_put(p, 100 | CHUTE_DISCARD);
	place_put(p, 0);
	place_put(p, 2000);
	place_put(p, 8 | CHUTE_BUSY);
	place_put(p, 8);
}

#define RECORDS "4064: 5 bytes\n4192: 0 bytes\n4200: 2000 bytes\n"

static void an_image_is_drained_as_the_ring_would_be(void **state)
{
	struct place *p = place_open(state, 4096);
	struct image image;

	fill(p);
	save(&image, p);
	expect_out(RECORDS "user drain returned 3, after 3 records, at 6208\n"
			   "user drain returned 0, after 0 records, at 6208\n",
		   ARGS("replay", image.path));
	/* It is a copy that is drained. */
	expect_out(RECORDS "user drain returned 3, after 3 records, at 6208\n"
			   "user drain returned 0, after 0 records, at 6208\n",
		   ARGS("replay", image.path));
	assert_int_equal(place_drain(p), 3);
	drop(&image);
	place_close(p);
}

static void the_kernel_does_the_same(void **state)
{
	struct place *p = place_open(state, 4096);
	struct image image;

	need_kernel();
	fill(p);
	save(&image, p);
	expect_out(RECORDS "user drain returned 3, after 3 records, at 6208\n"
			   "kernel drain returned 3, after 3 records, at 6208\n"
			   "user drain returned 0, after 0 records, at 6208\n"
			   "kernel drain returned 0, after 0 records, at 6208\n"
			   "equal\n",
		   ARGS("replay", image.path, "--kernel"));
	drop(&image);
	place_close(p);
}

static void events_are_objects(void **state)
{
	static const char *const events[] = { "record", "record", "record", "drain",
					      "drain",	"drain",  "drain",  "result" };
	struct place *p = place_open(state, 4096);
	struct json_object *object;
	struct tool_output o;
	struct image image;
	size_t i;

	need_kernel();
	fill(p);
	save(&image, p);
	tool_run(&o, "", 0, ARGS("replay", image.path, "--kernel", "--json"));
	tool_said(&o, 0, "");
	for (i = 0; i < 8; i++) {
		object = tool_json_line(o.out, i);
		assert_string_equal(tool_json_text(object, "event"), events[i]);
		if (i == 2) {
			assert_int_equal(tool_json_number(object, "position"), 4200);
			assert_int_equal(tool_json_number(object, "size"), 2000);
		} else if (i == 4) {
			assert_string_equal(tool_json_text(object, "consumer"), "kernel");
			assert_int_equal(tool_json_number(object, "records"), 3);
			assert_int_equal(tool_json_number(object, "consumer_pos"), 6208);
		} else if (i == 7) {
			assert_true(tool_json_bool(object, "equal"));
		}
		json_object_put(object);
	}
	assert_null(tool_json_line(o.out, 8));
	tool_free(&o);
	drop(&image);
	place_close(p);
}

static void errors_are_the_same(void **state)
{
	struct place *p = place_open(state, 4096);
	struct image image;

	need_kernel();
	place_put(p, 8);
	place_set_header(p, place_put(p, 8), 5000);
	save(&image, p);
	expect_out("4064: 8 bytes\n"
		   "user drain returned -22, after 1 record, at 4080\n"
		   "kernel drain returned -22, after 1 record, at 4080\n"
		   "equal\n",
		   ARGS("replay", image.path, "--kernel"));
	drop(&image);
	place_close(p);
}

/* Where a map's own position can't be put, it is the distance that counts. */
static void positions_out_of_order_are_the_same(void **state)
{
	struct place *p = place_open(state, 4096);
	unsigned long pos = p->bytes.consumer->consumer_pos;
	const unsigned long far[] = { pos - 8,	       pos - 4064,  pos + 12,
				      pos + 16 * 4096, ~7UL - 4096, ~7UL };
	struct tool_output o;
	struct image image;
	size_t i;

	need_kernel();
	place_put(p, 8);
	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		place_set_producer_pos(p, far[i]);
		save(&image, p);
		tool_run(&o, "", 0, ARGS("replay", image.path, "--kernel"));
		tool_said(&o, 0, "");
		assert_true(o.out_size > 6);
		assert_string_equal(o.out + o.out_size - 7, "\nequal\n");
		tool_free(&o);
		drop(&image);
	}
	place_close(p);
}

static void what_is_no_image_exits_3(void **state)
{
	struct place *p = place_open(state, 4096);
	char want[300];

	snprintf(want, sizeof(want),
		 "chute replay: %s: a ring in use: 'chute dump %s --raw FILE' makes an image of it",
		 p->ring, p->ring);
	tool_expect(3, want, ARGS("replay", p->ring));
	tool_expect(3,
		    "chute replay: /etc/passwd: neither the image of a ring nor in a bpffs: 'chute "
		    "dump --raw' makes images, and 'mount -t bpf bpf DIR' mounts a bpffs",
		    ARGS("replay", "/etc/passwd"));
	tool_expect(2, "chute replay: no RING given: see 'chute replay --help'", ARGS("replay"));
	place_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(an_image_is_drained_as_the_ring_would_be),
		ON_BOTH(the_kernel_does_the_same),
		ON_BOTH(events_are_objects),
		ON_BOTH(errors_are_the_same),
		ON_BOTH(positions_out_of_order_are_the_same),
		cmocka_unit_test_prestate(what_is_no_image_exits_3, &place_in_memory),
	};

	return cmocka_run_group_tests_name("tool_replay", tests, tool_setup, tool_teardown);
}
