// SPDX-License-Identifier: BSD-2-Clause
/*
 * kick.c: what chute_kick() costs on a memory ring whose consumer does not sleep: who
 * kicks after each record pays that for each.
 */
#include "fill.h"

#include <chute/chute.h>
#include <chute/drain.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct bench_line lines[] = {
	{ "kick-idle", "kick-idle", "ns", 20, BENCH_ALONE },
};

static int count_record(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	++*(__u64 *)ctx;
	return 0;
}

struct ring {
	struct chute *producer;
	struct chute_consumer *consumer;
};

#define KICKS 1024

static void kick(void *arg, __u64 first)
{
	const struct ring *ring = arg;
	int i, err;

	(void)first;
	for (i = 0; i < KICKS; i++) {
		err = chute_kick(ring->producer);
		if (err)
			bench_fail("chute_kick: %s", strerror(-err));
	}
}

static double round_kick(void *arg, __u64 count)
{
	const struct bench_fill f = { .records = KICKS, .fill = kick, .arg = arg };
	const struct ring *ring = arg;
	__u64 *message, received = 0;
	double ns;

	/* It has something to tell of. */
	message = chute_reserve(ring->producer, sizeof(*message));
	if (!message)
		bench_fail("chute_reserve: %s", strerror(errno));
	*message = count;
	chute_submit(ring->producer, message);
	ns = bench_fills(&f, count);
	chute_drain(ring->consumer, count_record, &received, 0);
	bench_check("chute", 1, received, 0, 0);
	return ns;
}

int main(int argc, char **argv)
{
	struct ring ring;
	struct bench_side side = { "chute_kick(), nobody asleep", round_kick, &ring };
	int fd;

	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	fd = chute_memory("bench", BENCH_RING_SIZE);
	if (fd < 0)
		bench_fail("chute_memory: %s", strerror(-fd));
	ring.producer = chute_open_memory(fd, NULL);
	ring.consumer = chute_consumer_open(fd);
	if (!ring.producer || !ring.consumer)
		bench_fail("can't open a memory ring: %s", strerror(errno));
	close(fd);
	bench_compare(&side, 1);
	bench_report("kick-idle", side.name, &side.series, NULL, NULL);
	chute_close(ring.producer);
	chute_consumer_close(ring.consumer);
	return bench_end();
}
