// SPDX-License-Identifier: BSD-2-Clause
/* pace.c: see pace.h. */
#include "io/pace.h"
#include "cli/progress.h"
#include "cli/size.h"

#include <stdint.h>
#include <time.h>

/* Above a thousand a second we sleep once for several. */
#define SLEEP_LEAST_NS 1000000LL

void pace_start(struct pace *p)
{
	p->base_ns = progress_now_ns();
	p->count = 0;
}

static __s64 time_of_next(const struct pace *p)
{
	return p->base_ns + (__s64)(p->count * NS_PER_S / p->rate);
}

__u64 pace_due(struct pace *p)
{
	__s64 now, late;

	if (!p->rate)
		return UINT64_MAX;
	now = progress_now_ns();
	late = now - time_of_next(p);
	if (late < 0)
		return 0;
	if (late > PACE_LATE_NS)
		p->base_ns += late - PACE_LATE_NS;
	return (__u64)(now - p->base_ns) * p->rate / NS_PER_S + 1 - p->count;
}

void pace_count(struct pace *p, __u64 count)
{
	if (!p->rate)
		return;
	p->count += count;
	/* Whole seconds go into the base, so that no product overflows. */
	p->base_ns += (__s64)(p->count / p->rate) * NS_PER_S;
	p->count %= p->rate;
}

void pace_sleep(const struct pace *p, __s64 most_ns)
{
	__s64 now = progress_now_ns(), until = time_of_next(p);
	struct timespec ts;

	if (until < now + SLEEP_LEAST_NS && p->rate > NS_PER_S / SLEEP_LEAST_NS)
		until = now + SLEEP_LEAST_NS;
	if (until > now + most_ns)
		until = now + most_ns;
	ts.tv_sec = until / NS_PER_S;
	ts.tv_nsec = until % NS_PER_S;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}
