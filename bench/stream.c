// SPDX-License-Identifier: BSD-2-Clause
/*
 * stream.c: messages a second from a thread on one CPU into a BPF program on
 * another one, that drains again and again. Who finds the ring full blocks until
 * there is space. The clock stops when the last message has arrived.
 */
#include "drainer.h"
#include "bench.skel.h"
#include "bench_pack.skel.h"

#include <chute/chute.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const struct bench_line lines[] = {
	/* No producer is faster than the drain that it waits for. */
	{ "stream", "stream", "ns", 0.98, BENCH_SHARE },
	{ "stream-libbpf", "stream", "ns", 0 },
	{ "stream-batch64", "stream-batch64", "ns", 0 },
	{ "stream-pack", "stream-pack", "ns", 20 },
	{ "stream-pack-64B", "stream-pack-64B", "ns", 8 },
	{ "stream-pack-mixed", "stream-pack-mixed", "ns", 5 },
};

/* Sends @count messages and returns the sum of their words. */
typedef __u64 send_fn(void *handle, __u64 count);

struct sender {
	const char *name;
	send_fn *send;
	int map_fd, side_fd;
	int drain_fd;
	const struct bench_totals *received;
};

#define BATCH 64
#define SIZES 4096

static struct drainer drainer;

/* 8 to 256 bytes, each doubling as often as the next; the same for both sides. */
static __u32 sizes[SIZES];

static void make_sizes(void)
{
	unsigned int i;

	srandom(1);
	for (i = 0; i < SIZES; i++)
		sizes[i] = (__u32)exp2(3 + 5 * ((double)random() / RAND_MAX));
}

/* Every byte of the message, and of its padding; nothing for the compiler to
 * make a call of, which would hide what the ring costs. */
static inline void fill(__u64 *message, __u32 size, __u64 value)
{
	__u32 i;

	for (i = 0; i < size; i += 8)
		message[i / 8] = value;
}

static inline void *chute_take(struct chute *c, __u32 size)
{
	void *message = chute_reserve(c, size);

	if (!message)
		message = chute_reserve_for(c, size, CHUTE_FOREVER);
	if (!message)
		bench_fail("chute_reserve_for: error %d", errno);
	return message;
}

static inline void *chute_take_packed(struct chute *c, __u32 size)
{
	void *message = chute_pack(c, size);

	if (!message)
		message = chute_pack_for(c, size, CHUTE_FOREVER);
	if (!message)
		bench_fail("chute_pack_for: error %d", errno);
	return message;
}

static inline void *libbpf_take(struct user_ring_buffer *rb, __u32 size)
{
	void *message;

	/* Told to wait for ever, libbpf 1.1 looks twice and gives up on a ring that
	 * is nearly full: a bug that its users must live with. */
	do {
		message = user_ring_buffer__reserve_blocking(rb, size, -1);
	} while (__builtin_expect(!message, 0) && errno == ENOSPC);
	if (!message)
		bench_fail("user_ring_buffer__reserve_blocking: error %d", errno);
	return message;
}

static __u64 send_chute(void *handle, __u64 count)
{
	struct chute *c = handle;
	__u64 *message, i;

	for (i = 0; i < count; i++) {
		message = chute_take(c, 8);
		*message = i;
		chute_submit(c, message);
	}
	return count * (count - 1) / 2;
}

static __u64 send_staged(void *handle, __u64 count)
{
	struct chute *c = handle;
	__u64 *message, i;

	for (i = 0; i < count; i++) {
		message = chute_take(c, 8);
		*message = i;
		chute_stage(c, message);
		if (i % BATCH == BATCH - 1)
			chute_publish(c);
	}
	chute_publish(c);
	return count * (count - 1) / 2;
}

static __u64 send_packed_8(void *handle, __u64 count)
{
	struct chute *c = handle;
	__u64 *message, i;

	for (i = 0; i < count; i++) {
		message = chute_take_packed(c, 8);
		*message = i;
	}
	chute_flush(c);
	return count * (count - 1) / 2;
}

