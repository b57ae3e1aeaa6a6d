// SPDX-License-Identifier: BSD-2-Clause
/* test_tool_pace: --rate and --batch by when records appear in the ring, and by what the
 * tool costs meanwhile; and the summary as an object. No speed is asserted: only that
 * nothing comes before its time. */
#include "tool_ring.h"

#include <chute/atomic.h>
#include <chute/drain.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

/* What a record of an eight-byte line takes. */
#define BYTES 16

/* Who is behind may catch up so much; see tools/io/pace.h. */
#define LATE_NS 20000000LL

#define STEPS	400

/* Each value that producer_pos has taken, and when it was first seen; before which
 * nothing has happened. We may see things late, which proves nothing, but not early. */
struct steps {
	__s64 start;
	int count;
	unsigned long pos[STEPS];
	__s64 at[STEPS];
};

static char *lines(int count)
{
	char *text = malloc((size_t)count * 9 + 1);
	int i;

	assert_non_null(text);
	for (i = 0; i < count; i++)
		sprintf(text + 9 * i, "%08d\n", i);
	return text;
}

static __s64 children_cpu_ns(void)
{
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000LL +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000LL;
}

static void watch(struct chute_producer_page *page, unsigned long last, struct steps *s)
{
	const __s64 end = now_ns() + 60000000000;
	unsigned long pos, before = 0;

	s->count = 0;
	do {
		pos = chute_load_acquire(&page->producer_pos);
		assert_true(now_ns() < end);
		if (pos == before) {
			sched_yield();
			continue;
		}
		before = pos;
		/* Of more steps the last one is what there is to know. */
		s->count -= s->count == STEPS;
		s->pos[s->count] = pos;
		s->at[s->count++] = now_ns();
	} while (pos < last);
}

/* Send so many lines with these options, and watch the ring. Returns the time that the
 * tool took of a CPU. */
static __s64 watch_send(int count, const char *const *options, struct steps *s)
{
	const char *ring = tool_make_ring("pace", "64K");
	struct chute_producer_page *page = tool_producer_page(ring);
	char *text = lines(count);
	int in = tool_file(text, (size_t)count * 9);
	const __s64 cpu = children_cpu_ns();
	pid_t pid;

	s->start = now_ns();
	pid = tool_spawn(in, -1, -1, NULL,
			 ARGS("send", ring, options[0], options[1], options[2], options[3]));
	watch(page, (unsigned long)count * BYTES, s);
	assert_int_equal(tool_wait(pid), 0);
	tool_unmap_page(page);
	close(in);
	free(text);
	return children_cpu_ns() - cpu;
}

static void records_come_one_by_one_and_none_before_its_time(void **state)
{
	const __s64 period = 1000000000 / 50;
	struct steps s;
	int i;

	(void)state;
	watch_send(20, ARGS("--rate", "50", NULL, NULL), &s);
	/* This test may sleep meanwhile, and see several at once, but not always. */
	assert_in_range(s.count, 5, 20);
	for (i = 0; i < s.count; i++)
		assert_true(s.at[i] - s.start >= ((__s64)s.pos[i] / BYTES - 1) * period);
}

static void batches_come_whole(void **state)
{
	struct steps s;
	int i;

	(void)state;
	watch_send(40, ARGS("--rate", "100", "--batch", "8"), &s);
	assert_in_range(s.count, 2, 5);
	for (i = 0; i < s.count; i++) {
		assert_int_equal(s.pos[i] % (8 * BYTES), 0);
		assert_true(s.at[i] - s.start >= ((__s64)s.pos[i] / BYTES - 8) * 10000000);
	}
}

static void a_rate_costs_no_busy_wait(void **state)
{
	static const char *const rates[] = { "20", "1k", "10k" };
	static const int counts[] = { 10, 500, 4000 };
	struct steps s;
	__s64 start, cpu;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		start = now_ns();
		cpu = watch_send(counts[i], ARGS("--rate", rates[i], NULL, NULL), &s);
		assert_true(s.at[s.count - 1] - s.start >= 300000000);
		assert_true(cpu < (now_ns() - start) / 4);
	}
}

static int ignore(const void *payload, __u32 size, void *ctx)
{
	(void)payload, (void)size, (void)ctx;
	return 0;
}

