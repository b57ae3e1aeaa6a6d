// SPDX-License-Identifier: BSD-2-Clause
/*
 * client: a user of the installed library, C and C++ alike: every call of the
 * producer once, on a memory ring. Exits 0 if the records came as they were sent.
 */
#include <chute/chute.h>
#include <chute/drain.h>

#include <stdio.h>
#include <string.h>

static int expect(const void *payload, __u32 size, void *ctx)
{
	static const char *const sent[] = { "one", "two", "three" };
	int *count = (int *)ctx;

	if (*count > 2 || size != strlen(sent[*count]) || memcmp(payload, sent[*count], size) != 0)
		return 1;
	++*count;
	return 0;
}

static int send_three(struct chute *ring)
{
	void *one, *nothing, *three;

	one = chute_reserve(ring, 3);
	if (!one)
		return 1;
	memcpy(one, "one", 3);
	chute_stage(ring, one);
	chute_publish(ring);
	nothing = chute_reserve_for(ring, 100, 0);
	if (!nothing)
		return 1;
	chute_discard(ring, nothing);
	if (chute_send(ring, "two", 3, CHUTE_FOREVER) != 0)
		return 1;
	three = chute_reserve(ring, 5);
	if (!three)
		return 1;
	memcpy(three, "three", 5);
	chute_submit(ring, three);
	return chute_kick(ring);
}

int main(void)
{
	int fd = chute_memory("client", 64 * 1024), count = 0;
	struct chute *ring = chute_open_memory(fd, NULL);
	struct chute_consumer *consumer = chute_consumer_open(fd);

	if (!ring || !consumer || send_three(ring) != 0) {
		perror("client");
		return 1;
	}
	if (chute_drain_wait(consumer, 0) != 0 || chute_drain(consumer, expect, &count, 0) != 3 ||
	    count != 3 || chute_used(ring) != 0 || chute_size(ring) != 64 * 1024)
		return 1;
	chute_consumer_close(consumer);
	chute_close(ring);
	return 0;
}
