// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_map: the tool and rings in BPF maps: make and pin them, name them in every
 * way, and feed a BPF program in the running kernel. */
#include "tool_run.h"

#include <chute/chute.h>
#include <chute/inspect.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../examples/count.h"
#include "count.skel.h"

/* A path in the test's bpffs, new, in a static buffer; some at a time. */
static const char *pin_path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", tool_bpffs(), name);
	unlink(path);
	return path;
}

static const char *make_pinned(const char *name, const char *size)
{
	const char *path = pin_path(name);

	tool_expect(0, "", ARGS("create", path, "--size", size));
	return path;
}

static __u32 id_of(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	assert_int_equal(bpf_obj_get_info_by_fd(fd, info, &size), 0);
	return info->id;
}

/* The ids that the tool lists, as it lists them. */
static const char *all_ids(void)
{
	static char ids[512];
	struct chute_map_info info = { .sz = sizeof(info) };
	size_t used = 0;

	strcpy(ids, "none");
	while (!chute_map_next(&info) && used + 32 < sizeof(ids))
		used += (size_t)snprintf(ids + used, sizeof(ids) - used, "%s%u (%s)",
					 used ? ", " : "", info.id, info.name);
	return ids;
}

/*
 * Other tests make and remove maps at the same time: look at the ids before and after,
 * and take a run in between for which both are the same.
 */
static void expect_with_ids(const char *line, const char *const *args)
{
	char before[512], want[1024];
	struct tool_output o;
	int i, same;

	for (i = 0; i < 100; i++) {
		snprintf(before, sizeof(before), "%s", all_ids());
		tool_run(&o, "", 0, args);
		snprintf(want, sizeof(want), "%s; ids here: %s\n", line, before);
		same = !strcmp(before, all_ids()) && !strcmp(o.err, want);
		assert_int_equal(o.status, 1);
		tool_free(&o);
		if (same)
			return;
	}
	fail_msg("never said: %s", want);
}

/* ---- create ---- */

static void create_pins_a_map_of_that_size_and_name(void **state)
{
	const char *path = make_pinned("made-of-chute", "64K");
	struct bpf_map_info info;
	char want[300];
	int fd;

	(void)state;
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	id_of(fd, &info);
	assert_int_equal(info.type, BPF_MAP_TYPE_USER_RINGBUF);
	assert_int_equal(info.max_entries, 65536);
	assert_string_equal(info.name, "made_of_chute");
	snprintf(want, sizeof(want), "chute create: %s: exists already: 'rm %s' removes it", path,
		 path);
	tool_expect(1, want, ARGS("create", path, "--size", "64K"));
	close(fd);
}

static void a_place_where_nothing_can_be_pinned_is_one_line(void **state)
{
	const char *dotted = pin_path("a.b");
	char want[300], path[128];

	(void)state;
	snprintf(want, sizeof(want), "chute create: %s: a bpffs takes no name with a dot in it",
		 dotted);
	tool_expect(1, want, ARGS("create", dotted, "--size", "4K"));
	tool_expect(1,
		    "chute create: /tmp/chute-no-bpffs: not in a bpffs: 'mount -t bpf bpf DIR' "
		    "mounts one, and /sys/fs/bpf is where it usually is",
		    ARGS("create", "/tmp/chute-no-bpffs", "--size", "4K"));
	tool_expect(1, "chute create: /no/such/place: its directory: No such file or directory",
		    ARGS("create", "/no/such/place", "--size", "4K"));
	snprintf(path, sizeof(path), "%s/", tool_bpffs());
	snprintf(want, sizeof(want),
		 "chute create: %s: a directory: give the path of the pin to be made", path);
	tool_expect(1, want, ARGS("create", path, "--size", "4K"));
}

/* ---- names ---- */

