// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_messages: chute.bpf.h in the running kernel: the sequences of test_pack and the
 * payloads of test_unpack through a map, to the consumer of receive.h compiled for BPF.
 * Number, bytes and checksum must be those of the same consumer here. CHUTE_SEED
 * repeats a run.
 */
#include "mring.h"
#include "hostile.h"
#include "pack_model.h"

#include <chute/drain.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __u64 seed;

static int set_up_seed(void **state)
{
	(void)state;
	seed = seed_of_run();
	return 0;
}

/* The two builds of bpf/messages.bpf.c: with bpf_dynptr_size() where the kernel has it,
 * and without. */
static const struct build {
	const char *name;
	__u32 message_max;
} builds[] = { { "messages", 1024 }, { "messages_probe", 2048 } };

/* ---- sequences ---- */

struct kernel {
	struct mring ring;
	int whole_fd, ends_fd;
};

static void drain_map(struct pack_model *m)
{
	const struct kernel *k = m->consumer;
	const struct chute_side *side = k->ring.side;
	const struct received before = mring_received(&k->ring);
	struct received got;
	long ret;

	ret = mring_run(m->receive == receive_whole ? k->whole_fd : k->ends_fd);
	got = mring_received(&k->ring);
	assert_int_equal(ret, got.messages - before.messages);
	assert_memory_equal(&got, &m->expected, sizeof(got));
	assert_int_equal(side->messages, got.messages);
	assert_int_equal(side->too_long, m->too_long);
	assert_int_equal(side->malformed, 0);
	assert_int_equal(side->wrong_size, 0);
	assert_int_equal(side->sleepers, 0);
	m->receive = next_random(m->random) % 2 ? receive_whole : receive_ends;
}

static void walk(struct kernel *k, const struct build *build, __u32 flags, __u64 *random)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	static struct pack_model m;
	struct chute *c;

	c = chute_open_map(k->ring.map_fd, &opts);
	assert_non_null(c);
	pack_model_init(&m, c, random);
	m.drain = drain_map;
	m.consumer = k;
	m.receive = receive_whole;
	m.message_max = build->message_max;
	m.expected = mring_received(&k->ring);
	m.too_long = k->ring.side->too_long;
	pack_model_walk(&m, 60);
	pack_model_finish_all(&m);
	chute_close(c);
}

static void walk_often(size_t size, __u32 flags, int times)
{
	__u64 random = seed ^ size ^ flags;
	struct kernel k;
	int i, b;

	for (b = 0; b < 2; b++) {
		mring_open(&k.ring, builds[b].name, size);
		k.whole_fd = mring_program(&k.ring, "drain_whole");
		k.ends_fd = mring_program(&k.ring, "drain_ends");
		for (i = 0; i < times; i++)
			walk(&k, &builds[b], flags, &random);
		mring_close(&k.ring);
	}
}

static void messages_come_out_of_a_map_as_they_went_in(void **state)
{
	(void)state;
	walk_often(4096, 0, 1000);
}

static void messages_come_out_of_a_larger_map_as_they_went_in(void **state)
{
	(void)state;
	walk_often(65536, 0, 150);
}

static void messages_of_one_of_many_producers_come_out_as_they_went_in(void **state)
{
	(void)state;
	walk_often(16384, CHUTE_SHARED, 200);
}

/* ---- what is not what it says ---- */

/* What user space makes of it, with the limit that CHUTE_MESSAGES() has. */
struct outcome {
	struct received got;
	__u64 too_long, malformed;
	__u32 message_max;
};

static int receive_up_to_max(const void *msg, __u32 size, void *ctx)
{
	struct outcome *o = ctx;

	if (size > o->message_max)
		o->too_long++;
	else
		receive_whole(msg, size, &o->got);
	return CHUTE_NEXT;
}

static void send_payload(struct chute *c, const struct hostile *h)
{
	void *payload = chute_reserve(c, h->length);

	assert_non_null(payload);
	memcpy(payload, h->words, (h->length + 7) & ~7U);
	chute_submit(c, payload);
}

static void send_hostile(const struct build *build, int rounds)
{
	struct outcome o = { .message_max = build->message_max };
	static struct hostile h[3];
	__u64 random = seed;
	struct mring ring;
	struct chute *c;
	int i, drain_fd;

	mring_open(&ring, build->name, 65536);
	drain_fd = mring_program(&ring, "drain_whole");
	c = chute_open_map(ring.map_fd, NULL);
	assert_non_null(c);
	while (rounds--) {
		const __u64 before = o.got.messages;
		struct received got;

		for (i = 0; i < 3; i++) {
			hostile_make(&h[i], &random);
			send_payload(c, &h[i]);
			o.malformed += hostile_read(&h[i], receive_up_to_max, &o);
		}
		assert_int_equal(mring_run(drain_fd), o.got.messages - before);
		got = mring_received(&ring);
		if (memcmp(&got, &o.got, sizeof(got)) || ring.side->malformed != o.malformed)
			for (i = 0; i < 3; i++)
				hostile_print(&h[i]);
		assert_memory_equal(&got, &o.got, sizeof(got));
		assert_int_equal(ring.side->malformed, o.malformed);
		assert_int_equal(ring.side->too_long, o.too_long);
		assert_int_equal(chute_used(c), 0);
	}
	chute_close(c);
	mring_close(&ring);
}

