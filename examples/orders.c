// SPDX-License-Identifier: BSD-2-Clause
#include <chute/chute.h>
#include <chute/drain.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

struct order {
	__u64 id;
	__u32 price, quantity;
};

static void send_orders(struct chute *ring, __u64 id, int count)
{
	struct order *order;

	while (count--) {
		order = chute_reserve_for(ring, sizeof(*order), CHUTE_FOREVER);
		if (!order)
			err(1, "chute_reserve_for");
		order->id = id++;
		order->price = 17;
		order->quantity = 3;
		chute_stage(ring, order);
	}
	chute_publish(ring);
}

static int add(const void *payload, __u32 size, void *ctx)
{
	const struct order *order = payload;
	__u64 *worth = ctx;

	if (size == sizeof(*order))
		*worth += (__u64)order->price * order->quantity;
	return 0;
}

int main(void)
{
	int fd = chute_memory("orders", 64 * 1024);
	struct chute *ring = chute_open_memory(fd, NULL);
	struct chute_consumer *consumer = chute_consumer_open(fd);
	__u64 worth = 0;
	long count;

	if (!ring || !consumer)
		err(1, "memory ring");
	send_orders(ring, 1, 1000);
	count = chute_drain(consumer, add, &worth, 0);
	if (count < 0)
		errx(1, "chute_drain: %s", strerror((int)-count));
	printf("%ld orders worth %llu\n", count, (unsigned long long)worth);
	chute_consumer_close(consumer);
	chute_close(ring);
}
