// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_feed: the ways of chute send, and packed records: on a map that a BPF program
 * drains, and on a memory ring and what recv makes of it. */
#include "tool_ring.h"

#include "mring.h"

#include <chute/chute.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES 20000

/* Lines of all sizes up to @most, most of them short. */
static char *make_lines(__u32 most, size_t *size, struct received *want)
{
	char *text = malloc(LINES * 2002);
	char copy[2008];
	__u64 seed = 1;
	__u32 length, i;
	int n;

	memset(want, 0, sizeof(*want));
	assert_non_null(text);
	for (*size = 0, n = 0; n < LINES; n++) {
		length = (__u32)(next_random(&seed) % (n % 50 ? 40 : most + 1));
		for (i = 0; i < length; i++)
			text[*size + i] = (char)('a' + next_random(&seed) % 26);
		memcpy(copy, text + *size, length);
		receive_whole(copy, length, want);
		text[*size + length] = '\n';
		*size += length + 1;
	}
	return text;
}

static const char *const ways[][4] = {
	{ "--lines" },
	{ "--pack" },
	{ "--batch", "7" },
	{ "--batch", "1000000" },
	{ "--pack", "--batch", "7" },
	{ "--shared" },
	{ "--shared", "--pack" },
	{ "--recover" },
	{ "--recover", "--shared" },
	{ "--rate", "1M" },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void a_program_in_the_kernel_gets_the_same_in_every_way(void **state)
{
	struct received want, got;
	__s64 end = now_ns() + 60000000000;
	struct mring r;
	char ring[32], *text;
	size_t size, i;
	int in, program;
	pid_t pid;

	(void)state;
	text = make_lines(1024, &size, &want);
	in = tool_file(text, size);
	for (i = 0; i < WAYS; i++) {
		mring_open(&r, "messages", 64 * 1024);
		program = mring_program(&r, "drain_whole");
		snprintf(ring, sizeof(ring), "map:%u", tool_map_id(r.map_fd));
		lseek(in, 0, SEEK_SET);
		pid = tool_spawn(
			in, -1, -1, NULL,
			ARGS("send", ring, ways[i][0], ways[i][1], ways[i][2], ways[i][3]));
		do {
			assert_true(mring_run(program) >= 0);
			assert_true(now_ns() < end);
			got = mring_received(&r);
		} while (got.messages < want.messages);
		assert_int_equal(tool_wait(pid), 0);
		assert_memory_equal(&got, &want, sizeof(got));
		mring_close(&r);
	}
	close(in);
	free(text);
}

/* Write a line, and drain until it has come. */
static void write_and_await(int fd, const struct mring *r, int program)
{
	const __u64 before = mring_received(r).messages;
	const __s64 end = now_ns() + 60000000000;

	tool_write(fd, "line\n", 5);
	while (mring_received(r).messages == before) {
		assert_true(mring_run(program) >= 0);
		assert_true(now_ns() < end);
	}
	assert_int_equal(mring_received(r).messages, before + 1);
}

static void a_program_in_the_kernel_gets_what_a_pipe_brings(void **state)
{
	int i, program, ends[2];
	char ring[32];
	struct mring r;
	pid_t pid;

	(void)state;
	mring_open(&r, "messages", 64 * 1024);
	program = mring_program(&r, "drain_whole");
	snprintf(ring, sizeof(ring), "map:%u", tool_map_id(r.map_fd));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = tool_spawn(ends[0], -1, -1, NULL, ARGS("send", ring, "--pack"));
	for (i = 0; i < 3; i++)
		write_and_await(ends[1], &r, program);
	kill(pid, SIGTERM);
	assert_int_equal(tool_wait(pid), 128 + SIGTERM);
	mring_close(&r);
	close(ends[0]);
	close(ends[1]);
}

static void recv_gives_the_same_lines_in_every_way(void **state)
{
	struct received want;
	const char *ring;
	size_t size, got_size, i;
	char *text = make_lines(2000, &size, &want), *got;
	int in = tool_file(text, size), out;
	pid_t sender, receiver;

	(void)state;
	for (i = 0; i < WAYS * 2; i++) {
		const char *const *way = ways[i / 2];

		ring = tool_make_ring("ways", i % 2 ? "4K" : "256K");
		out = tool_file("", 0);
		lseek(in, 0, SEEK_SET);
		receiver = tool_spawn(-1, out, -1, NULL,
				      ARGS("recv", ring, "--messages", "--count", "20000"));
		sender = tool_spawn(in, -1, -1, NULL,
				    ARGS("send", ring, way[0], way[1], way[2], way[3]));
		assert_int_equal(tool_wait(sender), 0);
		assert_int_equal(tool_wait(receiver), 0);
		got = tool_file_bytes(out, &got_size);
		assert_int_equal(got_size, size);
		assert_memory_equal(got, text, size);
		free(got);
		close(out);
	}
	close(in);
	free(text);
}

/* ---- packed ---- */

static void packed_records_hold_many_and_a_large_message_goes_by_itself(void **state)
{
	const char *ring = tool_make_ring("packed", "64K");
	static char text[1000 * 9 + 3000 + 1 + 9];
	const __u64 magic = CHUTE_PACK_MAGIC;
	struct tool_output o;
	size_t used = 0;
	__u32 length;
	int records;
	char *at;

	(void)state;
	for (records = 0; records < 1000; records++)
		used += (size_t)sprintf(text + used, "%08d\n", records);
	memset(text + used, 'x', 3000);
	memcpy(text + used + 3000, "\nlast one\n", 10);
	tool_run(&o, text, sizeof(text), ARGS("send", ring, "--pack"));
	tool_said_after(&o, 0, "", 1002);
	tool_free(&o);
	tool_take_framed(ring, &o);
	for (records = 0, at = o.out; at < o.out + o.out_size; at += 4 + length, records++) {
		memcpy(&length, at, 4);
		if (length == 3000)
			assert_memory_equal(at + 4, text + used, 3000);
		else if (length != 8)
			assert_memory_equal(at + 4, &magic, 8);
	}
	/* Eight thousand bytes, the large one, and one that is alone. */
	assert_int_equal(records, 3);
	tool_free(&o);
}

static void send_record(const char *ring, const void *payload, __u32 size)
{
	int fd = open(tool_ring_file(ring), O_RDWR | O_CLOEXEC);
	struct chute *c = chute_open_memory(fd, NULL);
	void *place;

	assert_non_null(c);
	place = chute_reserve(c, size);
	assert_non_null(place);
	memcpy(place, payload, size);
	chute_submit(c, place);
	chute_close(c);
	close(fd);
}

static void a_packed_record_that_lies_stays_in_the_ring(void **state)
{
	const char *ring = tool_make_ring("lies", "4K");
	struct {
		struct chute_packed header;
		struct chute_message first;
		char text[8];
		struct chute_message second;
	} record = { .header = { CHUTE_PACK_MAGIC, CHUTE_PACK_MIXED, 24 },
		     { .len = 3 },
		     "abc",
		     { .len = 500 } };
	struct tool_output o;
	char want[300];
	__u32 length;

	(void)state;
	send_record(ring, "good", 4);
	send_record(ring, &record, sizeof(record));
	tool_run(&o, "", 0, ARGS("recv", ring, "--messages", "--timeout", "0"));
	snprintf(want, sizeof(want),
		 "chute recv: %s: the next record is packed, and not as it says: it stays in the "
		 "ring; without --messages it is taken as it is",
		 ring);
	tool_said_after(&o, 1, want, 1);
	assert_string_equal(o.out, "good\n");
	tool_free(&o);
	tool_take_framed(ring, &o);
	memcpy(&length, o.out, 4);
	assert_int_equal(length, sizeof(record));
	assert_memory_equal(o.out + 4, &record, sizeof(record));
	tool_free(&o);
}

static void messages_of_another_size_keep_their_record_in_the_ring(void **state)
{
	const char *ring = tool_make_ring("othersize", "4K");
	struct tool_output o;
	char want[300];

	(void)state;
	tool_run(&o, "abc\nabcd\n", 9, ARGS("send", ring, "-q", "--pack"));
	tool_said(&o, 0, "");
	tool_free(&o);
	tool_run(&o, "", 0,
		 ARGS("recv", ring, "--messages", "--record-size", "3", "--timeout", "0"));
	snprintf(want, sizeof(want),
		 "chute recv: %s: the next record has 4 bytes and not 3: it stays in the ring; "
		 "--framed takes any",
		 ring);
	/* The first went as a run of one, which is no packed record. */
	tool_said_after(&o, 1, want, 1);
	assert_string_equal(o.out, "abc");
	tool_free(&o);
}

/* ---- without privileges ---- */

static void nobody_can_feed_their_own_ring_in_every_way(void **state)
{
	const char *own = tool_ring("own");
	char dir[] = "/tmp/chute-tool-XXXXXX", path[64];
	struct tool_output o;
	size_t i;

	(void)state;
	tool_copy(dir, path, sizeof(path));
	tool_run_as("setpriv", &o, "", 0, TOOL_NOBODY(path, "create", own, "--size", "64K"));
	tool_said(&o, 0, "");
	tool_free(&o);
	for (i = 0; i < WAYS; i++) {
		tool_run_as("setpriv", &o, "one\ntwo\n", 8,
			    TOOL_NOBODY(path, "send", own, ways[i][0], ways[i][1], ways[i][2],
					ways[i][3]));
		tool_said_after(&o, 0, "", 2);
		tool_free(&o);
		tool_run_as("setpriv", &o, "", 0,
			    TOOL_NOBODY(path, "recv", own, "--messages", "--timeout", "0"));
		tool_said_after(&o, 0, "", 2);
		assert_string_equal(o.out, "one\ntwo\n");
		tool_free(&o);
	}
	tool_copy_remove(dir, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_in_the_kernel_gets_the_same_in_every_way),
		cmocka_unit_test(a_program_in_the_kernel_gets_what_a_pipe_brings),
		cmocka_unit_test(recv_gives_the_same_lines_in_every_way),
		cmocka_unit_test(packed_records_hold_many_and_a_large_message_goes_by_itself),
		cmocka_unit_test(a_packed_record_that_lies_stays_in_the_ring),
		cmocka_unit_test(messages_of_another_size_keep_their_record_in_the_ring),
		cmocka_unit_test(nobody_can_feed_their_own_ring_in_every_way),
	};

	return cmocka_run_group_tests_name("tool_feed", tests, tool_setup, tool_teardown);
}