static void a_pause_is_not_followed_by_a_burst(void **state)
{
	const char *ring = tool_make_ring("pause", "4K");
	struct chute_producer_page *page = tool_producer_page(ring);
	struct chute_consumer *consumer = tool_consumer(ring);
	char *text = lines(512);
	int in = tool_file(text, 512 * 9);
	__s64 start;
	pid_t pid;

	(void)state;
	pid = tool_spawn(in, -1, -1, NULL, ARGS("send", ring, "--rate", "2k"));
	tool_await_pos(page, 4096);
	/* It is full for the time of 400 records. */
	for (start = now_ns(); now_ns() - start < 200000000;)
		sched_yield();
	start = now_ns();
	assert_int_equal(chute_drain(consumer, ignore, NULL, 0), 256);
	tool_await_pos(page, 8192);
	/* But for what may be caught up, and a few at both ends. */
	assert_true(now_ns() - start >= 250 * 500000LL - LATE_NS);
	assert_int_equal(tool_wait(pid), 0);
	chute_consumer_close(consumer);
	tool_unmap_page(page);
	close(in);
	free(text);
}

/* A record that waits for its time does not keep those before it. */
static void what_is_staged_is_published_before_a_wait(void **state)
{
	const char *ring = tool_make_ring("staged", "4K");
	struct chute_producer_page *page = tool_producer_page(ring);
	int in[2];
	pid_t pid;

	(void)state;
	tool_pipe(in);
	pid = tool_spawn(in[0], -1, -1, NULL, ARGS("send", ring, "--batch", "100"));
	close(in[0]);
	tool_write(in[1], "00000000\n00000001\n0000", 22);
	tool_await_pos(page, 2 * BYTES);
	tool_write(in[1], "0002\n", 5);
	tool_await_pos(page, 3 * BYTES);
	close(in[1]);
	assert_int_equal(tool_wait(pid), 0);
	tool_unmap_page(page);
}

/* ---- recv ---- */

static void recv_takes_no_record_before_its_time(void **state)
{
	const char *ring = tool_make_ring("slow", "64K");
	char *text = lines(200), got[900];
	const __s64 cpu = children_cpu_ns();
	struct tool_output o;
	int out[2], i;
	__s64 start;
	pid_t pid;

	(void)state;
	tool_run(&o, text, 30 * 9, ARGS("send", "-q", ring));
	tool_free(&o);
	tool_pipe(out);
	start = now_ns();
	pid = tool_spawn(-1, out[1], -1, NULL,
			 ARGS("recv", ring, "--rate", "100", "--count", "30"));
	for (i = 0; i < 30; i++) {
		tool_read(out[0], got, 9);
		assert_memory_equal(got, text + 9 * i, 9);
		assert_true(now_ns() - start >= i * 10000000LL);
	}
	assert_int_equal(tool_wait(pid), 0);
	assert_true(children_cpu_ns() - cpu < (now_ns() - start) / 4);
	/* A packed record's messages come together, and the next record in their time. */
	for (i = 0; i < 2; i++) {
		tool_run(&o, text + 900 * i, 900, ARGS("send", "-q", ring, "--pack"));
		tool_free(&o);
	}
	start = now_ns();
	pid = tool_spawn(-1, out[1], -1, NULL,
			 ARGS("recv", ring, "--rate", "500", "--messages", "--count", "101"));
	tool_read(out[0], got, 900);
	tool_read(out[0], got, 900);
	assert_memory_equal(got, text + 900, 900);
	assert_true(now_ns() - start >= 100 * 2000000LL);
	assert_int_equal(tool_wait(pid), 0);
	free(text);
	close(out[0]);
	close(out[1]);
}

/* ---- the summary as an object ---- */

static void expect_object(const char *text, const char *ring, int records, int bytes)
{
	char want[300];
	double seconds;
	int end = 0;

	snprintf(want, sizeof(want),
		 "{\"ring\":\"%s\",\"records\":%d,\"bytes\":%d,\"seconds\":", ring, records, bytes);
	assert_memory_equal(text, want, strlen(want));
	assert_int_equal(sscanf(text + strlen(want), "%lf}\n%n", &seconds, &end), 1);
	assert_true(seconds >= 0 && seconds < 60 && end);
	assert_int_equal(text[strlen(want) + (size_t)end], '\0');
}

