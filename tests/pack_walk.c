/* SPDX-License-Identifier: BSD-2-Clause */
/* pack_walk.c: random calls for pack_model.h. */
#include "pack_model.h"

static __u64 below(struct pack_model *m, __u64 limit)
{
	return next_random(m->random) % limit;
}

/* Small ones mostly; around what makes a difference; now and then as long as can be. */
static __u32 some_size(struct pack_model *m)
{
	const __u32 max = chute_payload_max(m->chute);

	switch (below(m, 16)) {
	case 0:
		return 0;
	case 1:
		return (__u32)below(m, CHUTE_PACK_MESSAGE_MAX + 1);
	case 2:
		return CHUTE_PACK_MESSAGE_MAX - 40 + (__u32)below(m, 80);
	case 3:
		return (__u32)below(m, max / 2);
	case 4:
		return below(m, 8) ? 8 : max - (__u32)below(m, 2);
	case 5:
		return below(m, 8) ? 8 : max + 1 + (__u32)below(m, 9);
	case 6:
	case 7:
		return 8;
	default:
		return (__u32)below(m, 65);
	}
}

static void maybe_drain(struct pack_model *m, unsigned int one_in)
{
	if (below(m, one_in) == 0)
		pack_model_drain(m);
}

static void pack_one(struct pack_model *m, __u32 size)
{
	/* Longer ones are records of their own, and can't begin like packed ones. */
	const bool magic = size >= 8 && size <= 900 && below(m, 32) == 0;

	if (m->message_count + 1 >= PACK_ITEMS)
		pack_model_drain(m);
	pack_model_pack(m, size, magic, below(m, 8) ? -1 : below(m, 256) ? 0 : 1000);
	maybe_drain(m, 64);
}

/* Equal sizes, two in turn, or any. */
static void pack_many(struct pack_model *m)
{
	const __u32 a = some_size(m), b = some_size(m);
	const __u64 kind = below(m, 4);
	__u64 count = 1 + below(m, below(m, 4) ? 24 : 600);

	while (count--)
		pack_one(m, kind == 0 ? some_size(m) : kind == 1 && count % 2 ? b : a);
}

static void walk_step(struct pack_model *m)
{
	const size_t open = pack_model_open_count(m);
	const __u64 what = below(m, 16);

	if (m->message_count > PACK_ITEMS / 2)
		pack_model_drain(m);
	if (what < 6)
		pack_many(m);
	else if (what < 7)
		pack_model_flush(m);
	else if (what < 8)
		pack_model_publish(m);
	else if (what < 9)
		pack_model_send(m, some_size(m));
	else if (what < 11)
		pack_model_drain(m);
	else if (open && what < 14)
		pack_model_finish(m, below(m, open));
	else if (open < 4 && what < 15)
		pack_model_reserve(m, some_size(m));
	else if (open < 4)
		pack_model_batch(m, 1 + (__u32)below(m, below(m, 4) ? 8 : 500), some_size(m));
}

void pack_model_finish_all(struct pack_model *m)
{
	while (pack_model_open_count(m))
		pack_model_finish(m, below(m, pack_model_open_count(m)));
	pack_model_flush(m);
	pack_model_drain(m);
	assert_int_equal(m->record_count, 0);
}

void pack_model_walk(struct pack_model *m, int steps)
{
	while (steps--)
		walk_step(m);
}
