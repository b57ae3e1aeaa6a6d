// SPDX-License-Identifier: BSD-2-Clause
// leave_by_throw: a callback that throws leaves its record, and the drain, to the next.
#include <chute/chute.h>
#include <chute/drain.h>
#include <chute/lanes.h>

#include <cstdio>
#include <stdexcept>
#include <unistd.h>

static bool bad;
static int delivered;

static int on_record(const void *, __u32, void *)
{
	if (bad)
		throw std::runtime_error("bad message");
	delivered++;
	return 0;
}

static int on_message(const void *msg, __u32 size, void *ctx)
{
	return on_record(msg, size, ctx);
}

static int on_lane(__u32, const void *msg, __u32 size, void *ctx)
{
	return on_record(msg, size, ctx);
}

static long drain(chute_consumer *consumer, int how)
{
	switch (how) {
	case 0:
		return chute_drain(consumer, on_record, nullptr, 0);
	case 1:
		return chute_drain_messages(consumer, on_message, nullptr, 0, nullptr);
	default:
		return chute_drain_lanes(&consumer, 1, on_lane, nullptr, 0, nullptr);
	}
}

static bool leaves_all_as_it_was(int how)
{
	const int fd = chute_memory("throw", 65536);
	chute *c = chute_open_memory(fd, nullptr);
	chute_consumer *consumer = chute_consumer_open(fd);
	bool caught = false;

	chute_send(c, "a", 1, 0);
	chute_send(c, "b", 1, 0);
	bad = true;
	delivered = 0;
	try {
		drain(consumer, how);
	} catch (const std::exception &) {
		caught = true;
	}
	bad = false;
	const long next = drain(consumer, how);
	chute_consumer_close(consumer);
	chute_close(c);
	close(fd);
	return caught && next == 2 && delivered == 2;
}

int main()
{
	static const char *const names[] = { "chute_drain", "chute_drain_messages",
					     "chute_drain_lanes" };
	int failed = 0;

	std::printf("1..3\n");
	for (int how = 0; how < 3; how++) {
		const bool ok = leaves_all_as_it_was(how);

		std::printf("%s %d - a callback may throw out of %s\n", ok ? "ok" : "not ok",
			    how + 1, names[how]);
		failed += !ok;
	}
	return failed != 0;
}
