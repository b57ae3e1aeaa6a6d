// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_list: chute list and memory rings, beside all other rings that the machine has
 * meanwhile. */
#include "tool_json.h"

#include <chute/chute.h>
#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_MAPS                                                                                    \
	"chute list: only memory rings are shown: no permission to look for BPF maps, which "      \
	"needs CAP_SYS_ADMIN: become root"

/* Without root only memory rings are there, and that is said. */
static const char *no_maps(void)
{
	struct chute_map_info info = { .sz = sizeof(info) };

	return chute_map_next(&info) == -EPERM ? NO_MAPS : "";
}

/* ---- memory rings ---- */

static void a_memory_ring_is_listed_with_who_holds_it(void **state)
{
	const char *ring = tool_make_ring("listed", "64K"), *file = tool_ring_file(ring);
	int fd = open(file, O_RDWR | O_CLOEXEC);
	struct chute *c = chute_open_memory(fd, NULL);
	struct json_object *object;

	(void)state;
	assert_non_null(c);
	assert_int_equal(chute_send(c, "12345678", 8, 0), 0);
	object = tool_json_ring(ring, no_maps(), ARGS("list", "--json"));
	assert_non_null(object);
	assert_string_equal(tool_json_text(object, "kind"), "memory");
	assert_string_equal(tool_json_text(object, "path"), file);
	assert_int_equal(tool_json_number(object, "size"), 65536);
	assert_int_equal(tool_json_number(object, "used"), 16);
	assert_int_equal(tool_json_number(object, "consumer_pos"), 0);
	assert_int_equal(tool_json_number(object, "producer_pos"), 16);
	assert_int_equal(json_object_array_length(tool_json_array(object, "processes")), 1);
	assert_true(tool_json_holds(object, "processes", "pid", (__u64)getpid(), "command",
				    "test_tool_list"));
	assert_false(tool_json_has(object, "id") || tool_json_has(object, "pins"));
	json_object_put(object);
	chute_close(c);
	close(fd);
	/* Nobody holds it now. */
	object = tool_json_ring(ring, no_maps(), ARGS("list", "--json"));
	assert_int_equal(json_object_array_length(tool_json_array(object, "processes")), 0);
	json_object_put(object);
}

static void who_has_only_mapped_a_memory_ring_holds_it(void **state)
{
	const char *ring = tool_make_ring("mapped", "4K");
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	struct json_object *object;

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	close(fd);
	object = tool_json_ring(ring, no_maps(), ARGS("list", "--json"));
	assert_true(tool_json_holds(object, "processes", "pid", (__u64)getpid(), "command",
				    "test_tool_list"));
	json_object_put(object);
	munmap(page, 4096);
}

static void what_is_no_ring_is_not_listed(void **state)
{
	const char *file = tool_ring_file(tool_ring("text"));
	const char *fifo = tool_ring_file(tool_ring("fifo"));
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	tool_write(fd, "no ring\n", 8);
	close(fd);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(tool_json_ring(tool_ring("text"), no_maps(), ARGS("list", "--json")));
	assert_null(tool_json_ring(tool_ring("fifo"), no_maps(), ARGS("list", "--json")));
	unlink(file);
	unlink(fifo);
}

static void a_ring_whose_name_is_hostile_is_shown_without_harm(void **state)
{
	const char *ring = tool_make_ring("a\033[2J\n\xff\xc3\xa9", "4K");
	char shown[300], mended[300];
	struct json_object *object;
	struct tool_output o;

	(void)state;
	snprintf(shown, sizeof(shown), "%s?[2J??\xc3\xa9", tool_ring("a"));
	snprintf(mended, sizeof(mended), "%s\033[2J\n\xef\xbf\xbd\xc3\xa9", tool_ring("a"));
	tool_run(&o, "", 0, ARGS("list"));
	tool_said(&o, 0, no_maps());
	assert_non_null(strstr(o.out, shown));
	assert_null(strchr(o.out, '\033'));
	tool_free(&o);
	object = tool_json_ring(mended, no_maps(), ARGS("list", "--json"));
	assert_non_null(object);
	json_object_put(object);
	unlink(tool_ring_file(ring));
}

static void people_get_a_line_a_ring(void **state)
{
	const char *ring = tool_make_ring("plain", "64K");
	char want[400];
	struct tool_output o;

	(void)state;
	tool_run(&o, "one\ntwo\n", 8, ARGS("send", "-q", ring));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("list"));
	tool_said(&o, 0, no_maps());
	snprintf(want, sizeof(want), "%-16s %-15s %10s %10s %4d%%\n", ring, "", "64.0 KiB", "32 B",
		 0);
	assert_non_null(strstr(o.out, want));
	assert_memory_equal(o.out, "RING             NAME ", 22);
	tool_free(&o);
}

/* ---- trouble ---- */

static void output_that_can_not_be_written_is_an_error(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), err = tool_file("", 0);
	size_t size;
	char *text;

	(void)state;
	tool_make_ring("full", "4K");
	assert_int_equal(tool_wait(tool_spawn(-1, full, err, NULL, ARGS("list", "--json"))), 1);
	text = tool_file_bytes(err, &size);
	assert_memory_equal(text, "chute list: standard output: No space left on device\n", 53);
	free(text);
	close(err);
	close(full);
}

static void a_wrong_command_line_is_exit_2(void **state)
{
	(void)state;
	tool_expect(2, "chute list: mem:x is one argument too many: see 'chute list --help'",
		    ARGS("list", "mem:x"));
	tool_expect(2, "chute list: --json=1: that option takes no value: see 'chute list --help'",
		    ARGS("list", "--json=1"));
	tool_expect(2, "chute list: -q is no option: see 'chute list --help'", ARGS("list", "-q"));
}

static void nobody_sees_memory_rings_and_is_told_why_no_maps(void **state)
{
	char dir[] = "/tmp/chute-tool-XXXXXX", tool[64];
	const char *ring, *secret;
	struct tool_output o;

	(void)state;
	tool_copy(dir, tool, sizeof(tool));
	ring = tool_make_ring("open", "4K");
	secret = tool_make_ring("secret", "4K");
	assert_int_equal(chmod(tool_ring_file(ring), 0644), 0);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "list"));
	tool_said(&o, 0, NO_MAPS);
	assert_non_null(strstr(o.out, ring));
	assert_null(strstr(o.out, secret));
	tool_free(&o);
	tool_copy_remove(dir, tool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_memory_ring_is_listed_with_who_holds_it),
		cmocka_unit_test(who_has_only_mapped_a_memory_ring_holds_it),
		cmocka_unit_test(what_is_no_ring_is_not_listed),
		cmocka_unit_test(a_ring_whose_name_is_hostile_is_shown_without_harm),
		cmocka_unit_test(people_get_a_line_a_ring),
		cmocka_unit_test(output_that_can_not_be_written_is_an_error),
		cmocka_unit_test(a_wrong_command_line_is_exit_2),
		cmocka_unit_test(nobody_sees_memory_rings_and_is_told_why_no_maps),
	};

	return cmocka_run_group_tests_name("tool_list", tests, tool_setup, tool_teardown);
}
