// SPDX-License-Identifier: BSD-2-Clause
/* produce.c: see produce.h. */
#include "produce.h"
#include "support.h"

#include <stdlib.h>
#include <time.h>

#define SEVERAL	    4
#define BATCH_MAX   32
#define PACKED_MAX  100
#define SIZE_SPREAD 120 /* of most messages */

static __u32 below(struct producer *p, __u32 n)
{
	return (__u32)(next_random(&p->random) % n);
}

static __u32 any_size(struct producer *p)
{
	return MESSAGE_MIN + below(p, below(p, 16) ? SIZE_SPREAD : 2000);
}

/* Nothing but no space is right, and not even that for who waits. */
static void *need(void *payload)
{
	if (!payload)
		abort();
	return payload;
}

static void got_on(struct producer *p)
{
	struct life *life = &p->ledger->lives[p->life];

	chute_store_relaxed(&life->ops, life->ops + 1);
}

void produce_single(struct producer *p)
{
	__u32 size = any_size(p);
	void *payload = need(chute_reserve_for(p->chute, size, CHUTE_FOREVER));
	__u64 number = ledger_write(p->ledger, p->life, payload, size);

	chute_submit(p->chute, payload);
	ledger_returned(p->ledger, p->life, number, 1);
}

void produce_several(struct producer *p)
{
	void *payloads[SEVERAL];
	__u64 numbers[SEVERAL];
	__u32 n, size, i;

	for (n = 0; n < SEVERAL; n++) {
		size = any_size(p);
		payloads[n] = chute_reserve(p->chute, size);
		if (!payloads[n])
			break;
		numbers[n] = ledger_write(p->ledger, p->life, payloads[n], size);
	}
	while (n) {
		i = below(p, n--);
		chute_submit(p->chute, payloads[i]);
		ledger_returned(p->ledger, p->life, numbers[i], 1);
		payloads[i] = payloads[n];
		numbers[i] = numbers[n];
	}
	got_on(p);
}

void produce_discarded(struct producer *p)
{
	__u32 size = any_size(p);
	void *payload = need(chute_reserve_for(p->chute, size, CHUTE_FOREVER));

	ledger_write_discarded(p->ledger, p->life, payload, size);
	chute_discard(p->chute, payload);
	got_on(p);
}

void produce_batch(struct producer *p)
{
	__u32 size = MESSAGE_MIN + below(p, SIZE_SPREAD), count = 1 + below(p, BATCH_MAX);
	void *first = need(chute_reserve_batch_for(p->chute, count, size, CHUTE_FOREVER));
	__u64 number = 0, used = 0;
	void *payload = first;
	__u32 i;

	for (i = 0; i < count; i++, payload = chute_batch_next(payload, size)) {
		if (!below(p, 8)) {
			ledger_write_discarded(p->ledger, p->life, payload, size);
			chute_batch_skip(payload);
			continue;
		}
		number = ledger_write(p->ledger, p->life, payload, size);
		used++;
	}
	chute_submit(p->chute, first);
	ledger_returned(p->ledger, p->life, number + 1 - used, used);
}

void produce_packed(struct producer *p)
{
	__u32 size = MESSAGE_MIN + below(p, SIZE_SPREAD), count = 1 + below(p, PACKED_MAX), i;
	bool mixed = below(p, 2);
	__u64 number = 0;
	void *payload;

	for (i = 0; i < count; i++) {
		if (mixed)
			size = MESSAGE_MIN + below(p, SIZE_SPREAD);
		payload = need(chute_pack_for(p->chute, size, CHUTE_FOREVER));
		number = ledger_write(p->ledger, p->life, payload, size);
	}
	chute_flush(p->chute);
	ledger_returned(p->ledger, p->life, number + 1 - count, count);
}

void produce_kick(struct producer *p)
{
	chute_kick(p->chute);
	got_on(p);
}

void produce(struct producer *p)
{
	static void (*const ops[])(struct producer * p) = {
		produce_single, produce_single,	   produce_single,  produce_several,
		produce_batch,	produce_discarded, produce_several, produce_packed,
	};
	const struct timespec nap = { .tv_nsec = 100000 };
	bool sleepy = !below(p, 4);

	while (!chute_load_relaxed(&p->ledger->stop)) {
		ops[below(p, p->packs ? 8 : 7)](p);
		if (!below(p, 64))
			produce_kick(p);
		if (sleepy)
			nanosleep(&nap, NULL);
	}
}