static void a_ring_is_found_by_id_name_and_path(void **state)
{
	const char *path = make_pinned("found_by_a_long_name", "64K");
	struct bpf_map_info info;
	const char *names[5] = { path, NULL, "map:found_by_a_long_name", "map:found_by_a_long" };
	struct tool_output o;
	char id[32];
	int fd = bpf_obj_get(path);
	size_t i;

	(void)state;
	snprintf(id, sizeof(id), "map:%u", id_of(fd, &info));
	names[1] = id;
	for (i = 0; names[i]; i++) {
		tool_run(&o, "one\ntwo\n", 8, ARGS("send", names[i]));
		tool_said_after(&o, 0, "", 2);
		tool_free(&o);
	}
	close(fd);
}

static void a_name_that_several_maps_have_lists_them(void **state)
{
	struct bpf_map_info info;
	char want[300];
	__u32 a, b;
	int first, second;

	(void)state;
	need_bpf();
	first = chute_map("chute_twins", 4096);
	second = chute_map("chute_twins", 4096);
	a = id_of(first, &info);
	b = id_of(second, &info);
	snprintf(want, sizeof(want),
		 "chute send: map:chute_twins: several user ring buffers have that name: give one "
		 "of "
		 "map:%u, map:%u",
		 a, b);
	tool_expect(1, want, ARGS("send", "map:chute_twins"));
	close(first);
	close(second);
}

static void what_is_no_user_ring_buffer_is_one_line(void **state)
{
	int array = -1, prog;
	const char *path = pin_path("array"), *prog_path = pin_path("prog");
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	struct bpf_map_info info;
	char line[300], name[32];

	(void)state;
	array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "chute_array", 4, 4, 1, NULL);
	assert_true(array >= 0);
	snprintf(name, sizeof(name), "map:%u", id_of(array, &info));
	snprintf(line, sizeof(line), "chute send: %s: a map, but not a user ring buffer", name);
	expect_with_ids(line, ARGS("send", name));
	expect_with_ids("chute send: map:chute_array: no user ring buffer of that name",
			ARGS("send", "map:chute_array"));
	expect_with_ids("chute send: map:4294967295: no map has that id",
			ARGS("send", "map:4294967295"));
	assert_int_equal(bpf_obj_pin(array, path), 0);
	snprintf(line, sizeof(line),
		 "chute send: %s: what is pinned there is not a user ring buffer", path);
	tool_expect(1, line, ARGS("send", path));
	/* Its type has the same number as a user ring buffer's. */
	prog = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "chute_prog", "GPL", nothing, 2, &opts);
	assert_true(prog >= 0);
	assert_int_equal(bpf_obj_pin(prog, prog_path), 0);
	snprintf(line, sizeof(line),
		 "chute send: %s: what is pinned there is not a user ring buffer", prog_path);
	tool_expect(1, line, ARGS("send", prog_path));
	close(array);
	close(prog);
}

static void a_path_with_no_map_behind_it_is_one_line(void **state)
{
	const char *none = pin_path("none");
	char line[400];

	(void)state;
	snprintf(line, sizeof(line),
		 "chute send: %s: no such file: 'chute create %s --size SIZE' pins a ring there",
		 none, none);
	tool_expect(1, line, ARGS("send", none));
	tool_expect(1,
		    "chute send: /dev/null: not in a bpffs: give the path where a map is pinned "
		    "('mount -t bpf bpf DIR' mounts one), or mem:NAME",
		    ARGS("send", "/dev/null"));
	snprintf(line, sizeof(line),
		 "chute recv: %s: a ring in a BPF map is drained by its BPF program: recv is for "
		 "memory rings, mem:NAME",
		 none);
	tool_expect(1, line, ARGS("recv", none));
	tool_expect(1,
		    "chute recv: map:12: a ring in a BPF map is drained by its BPF program: recv "
		    "is for memory rings, mem:NAME",
		    ARGS("recv", "map:12"));
}