static __u64 send_packed_64(void *handle, __u64 count)
{
	struct chute *c = handle;
	__u64 i;

	for (i = 0; i < count; i++)
		fill(chute_take_packed(c, 64), 64, i);
	chute_flush(c);
	return 8 * (count * (count - 1) / 2);
}

static __u64 send_packed_mixed(void *handle, __u64 count)
{
	struct chute *c = handle;
	__u64 i;
	__u32 size;

	for (i = 0; i < count; i++) {
		size = sizes[i % SIZES];
		fill(chute_take_packed(c, size), size, i);
	}
	chute_flush(c);
	return count * (count - 1) / 2;
}

static __u64 send_libbpf(void *handle, __u64 count)
{
	struct user_ring_buffer *rb = handle;
	__u64 *message, i;

	for (i = 0; i < count; i++) {
		message = libbpf_take(rb, 8);
		*message = i;
		user_ring_buffer__submit(rb, message);
	}
	return count * (count - 1) / 2;
}

static __u64 send_libbpf_64(void *handle, __u64 count)
{
	struct user_ring_buffer *rb = handle;
	void *message;
	__u64 i;

	for (i = 0; i < count; i++) {
		message = libbpf_take(rb, 64);
		fill(message, 64, i);
		user_ring_buffer__submit(rb, message);
	}
	return 8 * (count * (count - 1) / 2);
}

static __u64 send_libbpf_mixed(void *handle, __u64 count)
{
	struct user_ring_buffer *rb = handle;
	void *message;
	__u64 i;
	__u32 size;

	for (i = 0; i < count; i++) {
		size = sizes[i % SIZES];
		message = libbpf_take(rb, size);
		fill(message, size, i);
		user_ring_buffer__submit(rb, message);
	}
	return count * (count - 1) / 2;
}

static double timed(const struct sender *s, void *handle, __u64 count)
{
	const struct bench_totals before = *s->received;
	double start, ns;
	__u64 sum;

	drainer_switch(&drainer, s->drain_fd);
	start = bench_now_ns();
	sum = s->send(handle, count);
	bench_await(s->name, s->received, before.messages + count);
	ns = bench_now_ns() - start;
	drainer_switch(&drainer, -1);
	bench_check(s->name, count, s->received->messages - before.messages, sum,
		    s->received->sum - before.sum);
	return ns;
}

/* A handle a round, so that both sides can have the same ring. */
static double round_chute(void *arg, __u64 count)
{
	const struct sender *s = arg;
	struct chute_opts opts = { .sz = sizeof(opts), .side_fd = (__u32)s->side_fd };
	struct chute *c = chute_open_map(s->map_fd, &opts);
	double ns;

	bench_loaded(c, "chute's producer");
	ns = timed(s, c, count);
	chute_close(c);
	return ns;
}

static double round_libbpf(void *arg, __u64 count)
{
	const struct sender *s = arg;
	struct user_ring_buffer *rb = user_ring_buffer__new(s->map_fd, NULL);
	double ns;

	bench_loaded(rb, "libbpf's producer");
	ns = timed(s, rb, count);
	user_ring_buffer__free(rb);
	return ns;
}

/* Each look takes a line from the consumer. */
static void rest(void)
{
	int i;

	for (i = 0; i < 100; i++)
		chute_pause();
}

/* Full rings only, that are drained while nobody produces: nothing is faster here. */
static double round_drain_alone(void *arg, __u64 count)
{
	const struct sender *s = arg;
	const __u64 most = BENCH_RING_SIZE / chute_record_bytes(8);
	struct chute *c = chute_open_map(s->map_fd, NULL);
	__u64 left, n, sum, before;
	double start, ns = 0;

	bench_loaded(c, "chute's producer");
	for (left = count; left; left -= n) {
		n = left < most ? left : most;
		before = s->received->sum;
		sum = s->send(c, n);
		start = bench_now_ns();
		drainer_switch(&drainer, s->drain_fd);
		while (chute_used(c))
			rest();
		ns += bench_now_ns() - start;
		drainer_switch(&drainer, -1);
		bench_check(s->name, n, n, sum, s->received->sum - before);
	}
	chute_close(c);
	return ns;
}

