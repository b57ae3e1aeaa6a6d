// SPDX-License-Identifier: BSD-2-Clause
/* memory_rings.c: messages from one process to another by rings in shared memory:
 * chute's and ConcurrencyKit's. */
#include "memory.h"

#include <chute/chute.h>
#include <chute/drain.h>

#include <ck_ring.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct message {
	__u64 words[8];
};

/* By value, as ConcurrencyKit offers it: enqueue and dequeue copy. */
CK_RING_PROTOTYPE(message, message)

#define CK_SLOTS_8  (BENCH_RING_SIZE / 8)
#define CK_SLOTS_64 (BENCH_RING_SIZE / 64)

/* A drain that brought no more is too close behind the producer: see chute/drain.h. */
#define LITTLE 256

static struct chute *producer;
static struct chute_consumer *consumer;

/* One for each size of message. */
static struct ck_rings {
	struct ck_ring ring_8 __attribute__((aligned(64)));
	struct ck_ring ring_64 __attribute__((aligned(64)));
	struct ck_ring_buffer slots_8[CK_SLOTS_8] __attribute__((aligned(64)));
	struct message slots_64[CK_SLOTS_64] __attribute__((aligned(64)));
} * ck;

/* ---- chute ---- */

static inline __u64 send_single(__u32 size, __u64 count)
{
	__u64 sum = 0, i;
	void *message;

	for (i = 0; i < count; i++) {
		message = chute_reserve(producer, size);
		if (!message)
			message = chute_reserve_for(producer, size, CHUTE_FOREVER);
		if (!message)
			bench_fail("chute_reserve_for: error %d", errno);
		sum += way_write(message, size, i);
		chute_submit(producer, message);
	}
	return sum;
}

static inline __u64 send_batch(__u32 size, __u64 count)
{
	__u64 sum = 0, i;
	void *first, *message;
	int k;

	for (i = 0; i < count; i += WAY_BATCH) {
		first = chute_reserve_batch(producer, WAY_BATCH, size);
		if (!first)
			first = chute_reserve_batch_for(producer, WAY_BATCH, size, CHUTE_FOREVER);
		if (!first)
			bench_fail("chute_reserve_batch_for: error %d", errno);
		message = first;
		for (k = 0; k < WAY_BATCH; k++) {
			sum += way_write(message, size, i + (unsigned int)k);
			message = chute_batch_next(message, size);
		}
		chute_submit(producer, first);
	}
	return sum;
}

static inline __u64 send_packed(__u32 size, __u64 count)
{
	__u64 sum = 0, i;
	void *message;

	for (i = 0; i < count; i++) {
		message = chute_pack(producer, size);
		if (!message)
			message = chute_pack_for(producer, size, CHUTE_FOREVER);
		if (!message)
			bench_fail("chute_pack_for: error %d", errno);
		sum += way_write(message, size, i);
	}
	chute_flush(producer);
	return sum;
}

static int add_8(const void *payload, __u32 size, void *ctx)
{
	if (size != 8)
		bench_fail("chute: a record of %u bytes", size);
	*(__u64 *)ctx += way_read(payload, 8);
	return 0;
}

static int add_64(const void *payload, __u32 size, void *ctx)
{
	if (size != 64)
		bench_fail("chute: a record of %u bytes", size);
	*(__u64 *)ctx += way_read(payload, 64);
	return 0;
}

static int add_message_8(const void *message, __u32 size, void *ctx)
{
	add_8(message, size, ctx);
	return CHUTE_NEXT;
}

static int add_message_64(const void *message, __u32 size, void *ctx)
{
	add_64(message, size, ctx);
	return CHUTE_NEXT;
}

static __u64 receive_records(const struct way *way, __u64 count)
{
	chute_drain_fn *const add = way->size == 8 ? add_8 : add_64;
	__u64 sum = 0, got = 0;
	long n;

	while (got < count) {
		n = chute_drain(consumer, add, &sum, 0);
		if (n < 0)
			bench_fail("chute_drain: error %ld", -n);
		got += (__u64)n;
		if (n < LITTLE)
			way_rest();
	}
	return sum;
}