static void a_map_that_another_program_feeds_is_refused(void **state)
{
	const char *path = make_pinned("fed", "4K");
	struct chute *c = chute_open_path(path, NULL);
	char want[300];

	(void)state;
	assert_non_null(c);
	snprintf(want, sizeof(want),
		 "chute send: %s: another program feeds it, and a ring has one producer: stop that "
		 "one first, or give --shared to both",
		 path);
	tool_expect(1, want, ARGS("send", path));
	chute_close(c);
}

/* ---- feeding a BPF program ---- */

/* bpf/count.bpf.c with the pinned map as its ring. */
static struct count_bpf *load_receiver(const char *path)
{
	struct count_bpf *skel = count_bpf__open();
	int fd = bpf_obj_get(path);

	assert_non_null(skel);
	assert_int_equal(bpf_map__reuse_fd(skel->maps.lines, fd), 0);
	assert_int_equal(count_bpf__load(skel), 0);
	close(fd);
	return skel;
}

static void drain(struct count_bpf *skel)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.drain), &run), 0);
	assert_true((int)run.retval >= 0);
}

/* What the program counts, counted here. */
static void count_record(struct count *c, const char *record, __u32 size)
{
	static const __u32 pieces[] = { 32, 16, 8, 4, 2, 1 };
	__u64 words[CHUNK / 8];
	__u32 left = size, at = 0;
	size_t i;

	for (; left >= CHUNK; left -= CHUNK, record += CHUNK) {
		memcpy(words, record, CHUNK);
		count_chunk(c, words);
	}
	memset(words, 0, sizeof(words));
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); at += pieces[i++]) {
		if (left < pieces[i])
			continue;
		memcpy((char *)words + at, record, pieces[i]);
		record += pieces[i];
		left -= pieces[i];
	}
	count_chunk(c, words);
	c->records++;
	c->bytes += size;
}

/* Send @input in a format while the program drains; compare what both have counted. */
static void send_to_program(const char *format, const char *value, const char *input, size_t size,
			    const struct count *want)
{
	const char *path = make_pinned("program", "64K");
	struct count_bpf *skel = load_receiver(path);
	int in = tool_file(input, size), err = tool_file("", 0);
	__s64 end = now_ns() + 60000000000;
	struct tool_output o = { 0 };
	pid_t pid;

	pid = tool_spawn(in, -1, err, NULL, ARGS("send", path, format, value));
	while (chute_load_relaxed(&skel->bss->received.records) < want->records) {
		assert_true(now_ns() < end);
		drain(skel);
	}
	o.status = tool_wait(pid);
	o.err = tool_file_bytes(err, &o.out_size);
	tool_said_after(&o, 0, "", (long)want->records);
	drain(skel);
	assert_memory_equal(&skel->bss->received, want, sizeof(*want));
	tool_free(&o);
	count_bpf__destroy(skel);
	close(in);
	close(err);
}

#define RECORDS 20000

static void a_program_in_the_kernel_gets_every_byte_in_every_format(void **state)
{
	struct count lines = { 0 }, framed = { 0 }, fixed = { 0 };
	char *stream = malloc(RECORDS * 300), *text = malloc(RECORDS * 300);
	size_t used = 0, text_used = 0, i, j;
	__u64 seed = 1;
	__u32 size;

	(void)state;
	need_bpf();
	for (i = 0; i < RECORDS; i++) {
		size = (__u32)(next_random(&seed) % 290);
		memcpy(stream + used, &size, 4);
		for (j = 0; j < size; j++)
			stream[used + 4 + j] = (char)next_random(&seed);
		count_record(&framed, stream + used + 4, size);
		memcpy(text + text_used, stream + used + 4, size);
		for (j = 0; j < size; j++)
			if (text[text_used + j] == '\n')
				text[text_used + j] = ' ';
		count_record(&lines, text + text_used, size);
		used += 4 + size;
		text_used += size;
		text[text_used++] = '\n';
	}
	for (i = 0; i + 100 <= used; i += 100)
		count_record(&fixed, stream + i, 100);
	send_to_program("--framed", NULL, stream, used, &framed);
	send_to_program("--lines", NULL, text, text_used, &lines);
	send_to_program("--record-size", "100", stream, i, &fixed);
	free(stream);
	free(text);
}

