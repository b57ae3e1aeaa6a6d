// SPDX-License-Identifier: BSD-2-Clause
/* sender.c: see sender.h. */
#include "io/sender.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Publishing costs the consumer a cache line: not for every record, nor too late. */
#define BATCH_RECORDS 64
#define BATCH_BYTES   (16 * 1024)

int sender_open(struct sender *s)
{
	s->c = ring_produce(&s->ring,
			    (s->shared ? CHUTE_SHARED : 0) | (s->recover ? CHUTE_RECOVER : 0));
	return s->c ? TOOL_OK : TOOL_FAILED;
}

static int ring_fill(const struct sender *s)
{
	return (int)(chute_used(s->c) * 100 / chute_size(s->c));
}

void sender_tick(struct sender *s)
{
	progress_tick(&s->progress, &s->sent, ring_fill(s));
}

/* Publishing is silent when another producer is there. A reserve is not, and this one
 * reserves nothing: it can never fit. */
static bool is_ours(const struct sender *s)
{
	return !chute_reserve(s->c, UINT32_MAX) && errno != EBUSY;
}

static void publish(struct sender *s)
{
	bool ours;

	if (s->pack) {
		ours = !chute_flush(s->c);
	} else {
		chute_publish(s->c);
		ours = is_ours(s);
	}
	if (ours)
		s->delivered = s->sent;
	sender_tick(s);
}

void sender_publish(struct sender *s)
{
	publish(s);
	if (s->ring.kind == RING_MEMORY)
		chute_kick(s->c);
}

static int complain_reserve(struct sender *s, int err)
{
	if (err == ENOSPC)
		return tool_complain("%s: full for %g s (--timeout): is anything draining it?",
				     s->ring.given, (double)s->timeout_ns / NS_PER_S);
	if (err == EBUSY)
		return tool_complain(
			"%s: another program feeds it too, and a ring has one producer; "
			"records lost: %llu",
			s->ring.given,
			(unsigned long long)(s->sent.records - s->delivered.records));
	if (err == EBADMSG)
		return tool_complain("%s: its consumer's position can't be true, something has "
				     "overwritten it: make the ring anew",
				     s->ring.given);
	return tool_complain("%s: %s", s->ring.given, strerror(err));
}

int sender_finish(struct sender *s)
{
	sender_publish(s);
	return s->delivered.records == s->sent.records ? TOOL_OK : complain_reserve(s, EBUSY);
}

static void *reserve(struct sender *s, __u32 size, __s64 timeout_ns)
{
	if (s->pack)
		return chute_pack_for(s->c, size, timeout_ns);
	return chute_reserve_for(s->c, size, timeout_ns);
}

/* The ring is full. Wait in slices: a signal does not end a reserve. */
static void *reserve_full(struct sender *s, __u32 size)
{
	__s64 deadline = 0, left = STOP_SLICE_NS;
	void *payload;

	sender_publish(s);
	if (s->timeout_ns != CHUTE_FOREVER)
		deadline = progress_now_ns() + s->timeout_ns;
	do {
		if (deadline)
			left = deadline - progress_now_ns();
		if (left < 0)
			left = 0;
		payload = reserve(s, size, left < STOP_SLICE_NS ? left : STOP_SLICE_NS);
		sender_tick(s);
	} while (!payload && errno == ENOSPC && left && !stop_asked());
	return payload;
}

static __u64 undelivered(const struct sender *s)
{
	return s->sent.records - s->delivered.records;
}

/* A batch goes as a whole when its first record may. */
static void wait_for_turn(struct sender *s)
{
	bool published = s->batch && undelivered(s);

	while (!published && !stop_asked() && !pace_due(&s->pace)) {
		sender_publish(s);
		pace_sleep(&s->pace, STOP_SLICE_NS);
	}
	pace_count(&s->pace, 1);
}

/* A packed record is published when it is full. */
static bool is_batch(const struct sender *s)
{
	if (s->batch)
		return undelivered(s) >= s->batch;
	return !s->pack && (undelivered(s) >= BATCH_RECORDS ||
			    s->sent.bytes - s->delivered.bytes >= BATCH_BYTES);
}

int sender_put(struct sender *s, const char *data, __u32 size)
{
	void *payload;

	if (s->pace.rate) {
		wait_for_turn(s);
		if (stop_asked())
			return TOOL_OK;
	}
	payload = s->pack ? chute_pack(s->c, size) : chute_reserve(s->c, size);
	if (!payload && errno == ENOSPC)
		payload = reserve_full(s, size);
	if (!payload)
		return stop_asked() ? TOOL_OK : complain_reserve(s, errno);
	memcpy(payload, data, size);
	if (!s->pack)
		chute_stage(s->c, payload);
	tally_add(&s->sent, size);
	if (is_batch(s))
		publish(s);
	return TOOL_OK;
}
