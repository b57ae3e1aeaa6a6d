// SPDX-License-Identifier: BSD-2-Clause
#include <chute/chute.h>
#include <chute/drain.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void send_word(struct chute *ring, const char *word)
{
	__u32 size = (__u32)strlen(word);
	int error = chute_send(ring, word, size, CHUTE_FOREVER);

	if (error)
		errx(1, "chute_send: %s", strerror(-error));
}

static void produce(int fd)
{
	struct chute *ring = chute_open_memory(fd, NULL);

	if (!ring)
		err(1, "chute_open_memory");
	send_word(ring, "from");
	send_word(ring, "another");
	send_word(ring, "process");
	chute_kick(ring);
	chute_close(ring);
}

static int print(const void *payload, __u32 size, void *ctx)
{
	(void)ctx;
	printf("%.*s\n", (int)size, (const char *)payload);
	return 0;
}

int main(void)
{
	int fd = chute_memory("words", 64 * 1024);
	struct chute_consumer *consumer;
	long left = 3, count;

	if (fd < 0)
		errx(1, "chute_memory: %s", strerror(-fd));
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		produce(fd);
		_exit(0);
	}
	consumer = chute_consumer_open(fd);
	if (!consumer)
		err(1, "chute_consumer_open");
	for (; left > 0; left -= count) {
		chute_drain_wait(consumer, CHUTE_FOREVER);
		count = chute_drain(consumer, print, NULL, 0);
		if (count < 0)
			errx(1, "chute_drain: %s", strerror((int)-count));
	}
	chute_consumer_close(consumer);
}