static void a_program_that_does_not_drain_is_told_of_at_the_timeout(void **state)
{
	const char *path = make_pinned("idle", "4K");
	static char text[16 * 1000];
	struct count_bpf *skel = load_receiver(path);
	struct tool_output o;
	char want[300];

	(void)state;
	tool_run(&o, text, sizeof(text),
		 ARGS("send", path, "--record-size", "16", "--timeout", "0.2"));
	snprintf(want, sizeof(want),
		 "chute send: %s: full for 0.2 s (--timeout): is anything draining it?", path);
	tool_said_after(&o, 1, want, 170);
	tool_free(&o);
	/* What was counted is there, and it alone. */
	drain(skel);
	assert_int_equal(skel->bss->received.records, 170);
	count_bpf__destroy(skel);
}

static void a_sender_that_is_killed_leaves_the_map_to_the_next(void **state)
{
	const char *path = make_pinned("killed", "4K");
	struct count_bpf *skel = load_receiver(path);
	__s64 end = now_ns() + 60000000000;
	struct tool_output o;
	int in[2];
	pid_t pid;

	(void)state;
	tool_pipe(in);
	pid = tool_spawn(in[0], -1, -1, NULL, ARGS("send", path));
	tool_write(in[1], "one\ntwo\nthr", 11);
	while (skel->bss->received.records < 2) {
		assert_true(now_ns() < end);
		drain(skel);
	}
	kill(pid, SIGKILL);
	tool_wait(pid);
	tool_run(&o, "three\n", 6, ARGS("send", path));
	tool_said_after(&o, 0, "", 1);
	tool_free(&o);
	drain(skel);
	assert_int_equal(skel->bss->received.records, 3);
	assert_int_equal(skel->bss->received.bytes, 11);
	count_bpf__destroy(skel);
	close(in[0]);
	close(in[1]);
}

/* ---- without privileges ---- */

static void nobody_may_not_use_maps_and_is_told_so(void **state)
{
	const char *path = make_pinned("roots", "4K"), *own = pin_path("own");
	char dir[] = "/tmp/chute-tool-XXXXXX", tool[64], want[300];
	struct tool_output o;

	(void)state;
	tool_copy(dir, tool, sizeof(tool));
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "send", path));
	snprintf(
		want, sizeof(want),
		"chute send: %s: no permission to read and write it: become root, or have it given "
		"to you with chown(1)",
		path);
	tool_said(&o, 1, want);
	tool_free(&o);
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(tool, "create", own, "--size", "4K"));
	snprintf(
		want, sizeof(want),
		"chute create: %s: no permission to make a BPF map: needs CAP_BPF: become root, or "
		"make a memory ring, mem:NAME",
		own);
	tool_said(&o, 1, want);
	tool_free(&o);
	tool_copy_remove(dir, tool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_pins_a_map_of_that_size_and_name),
		cmocka_unit_test(a_place_where_nothing_can_be_pinned_is_one_line),
		cmocka_unit_test(a_ring_is_found_by_id_name_and_path),
		cmocka_unit_test(a_name_that_several_maps_have_lists_them),
		cmocka_unit_test(what_is_no_user_ring_buffer_is_one_line),
		cmocka_unit_test(a_path_with_no_map_behind_it_is_one_line),
		cmocka_unit_test(a_map_that_another_program_feeds_is_refused),
		cmocka_unit_test(a_program_in_the_kernel_gets_every_byte_in_every_format),
		cmocka_unit_test(a_program_that_does_not_drain_is_told_of_at_the_timeout),
		cmocka_unit_test(a_sender_that_is_killed_leaves_the_map_to_the_next),
		cmocka_unit_test(nobody_may_not_use_maps_and_is_told_so),
	};

	return cmocka_run_group_tests_name("tool_map", tests, tool_setup, tool_teardown);
}
