// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_watch_map: chute list and chute stat on rings in BPF maps, which programs
 * with the system's libbpf feed. */
#include "kring.h"
#include "tool_json.h"

#include <chute/chute.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static __u32 map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static __u32 program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static void a_map_is_listed_with_processes_and_programs(void **state)
{
	struct json_object *object;
	struct kring k;
	char ring[32];

	(void)state;
	kring_open(&k, 8192);
	kring_libbpf_sends(&k, "12345678", 8);
	kring_libbpf_sends(&k, "12345678", 8);
	assert_int_equal(kring_drain(&k, 0, 1), 1);
	snprintf(ring, sizeof(ring), "map:%u", map_id(k.map_fd));
	object = tool_json_ring(ring, "", ARGS("list", "--json"));
	assert_non_null(object);
	assert_string_equal(tool_json_text(object, "kind"), "map");
	assert_int_equal(tool_json_number(object, "id"), map_id(k.map_fd));
	assert_string_equal(tool_json_text(object, "name"), "ring");
	assert_int_equal(tool_json_number(object, "size"), 8192);
	assert_int_equal(tool_json_number(object, "used"), 16);
	assert_int_equal(tool_json_number(object, "consumer_pos"), 16);
	assert_int_equal(tool_json_number(object, "producer_pos"), 32);
	assert_int_equal(json_object_array_length(tool_json_array(object, "pins")), 0);
	assert_int_equal(json_object_array_length(tool_json_array(object, "processes")), 1);
	assert_true(tool_json_holds(object, "processes", "pid", (__u64)getpid(), "command",
				    "test_tool_watch"));
	assert_true(tool_json_holds(object, "programs", "id", program_id(k.count_fd), "name",
				    "drain_and_count"));
	assert_false(tool_json_has(object, "path"));
	json_object_put(object);
	kring_close(&k);
}

/* Every bpffs, with directories, and with blanks in its name. */
static void a_map_is_listed_with_its_pins(void **state)
{
	char place[] = "/tmp/chute pins\tXXXXXX", first[64], second[128], ring[32];
	int fd = chute_map("pinned", 4096);
	struct json_object *object, *pins;
	size_t i, found = 0;

	(void)state;
	snprintf(second, sizeof(second), "%s/second", tool_bpffs());
	snprintf(ring, sizeof(ring), "map:%u", map_id(fd));
	assert_non_null(mkdtemp(place));
	assert_int_equal(mount("bpf", place, "bpf", 0, NULL), 0);
	snprintf(first, sizeof(first), "%s/deep", place);
	assert_int_equal(mkdir(first, 0700), 0);
	snprintf(first, sizeof(first), "%s/deep/first", place);
	assert_int_equal(chute_pin(fd, first), 0);
	assert_int_equal(chute_pin(fd, second), 0);
	object = tool_json_ring(ring, "", ARGS("list", "--json"));
	pins = tool_json_array(object, "pins");
	assert_int_equal(json_object_array_length(pins), 2);
	for (i = 0; i < 2; i++) {
		const char *pin = json_object_get_string(json_object_array_get_idx(pins, i));

		found += !strcmp(pin, first) || !strcmp(pin, second);
	}
	assert_int_equal(found, 2);
	json_object_put(object);
	assert_int_equal(umount(place), 0);
	rmdir(place);
	unlink(second);
	close(fd);
}

/* Looking must not keep a map that everybody else has left. */
static void a_map_that_has_gone_is_not_listed(void **state)
{
	struct json_object *object;
	__s64 end = now_ns() + 60000000000;
	char ring[32];
	int fd;

	(void)state;
	need_bpf();
	fd = chute_map("leaving", 4096);
	snprintf(ring, sizeof(ring), "map:%u", map_id(fd));
	object = tool_json_ring(ring, "", ARGS("list", "--json"));
	assert_non_null(object);
	json_object_put(object);
	close(fd);
	/* The kernel frees it a little later. */
	while ((object = tool_json_ring(ring, "", ARGS("list", "--json")))) {
		assert_true(now_ns() < end);
		json_object_put(object);
	}
}

/* ---- stat ---- */

static void what_libbpf_has_sent_is_counted(void **state)
{
	char ring[32], path[128];
	const char *names[3] = { ring, "map:ring_of_stat", path };
	int fd, i;

	(void)state;
	snprintf(path, sizeof(path), "%s/stat", tool_bpffs());
	fd = chute_map("ring_of_stat", 8192);
	assert_int_equal(chute_pin(fd, path), 0);
	kring_libbpf_sends(&(struct kring){ .map_fd = fd }, "123456789", 9);
	kring_libbpf_sends(&(struct kring){ .map_fd = fd }, "1", 1);
	snprintf(ring, sizeof(ring), "map:%u", map_id(fd));
	for (i = 0; i < 3; i++) {
		struct json_object *object =
			tool_json_ring(names[i], "", ARGS("stat", names[i], "--json"));

		assert_non_null(object);
		assert_string_equal(tool_json_text(object, "kind"), "map");
		assert_int_equal(tool_json_number(object, "id"), map_id(fd));
		assert_string_equal(tool_json_text(object, "name"), "ring_of_stat");
		assert_int_equal(tool_json_number(object, "size"), 8192);
		assert_int_equal(tool_json_number(object, "consumer_pos"), 0);
		assert_int_equal(tool_json_number(object, "producer_pos"), 40);
		assert_int_equal(tool_json_number(object, "used"), 40);
		assert_int_equal(tool_json_number(object, "pending"), 2);
		assert_false(tool_json_bool(object, "pending_more"));
		assert_false(tool_json_bool(object, "moving"));
		/* Nothing is known that libbpf does not tell. */
		assert_false(tool_json_has(object, "records"));
		assert_false(tool_json_has(object, "records_in_per_s"));
		assert_int_equal(json_object_array_length(tool_json_array(object, "producers")), 0);
		json_object_put(object);
	}
	unlink(path);
	close(fd);
}

static void nobody_is_told_what_a_map_takes(void **state)
{
	char dir[] = "/tmp/chute-tool-XXXXXX", tool[64], path[128], want[300];
	struct tool_output o;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/secret", tool_bpffs());
	tool_copy(dir, tool, sizeof(tool));
	fd = chute_map("secret", 4096);
	assert_int_equal(chute_pin(fd, path), 0);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "stat", path));
	snprintf(want, sizeof(want),
		 "chute stat: %s: no permission to read and write it, as mapping it takes: become "
		 "root, or have it given to you with chown(1)",
		 path);
	tool_said(&o, 1, want);
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "stat", "map:1"));
	tool_said(&o, 1,
		  "chute stat: map:1: no permission: finding a map by id or name needs "
		  "CAP_SYS_ADMIN: become root, or give the path where it is pinned");
	tool_free(&o);
	unlink(path);
	close(fd);
	tool_copy_remove(dir, tool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_listed_with_processes_and_programs),
		cmocka_unit_test(a_map_is_listed_with_its_pins),
		cmocka_unit_test(a_map_that_has_gone_is_not_listed),
		cmocka_unit_test(what_libbpf_has_sent_is_counted),
		cmocka_unit_test(nobody_is_told_what_a_map_takes),
	};

	return cmocka_run_group_tests_name("tool_watch_map", tests, tool_setup, tool_teardown);
}