static void records_that_are_not_what_they_say_are_counted_and_passed_over(void **state)
{
	int b;

	(void)state;
	for (b = 0; b < 2; b++)
		send_hostile(&builds[b], 10000);
}

/* ---- types ---- */

struct typed {
	__u32 size;
	struct received got;
	__u64 wrong_size, malformed;
};

static int receive_type(const void *msg, __u32 size, void *ctx)
{
	struct typed *t = ctx;

	if (size == t->size)
		receive_ends(msg, size, &t->got);
	else
		t->wrong_size++;
	return CHUTE_NEXT;
}

static __u32 size_near(const struct typed *t, __u64 *random)
{
	static const __u32 others[] = { 0, 1, 8, 16, 24, 64, 1024, 1025, 2000, 4096 };

	switch (next_random(random) % 8) {
	case 0:
		return t->size + 1;
	case 1:
		return t->size - 1;
	case 2:
		return t->size + (__u32)(next_random(random) % 16);
	case 3:
		return others[next_random(random) % 10];
	default:
		return t->size;
	}
}

static void send_one(struct chute *c, struct typed *t, __u64 *random)
{
	const __u32 size = size_near(t, random);
	static __u64 words[8192 / 8];
	char *payload;
	__u32 i;

	for (i = 0; i < size / 8 + 1; i++)
		words[i] = next_random(random);
	/* As plain records those up to 15 bytes long can't be taken for packed ones. */
	if (next_random(random) % 8 == 0 && size < 16)
		words[0] = CHUTE_PACK_MAGIC;
	payload = next_random(random) % 4 ? chute_pack_for(c, size, 0) : NULL;
	if (payload) {
		memcpy(payload, words, size);
		if (next_random(random) % 8 == 0)
			assert_int_equal(chute_flush(c), 0);
	} else if (chute_send(c, words, size, 0)) {
		return;
	}
	receive_type(words, size, t);
}

static void compare_typed(const struct mring *ring, int drain_fd, const struct typed *t)
{
	const struct received before = mring_received(ring);
	long ret = mring_run(drain_fd);
	struct received got = mring_received(ring);

	assert_int_equal(ret, got.messages - before.messages);
	assert_memory_equal(&got, &t->got, sizeof(got));
	assert_int_equal(ring->side->wrong_size, t->wrong_size);
	assert_int_equal(ring->side->malformed, t->malformed);
	assert_int_equal(ring->side->too_long, 0);
}

static void receive_one_type(__u32 size)
{
	struct typed t = { .size = size };
	__u64 random = seed ^ size;
	static struct hostile h;
	struct mring ring;
	struct chute *c;
	char name[16];
	int drain_fd, i, k;

	mring_open(&ring, "typed", 65536);
	snprintf(name, sizeof(name), "drain_%u", size);
	drain_fd = mring_program(&ring, name);
	c = chute_open_map(ring.map_fd, NULL);
	assert_non_null(c);
	for (i = 0; i < 500; i++) {
		for (k = 0; k < 40; k++)
			send_one(c, &t, &random);
		assert_int_equal(chute_flush(c), 0);
		compare_typed(&ring, drain_fd, &t);
		hostile_make(&h, &random);
		send_payload(c, &h);
		t.malformed += hostile_read(&h, receive_type, &t);
		compare_typed(&ring, drain_fd, &t);
	}
	chute_close(c);
	mring_close(&ring);
}

static void a_type_s_messages_are_delivered_and_others_counted(void **state)
{
	static const __u32 sizes[] = { 1, 8, 12, 16, 24, 64, 200, 1024, 4096 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		receive_one_type(sizes[i]);
}

/* ---- errors ---- */

static void a_record_that_the_kernel_refuses_is_an_error_after_what_came_before(void **state)
{
	struct mring ring;
	struct chute *c;
	char *payload;
	int drain_fd, i;

	(void)state;
	mring_open(&ring, "messages", 4096);
	drain_fd = mring_program(&ring, "drain_whole");
	c = chute_open_map(ring.map_fd, NULL);
	assert_non_null(c);
	for (i = 0; i < 3; i++)
		assert_int_equal(chute_send(c, "12345678", 8, 0), 0);
	payload = chute_reserve(c, 8);
	chute_stage(c, payload);
	*(__u32 *)(void *)(payload - 8) = 1000;
	chute_publish(c);
	assert_int_equal(mring_run(drain_fd), -EINVAL);
	assert_int_equal(mring_received(&ring).messages, 3);
	assert_int_equal(mring_run(drain_fd), -EINVAL);
	*(__u32 *)(void *)(payload - 8) = 8;
	assert_int_equal(mring_run(drain_fd), 1);
	chute_close(c);
	mring_close(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_of_a_map_as_they_went_in),
		cmocka_unit_test(messages_come_out_of_a_larger_map_as_they_went_in),
		cmocka_unit_test(messages_of_one_of_many_producers_come_out_as_they_went_in),
		cmocka_unit_test(records_that_are_not_what_they_say_are_counted_and_passed_over),
		cmocka_unit_test(a_type_s_messages_are_delivered_and_others_counted),
		cmocka_unit_test(
			a_record_that_the_kernel_refuses_is_an_error_after_what_came_before),
	};

	return cmocka_run_group_tests_name("messages", tests, set_up_seed, NULL);
}
