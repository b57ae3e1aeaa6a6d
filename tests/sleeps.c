/* SPDX-License-Identifier: BSD-2-Clause */
/* sleeps.c: see sleeps.h. */
#include "sleeps.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORD_PAYLOAD 56

struct sleeps sleeps;

typedef long syscall_fn(long number, long a, long b, long c, long d, long e, long f);

static long do_sleep(syscall_fn *next, long number, long *args)
{
	bool timed_out;
	long ret = -1;
	int err;

	if (sleeps.before)
		sleeps.before(sleeps.arg);
	if (sleeps.refuse)
		errno = sleeps.refuse;
	else
		ret = next(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	err = errno;
	timed_out = number == SYS_futex ? ret < 0 && err == ETIMEDOUT : ret == 0;
	sleeps.count++;
	sleeps.timed_out += timed_out;
	if (sleeps.after)
		sleeps.after(sleeps.arg, timed_out);
	errno = err;
	return ret;
}

long syscall(long number, ...)
{
	static syscall_fn *known;
	syscall_fn *next = chute_load_relaxed(&known);
	long args[6];
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (!next) {
		next = (syscall_fn *)dlsym(RTLD_NEXT, "syscall");
		chute_store_relaxed(&known, next);
	}
	if (number == SYS_epoll_pwait2 || (number == SYS_futex && (int)args[1] == FUTEX_WAIT))
		return do_sleep(next, number, args);
	return next(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

void either_open(struct either *e, bool is_map, const struct chute_opts *opts)
{
	memset(e, 0, sizeof(*e));
	memset(&sleeps, 0, sizeof(sleeps));
	e->is_map = is_map;
	if (is_map) {
		kring_open(&e->map, 4096);
		e->chute = chute_open_map(e->map.map_fd, opts);
	} else {
		e->fd = chute_memory("either", 4096);
		assert_true(e->fd >= 0);
		e->chute = chute_open_memory(e->fd, opts);
		e->consumer = chute_consumer_open(e->fd);
		assert_non_null(e->consumer);
	}
	assert_non_null(e->chute);
}

void either_close(struct either *e)
{
	chute_close(e->chute);
	if (e->is_map) {
		kring_close(&e->map);
	} else {
		chute_consumer_close(e->consumer);
		close(e->fd);
	}
}

static int count_down(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	return --*(__u32 *)ctx == 0;
}

long either_drain(struct either *e, __u64 flags, __u32 records)
{
	if (e->is_map)
		return kring_drain(&e->map, flags, records);
	return chute_drain(e->consumer, count_down, &records, flags);
}

void either_fill(struct either *e, size_t free)
{
	static const char payload[RECORD_PAYLOAD];

	while (chute_size(e->chute) - chute_used(e->chute) >= free + sizeof(payload) + 8)
		assert_int_equal(chute_send(e->chute, payload, sizeof(payload), 0), 0);
}
