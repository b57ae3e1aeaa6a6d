// SPDX-License-Identifier: BSD-2-Clause
/*
 * count: streams the lines of text files through a user ring buffer into a BPF
 * program that counts them, and compares what both sides have counted. Where BPF
 * is not permitted, a second process counts at the other end of a memory ring.
 *
 *   count [-n RECORDS] FILE...
 */
#include <chute/chute.h>
#include <chute/drain.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "count.h"
#include "count.skel.h"

#define RING_SIZE (256 * 1024)

struct text {
	char *bytes;
	size_t size;
	struct line {
		const char *start;
		__u32 size;
	} * lines;
	size_t count;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "count: %s: %s\n", what, strerror(err));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void count_record(struct count *c, const char *record, __u32 size)
{
	static const struct {
		__u32 at, size;
	} pieces[] = { { 0, 32 }, { 32, 16 }, { 48, 8 }, { 56, 4 }, { 60, 2 }, { 62, 1 } };
	__u64 words[CHUNK / 8];
	__u32 left = size;
	size_t i;

	for (; left >= CHUNK; left -= CHUNK, record += CHUNK) {
		memcpy(words, record, CHUNK);
		count_chunk(c, words);
	}
	memset(words, 0, sizeof(words));
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		if (left < pieces[i].size)
			continue;
		memcpy((char *)words + pieces[i].at, record, pieces[i].size);
		record += pieces[i].size;
		left -= pieces[i].size;
	}
	count_chunk(c, words);
	c->records++;
	c->bytes += size;
}

static void text_read(struct text *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char buffer[65536];
	size_t n;

	if (!f)
		die(path, errno);
	while ((n = fread(buffer, 1, sizeof(buffer), f)) > 0) {
		t->bytes = realloc(t->bytes, t->size + n);
		if (!t->bytes)
			die(path, ENOMEM);
		memcpy(t->bytes + t->size, buffer, n);
		t->size += n;
	}
	if (ferror(f))
		die(path, errno);
	fclose(f);
}

static void text_split(struct text *t)
{
	const char *p = t->bytes, *end = p + t->size, *newline;

	while (p < end) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			newline = end;
		if (t->count % 1024 == 0)
			t->lines = realloc(t->lines, (t->count + 1024) * sizeof(*t->lines));
		if (!t->lines)
			die("lines", ENOMEM);
		t->lines[t->count++] = (struct line){ p, (__u32)(newline - p) };
		p = newline + 1;
	}
}

/* Send the text's lines over and over, @records in all. */
static void send_all(struct chute *c, const struct text *t, __u64 records, struct count *sent)
{
	const struct line *line;
	bool watched = isatty(STDERR_FILENO);
	double last = now();
	void *payload;

	while (sent->records < records) {
		line = &t->lines[sent->records % t->count];
		payload = chute_reserve_for(c, line->size, CHUTE_FOREVER);
		if (!payload)
			die("reserve", errno);
		memcpy(payload, line->start, line->size);
		chute_submit(c, payload);
		count_record(sent, line->start, line->size);
		if (watched && sent->records % 65536 == 0 && now() - last > 0.2) {
			last = now();
			fprintf(stderr, "\r%10llu of %llu records, ring %3zu %% full ",
				(unsigned long long)sent->records, (unsigned long long)records,
				chute_used(c) * 100 / chute_size(c));
		}
	}
	if (watched)
		fprintf(stderr, "\r%10llu of %llu records sent%20s\n",
			(unsigned long long)sent->records, (unsigned long long)records, "");
}

static int report(const char *receiver, const struct count *sent, const struct count *received,
		  double seconds)
{
	bool equal = !memcmp(sent, received, sizeof(*sent));

	printf("\n%-10s %20s %20s\n", "", "sent", receiver);
	printf("%-10s %20llu %20llu\n", "records", (unsigned long long)sent->records,
	       (unsigned long long)received->records);
	printf("%-10s %20llu %20llu\n", "bytes", (unsigned long long)sent->bytes,
	       (unsigned long long)received->bytes);
	printf("%-10s     %016llx     %016llx  %s\n", "checksum",
	       (unsigned long long)sent->checksum, (unsigned long long)received->checksum,
	       equal ? "equal" : "DIFFERENT");
	printf("%-10s %15.2f M/s %15.0f MiB/s\n", "rate", sent->records / seconds / 1e6,
	       sent->bytes / seconds / (1 << 20));
	return equal ? 0 : 1;
}