static __u64 receive_packed(const struct way *way, __u64 count)
{
	chute_message_fn *const add = way->size == 8 ? add_message_8 : add_message_64;
	__u64 sum = 0, got = 0;
	long n;

	while (got < count) {
		n = chute_drain_messages(consumer, add, &sum, 0, NULL);
		if (n < 0)
			bench_fail("chute_drain_messages: error %ld", -n);
		got += (__u64)n;
		if (n < LITTLE)
			way_rest();
	}
	return sum;
}

/* With a constant size, as in a program that has one type of message. */
static __u64 chute_single(const struct way *way, __u64 count)
{
	return way->size == 8 ? send_single(8, count) : send_single(64, count);
}

static __u64 chute_batch(const struct way *way, __u64 count)
{
	return way->size == 8 ? send_batch(8, count) : send_batch(64, count);
}

static __u64 chute_packed(const struct way *way, __u64 count)
{
	return way->size == 8 ? send_packed(8, count) : send_packed(64, count);
}

/* ---- ConcurrencyKit ---- */

static __u64 ck_send_8(const struct way *way, __u64 count)
{
	__u64 i;

	(void)way;
	for (i = 0; i < count; i++)
		while (!ck_ring_enqueue_spsc(&ck->ring_8, ck->slots_8, (void *)i))
			way_rest();
	return count * (count - 1) / 2;
}

static __u64 ck_receive_8(const struct way *way, __u64 count)
{
	__u64 sum = 0, i;
	void *value;

	(void)way;
	for (i = 0; i < count; i++) {
		while (!ck_ring_dequeue_spsc(&ck->ring_8, ck->slots_8, &value))
			way_rest();
		sum += (__u64)value;
	}
	return sum;
}

static __u64 ck_send_64(const struct way *way, __u64 count)
{
	struct message message;
	__u64 sum = 0, i;

	(void)way;
	for (i = 0; i < count; i++) {
		sum += way_write(&message, sizeof(message), i);
		while (!CK_RING_ENQUEUE_SPSC(message, &ck->ring_64, ck->slots_64, &message))
			way_rest();
	}
	return sum;
}

static __u64 ck_receive_64(const struct way *way, __u64 count)
{
	struct message message;
	__u64 sum = 0, i;

	(void)way;
	for (i = 0; i < count; i++) {
		while (!CK_RING_DEQUEUE_SPSC(message, &ck->ring_64, ck->slots_64, &message))
			way_rest();
		sum += way_read(&message, sizeof(message));
	}
	return sum;
}

const struct way ways_rings[WAYS_RINGS] = {
	{ WAY_CHUTE, "chute", 8, false, chute_single, receive_records },
	{ WAY_CHUTE, "chute, batches", 8, true, chute_batch, receive_records },
	{ WAY_CHUTE, "chute", 64, false, chute_single, receive_records },
	{ WAY_CHUTE, "chute, batches", 64, true, chute_batch, receive_records },
	{ WAY_PACKED, "chute, packed", 8, false, chute_packed, receive_packed },
	{ WAY_PACKED, "chute, packed", 64, false, chute_packed, receive_packed },
	{ WAY_CK, "ck_ring", 8, false, ck_send_8, ck_receive_8 },
	{ WAY_CK, "ck_ring", 64, false, ck_send_64, ck_receive_64 },
};

void ways_rings_open(void)
{
	int fd = chute_memory("bench", BENCH_RING_SIZE);

	if (fd < 0)
		bench_fail("chute_memory: %s", strerror(-fd));
	producer = chute_open_memory(fd, NULL);
	consumer = chute_consumer_open(fd);
	if (!producer || !consumer)
		bench_fail("can't open a memory ring: %s", strerror(errno));
	close(fd);
	ck = mmap(NULL, sizeof(*ck), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ck == MAP_FAILED)
		bench_fail("no memory");
	ck_ring_init(&ck->ring_8, CK_SLOTS_8);
	ck_ring_init(&ck->ring_64, CK_SLOTS_64);
}

void ways_rings_close(void)
{
	chute_close(producer);
	chute_consumer_close(consumer);
	munmap(ck, sizeof(*ck));
}