static void stream_lines(struct sender *ours, struct sender *libbpf)
{
	struct bench_side sides[] = {
		{ ours->name, round_chute, ours },
		{ libbpf->name, round_libbpf, libbpf },
		{ "the drain alone", round_drain_alone, ours },
	};

	if (!bench_wanted("stream") && !bench_wanted("stream-libbpf"))
		return;
	bench_compare(sides, 3);
	bench_report("stream", sides[0].name, &sides[0].series, sides[2].name, &sides[2].series);
	bench_report("stream-libbpf", sides[0].name, &sides[0].series, sides[1].name,
		     &sides[1].series);
}

static void line(const char *name, struct sender *ours, struct sender *peer)
{
	struct bench_side sides[] = {
		{ ours->name, round_chute, ours },
		{ peer->name, round_libbpf, peer },
	};

	if (!bench_wanted(name))
		return;
	bench_compare(sides, 2);
	bench_report(name, ours->name, &sides[0].series, peer->name, &sides[1].series);
}

/* The same BPF program for both sides. */
static void plain_lines(const struct bench_bpf *bpf)
{
	struct sender libbpf = {
		"libbpf",
		send_libbpf,
		.map_fd = bpf_map__fd(bpf->maps.ring),
		.drain_fd = bpf_program__fd(bpf->progs.drain_8),
		.received = &bpf->bss->received,
	};
	struct sender ours = libbpf;

	ours.name = "chute";
	ours.send = send_chute;
	stream_lines(&ours, &libbpf);
	ours.name = "chute, 64 staged";
	ours.send = send_staged;
	line("stream-batch64", &ours, &libbpf);
}

/* Each side with the receiver that goes with it. */
static void packed_lines(const struct bench_bpf *bpf, const struct bench_pack_bpf *pack)
{
	struct sender ours = {
		"chute, packed",
		.map_fd = bpf_map__fd(pack->maps.ring),
		.side_fd = bpf_map__fd(pack->maps.ring_side),
		.received = &pack->bss->received,
	};
	struct sender libbpf = {
		"libbpf",
		.map_fd = bpf_map__fd(bpf->maps.ring),
		.received = &bpf->bss->received,
	};

	ours.send = send_packed_8;
	ours.drain_fd = bpf_program__fd(pack->progs.drain_8);
	libbpf.send = send_libbpf;
	libbpf.drain_fd = bpf_program__fd(bpf->progs.drain_8);
	line("stream-pack", &ours, &libbpf);
	ours.send = send_packed_64;
	ours.drain_fd = bpf_program__fd(pack->progs.drain_64);
	libbpf.send = send_libbpf_64;
	libbpf.drain_fd = bpf_program__fd(bpf->progs.drain_64);
	line("stream-pack-64B", &ours, &libbpf);
	/* Both receivers read the first word only: libbpf's is not told the size. */
	ours.send = send_packed_mixed;
	ours.drain_fd = bpf_program__fd(pack->progs.drain_mixed);
	libbpf.send = send_libbpf_mixed;
	libbpf.drain_fd = bpf_program__fd(bpf->progs.drain_8);
	line("stream-pack-mixed", &ours, &libbpf);
}

int main(int argc, char **argv)
{
	struct bench_pack_bpf *pack;
	struct bench_bpf *bpf;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	make_sizes();
	bpf = bench_bpf__open_and_load();
	bench_loaded(bpf, "bench.bpf.o");
	pack = bench_pack_bpf__open_and_load();
	bench_loaded(pack, "bench_pack.bpf.o");
	drainer_start(&drainer);
	plain_lines(bpf);
	packed_lines(bpf, pack);
	drainer_stop(&drainer);
	bench_pack_bpf__destroy(pack);
	bench_bpf__destroy(bpf);
	return bench_end();
}