struct drainer {
	int prog_fd;
	int stop;
	int error;
};

static void *drain_thread(void *arg)
{
	struct drainer *d = arg;
	struct timespec nap = { .tv_nsec = 50000 };
	bool last;

	do {
		/* Read before the drain, so that one drain comes after the stop. */
		last = __atomic_load_n(&d->stop, __ATOMIC_ACQUIRE);
		LIBBPF_OPTS(bpf_test_run_opts, run);
		if (bpf_prog_test_run_opts(d->prog_fd, &run) || (int)run.retval < 0) {
			d->error = (int)run.retval < 0 ? -(int)run.retval : errno;
			return NULL;
		}
		if (!run.retval)
			nanosleep(&nap, NULL);
		if (run.retval)
			last = false;
	} while (!last);
	return NULL;
}

static int through_bpf(struct count_bpf *skel, const struct text *t, __u64 records)
{
	struct drainer d = { .prog_fd = bpf_program__fd(skel->progs.drain) };
	struct count sent = { 0 }, received;
	struct chute *c;
	pthread_t thread;
	double start;

	c = chute_open_map(bpf_map__fd(skel->maps.lines), NULL);
	if (!c)
		die("user ring buffer", errno);
	printf("sending %zu lines over and over into a BPF program in the running kernel\n",
	       t->count);
	start = now();
	if (pthread_create(&thread, NULL, drain_thread, &d))
		die("thread", EAGAIN);
	send_all(c, t, records, &sent);
	__atomic_store_n(&d.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	if (d.error)
		die("drain program", d.error);
	memcpy(&received, &skel->bss->received, sizeof(received));
	chute_close(c);
	return report("BPF program", &sent, &received, now() - start);
}

static int count_callback(const void *payload, __u32 size, void *ctx)
{
	count_record(ctx, payload, size);
	return 0;
}

static void receive(int fd, __u64 records, struct count *received)
{
	struct chute_consumer *consumer = chute_consumer_open(fd);

	if (!consumer)
		die("memory ring", errno);
	while (received->records < records) {
		chute_drain_wait(consumer, CHUTE_FOREVER);
		if (chute_drain(consumer, count_callback, received, 0) < 0)
			die("drain", EBADMSG);
	}
	chute_consumer_close(consumer);
}

static int through_memory(const struct text *t, __u64 records)
{
	int fd = chute_memory("count", RING_SIZE), status;
	struct count sent = { 0 }, *received;
	struct chute *c;
	double start;
	pid_t pid;

	received = mmap(NULL, sizeof(*received), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (fd < 0 || received == MAP_FAILED)
		die("memory ring", fd < 0 ? -fd : errno);
	printf("sending %zu lines over and over into a second process\n", t->count);
	fflush(stdout);
	start = now();
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (!pid) {
		receive(fd, records, received);
		_exit(0);
	}
	c = chute_open_memory(fd, NULL);
	if (!c)
		die("memory ring", errno);
	send_all(c, t, records, &sent);
	chute_kick(c);
	if (waitpid(pid, &status, 0) < 0 || status)
		die("second process", ECHILD);
	chute_close(c);
	return report("second process", &sent, received, now() - start);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

int main(int argc, char **argv)
{
	__u64 records = 1000000;
	struct count_bpf *skel;
	struct text t = { 0 };
	int option, ret;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n' || (records = strtoull(optarg, NULL, 10)) == 0) {
			fprintf(stderr, "usage: count [-n RECORDS] FILE...\n");
			return 2;
		}
	}
	for (; optind < argc; optind++)
		text_read(&t, argv[optind]);
	text_split(&t);
	if (!t.count) {
		fprintf(stderr, "count: no lines to send: give one or more text files\n");
		return 2;
	}
	libbpf_set_print(quiet);
	skel = count_bpf__open_and_load();
	if (skel) {
		ret = through_bpf(skel, &t, records);
		count_bpf__destroy(skel);
	} else {
		printf("BPF is not to be had here (%s): a memory ring does\n", strerror(errno));
		ret = through_memory(&t, records);
	}
	free(t.lines);
	free(t.bytes);
	return ret;
}