static void the_summary_is_an_object_where_no_record_goes(void **state)
{
	const char *ring = tool_make_ring("json", "4K");
	struct tool_output o;

	(void)state;
	tool_run(&o, "one\ntwo\n", 8, ARGS("send", ring, "--json", "--pack"));
	tool_said(&o, 0, "");
	expect_object(o.out, ring, 2, 6);
	tool_free(&o);
	tool_run(&o, "", 0, ARGS("recv", ring, "--json", "-q", "--messages", "--timeout", "0"));
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, "one\ntwo\n");
	expect_object(o.err, ring, 2, 6);
	tool_free(&o);
	/* What was good before something went wrong is counted. */
	tool_run(&o, "one\n", 4, ARGS("send", ring, "--json", "-", "/no/such"));
	tool_said(&o, 1, "chute send: /no/such: No such file or directory");
	expect_object(o.out, ring, 1, 3);
	tool_free(&o);
}

static void an_object_that_can_not_be_written_is_an_error(void **state)
{
	const char *ring = tool_make_ring("jsonfull", "4K");
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), err = tool_file("", 0);
	struct tool_output o = { 0 };

	(void)state;
	o.status = tool_wait(tool_spawn(-1, full, err, NULL, ARGS("send", ring, "--json")));
	o.err = tool_file_bytes(err, &o.out_size);
	tool_said(&o, 1, "chute send: standard output: No space left on device");
	tool_free(&o);
	close(full);
	close(err);
}

/* ---- a disk that fills up ---- */

/* Packed records stay in the ring until all of their messages are out. */
static void a_disk_that_fills_up_loses_no_message(void **state)
{
	const char *ring = tool_make_ring("filling", "256K");
	char dir[] = "/tmp/chute-disk-XXXXXX", path[64], *got, *text = lines(10000);
	struct tool_output o;
	int fd, err = tool_file("", 0), counted;
	size_t size;

	(void)state;
	tool_need_mounts();
	assert_non_null(mkdtemp(dir));
	assert_return_code(mount("tmpfs", dir, "tmpfs", 0, "size=32k"), errno);
	snprintf(path, sizeof(path), "%s/out", dir);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	tool_run(&o, text, 90000, ARGS("send", "-q", ring, "--pack", "--timeout", "0"));
	tool_said(&o, 0, "");
	tool_free(&o);
	assert_int_equal(tool_wait(tool_spawn(-1, fd, err, NULL, ARGS("recv", ring, "--messages"))),
			 1);
	o.err = tool_file_bytes(err, &size);
	assert_int_equal(sscanf(strchr(o.err, '\n'), "\nchute recv: %*[^ ] %d records,", &counted),
			 1);
	got = tool_file_bytes(fd, &size);
	assert_int_equal(size, 32768);
	assert_memory_equal(got, text, size);
	/* Some of the records, and no more than was written. */
	assert_in_range(counted, 1, 32768 / 9);
	free(o.err);
	free(got);
	tool_run(&o, "", 0, ARGS("recv", "-q", ring, "--messages", "--timeout", "0"));
	tool_said(&o, 0, "");
	assert_string_equal(o.out, text + 9 * counted);
	tool_free(&o);
	free(text);
	close(fd);
	close(err);
	umount(dir);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_one_by_one_and_none_before_its_time),
		cmocka_unit_test(batches_come_whole),
		cmocka_unit_test(a_rate_costs_no_busy_wait),
		cmocka_unit_test(a_pause_is_not_followed_by_a_burst),
		cmocka_unit_test(what_is_staged_is_published_before_a_wait),
		cmocka_unit_test(recv_takes_no_record_before_its_time),
		cmocka_unit_test(the_summary_is_an_object_where_no_record_goes),
		cmocka_unit_test(an_object_that_can_not_be_written_is_an_error),
		cmocka_unit_test(a_disk_that_fills_up_loses_no_message),
	};

	return cmocka_run_group_tests_name("tool_pace", tests, tool_setup, tool_teardown);
}
