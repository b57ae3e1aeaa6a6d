/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contract_rows.c: the contract's table, a row a statement. Where two rules meet
 * in one record, a row says which is asked first.
 */
#include "support.h"

#include "contract.h"

#include <chute/drain.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RING CONTRACT_RING
#define RECORDS(...)                                                                               \
	.lens = (const __u32[]){ __VA_ARGS__ },                                                    \
	.count = sizeof((const __u32[]){ __VA_ARGS__ }) / sizeof(__u32)
#define BUSY	CHUTE_BUSY
#define DISCARD CHUTE_DISCARD

/* The table reads best with a row's records, drain and outcome on a line each. */
/* clang-format off */
const struct contract_row contract_rows[] = {
	/* ---- what is delivered ---- */
	{ .name = "an_empty_ring_gives_0" },
	{ .name = "a_record_is_delivered",
	  RECORDS(100),
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "records_come_in_order_whatever_their_sizes",
	  RECORDS(1, 0, 7, 8, 9, 4096, 15, 16),
	  .ret = 8, .callbacks = 8, .consumed = 8, .woken = true },
	{ .name = "a_zero_length_record_is_delivered",
	  RECORDS(0),
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "a_record_may_fill_the_ring",
	  RECORDS(RING - 8),
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "a_record_may_fill_the_ring_with_padding",
	  RECORDS(RING - 15),
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "many_records_may_fill_the_ring",
	  RECORDS(RING / 2 - 8, RING / 4 - 8, RING / 4 - 16, 0),
	  .ret = 4, .callbacks = 4, .consumed = 4, .woken = true },

	/* ---- the producer's position ---- */
	{ .name = "a_producer_position_off_by_1_is_EINVAL",
	  RECORDS(8), .producer = 1, .ret = -EINVAL },
	{ .name = "a_producer_position_off_by_4_is_EINVAL",
	  RECORDS(8), .producer = 4, .ret = -EINVAL },
	{ .name = "a_producer_position_off_by_7_is_EINVAL",
	  RECORDS(8, 8), .producer = -1, .ret = -EINVAL },
	{ .name = "a_crooked_producer_position_behind_the_consumer_is_EINVAL",
	  .producer = -12, .ret = -EINVAL },
	{ .name = "a_producer_just_behind_the_consumer_is_an_empty_ring",
	  .producer = -8 },
	{ .name = "a_producer_a_lap_behind_the_consumer_is_an_empty_ring",
	  .producer = -RING },
	{ .name = "a_producer_two_laps_behind_the_consumer_is_an_empty_ring",
	  .producer = -2 * RING },
	{ .name = "an_empty_ring_has_no_bad_record",
	  RECORDS(RING + 8), .producer = -RING - 16 },
	{ .name = "a_producer_behind_the_consumer_hides_a_bad_record",
	  RECORDS(RING + 8), .producer = -RING - 24 },
	{ .name = "records_before_a_producer_far_ahead_are_delivered",
	  RECORDS(8, 16, BUSY | 8), .producer = 100L * RING,
	  .ret = 2, .callbacks = 2, .consumed = 2, .woken = true, .by_value = true },
	{ .name = "an_overfull_ring_comes_round_to_its_first_record",
	  RECORDS(RING - 16, 0), .producer = 8,
	  .ret = -EINVAL, .callbacks = 2, .consumed = 2, .woken = true, .by_value = true },

	/* ---- a record longer than the producer has published ---- */
	{ .name = "a_payload_beyond_the_producer_is_EINVAL",
	  RECORDS(16), .producer = -8, .ret = -EINVAL },
	{ .name = "padding_beyond_the_producer_is_EINVAL",
	  RECORDS(9), .producer = -8, .ret = -EINVAL },
	{ .name = "a_record_of_which_the_header_alone_is_published_is_EINVAL",
	  RECORDS(1), .producer = -8, .ret = -EINVAL },
	{ .name = "a_busy_record_beyond_the_producer_is_EINVAL",
	  RECORDS(BUSY | 16), .producer = -8, .ret = -EINVAL },
	{ .name = "a_discarded_record_beyond_the_producer_is_EINVAL",
	  RECORDS(DISCARD | 16), .producer = -8, .ret = -EINVAL },
	{ .name = "too_long_for_the_producer_and_for_the_ring_is_EINVAL",
	  RECORDS(RING), .producer = -8, .ret = -EINVAL },
	{ .name = "the_longest_length_there_is_is_EINVAL",
	  RECORDS(CHUTE_LENGTH_MASK), .producer = -(1L << 30), .ret = -EINVAL },
	{ .name = "after_good_records_one_beyond_the_producer_drops_the_count",
	  RECORDS(8, 0, DISCARD | 24, 1, 16), .producer = -8,
	  .ret = -EINVAL, .callbacks = 3, .consumed = 4, .woken = true },

	/* ---- a record longer than the ring ---- */
	{ .name = "a_record_longer_than_the_ring_is_E2BIG",
	  RECORDS(RING - 7), .ret = -E2BIG, .by_value = true },
	{ .name = "a_busy_record_longer_than_the_ring_is_E2BIG",
	  RECORDS(BUSY | (RING - 7)), .ret = -E2BIG, .by_value = true },
	{ .name = "a_discarded_record_longer_than_the_ring_is_E2BIG",
	  RECORDS(DISCARD | (RING - 7)), .ret = -E2BIG, .by_value = true },
	{ .name = "the_longest_length_there_is_is_E2BIG_if_published",
	  RECORDS(CHUTE_LENGTH_MASK), .ret = -E2BIG, .by_value = true },
	{ .name = "the_longest_length_with_both_bits_is_E2BIG_if_published",
	  RECORDS(0xffffffff), .ret = -E2BIG, .by_value = true },
	{ .name = "after_a_good_record_one_longer_than_the_ring_drops_the_count",
	  RECORDS(0, RING), .ret = -E2BIG, .callbacks = 1, .consumed = 1, .woken = true,
	  .by_value = true },

	/* ---- discarded and busy ---- */
	{ .name = "a_discarded_record_is_skipped",
	  RECORDS(DISCARD | 40), .ret = 0, .consumed = 1, .woken = true },
	{ .name = "a_discarded_record_may_be_empty",
	  RECORDS(DISCARD), .ret = 0, .consumed = 1, .woken = true },
	{ .name = "a_discarded_record_may_fill_the_ring",
	  RECORDS(DISCARD | (RING - 8)), .ret = 0, .consumed = 1, .woken = true },
	{ .name = "a_discarded_record_that_is_busy_is_skipped",
	  RECORDS(DISCARD | BUSY | 40, 8),
	  .ret = 1, .callbacks = 1, .consumed = 2, .woken = true },
	{ .name = "the_return_value_counts_callbacks_only",
	  RECORDS(DISCARD | 8, 1, DISCARD | 9, DISCARD | BUSY | 3, 2, DISCARD),
	  .ret = 2, .callbacks = 2, .consumed = 6, .woken = true },
	{ .name = "a_busy_record_stops_the_drain",
	  RECORDS(BUSY | 8, 8) },
	{ .name = "a_busy_record_stops_the_drain_after_those_before_it",
	  RECORDS(8, 9, BUSY, 8),
	  .ret = 2, .callbacks = 2, .consumed = 2, .woken = true },
	{ .name = "a_busy_record_may_fill_the_ring",
	  RECORDS(BUSY | (RING - 8)) },
	{ .name = "a_busy_record_after_discarded_ones_gives_0",
	  RECORDS(DISCARD | 8, DISCARD | 8, BUSY | 8), .ret = 0, .consumed = 2, .woken = true },
	{ .name = "what_stands_behind_a_busy_record_is_not_looked_at",
	  RECORDS(8, BUSY | 8, RING), .ret = 1, .callbacks = 1, .consumed = 1, .woken = true,
	  .by_value = true },

	/* ---- the callback stops it ---- */
	{ .name = "a_callback_stops_the_drain_after_its_record",
	  RECORDS(8, 16, 24), .stop_after = 1,
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "a_callback_stops_before_a_discarded_record",
	  RECORDS(DISCARD | 8, 8, 16, DISCARD | 8, 24), .stop_after = 2,
	  .ret = 2, .callbacks = 2, .consumed = 3, .woken = true },
	{ .name = "a_callback_stops_before_a_bad_record",
	  RECORDS(8, 64), .producer = -8, .stop_after = 1,
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "a_callback_may_stop_at_the_last_record",
	  RECORDS(8, 8), .stop_after = 2,
	  .ret = 2, .callbacks = 2, .consumed = 2, .woken = true },

	/* ---- flags ---- */
	{ .name = "NO_WAKEUP_wakes_nobody",
	  RECORDS(8, 8), .flags = CHUTE_NO_WAKEUP, .ret = 2, .callbacks = 2, .consumed = 2 },
	{ .name = "NO_WAKEUP_wakes_nobody_for_a_discarded_record",
	  RECORDS(DISCARD | 8), .flags = CHUTE_NO_WAKEUP, .consumed = 1 },
	{ .name = "FORCE_WAKEUP_wakes",
	  RECORDS(8), .flags = CHUTE_FORCE_WAKEUP,
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "FORCE_WAKEUP_wakes_from_an_empty_ring",
	  .flags = CHUTE_FORCE_WAKEUP, .woken = true },
	{ .name = "FORCE_WAKEUP_wakes_at_a_busy_record",
	  RECORDS(BUSY | 8), .flags = CHUTE_FORCE_WAKEUP, .woken = true },
	{ .name = "FORCE_WAKEUP_wakes_on_an_error",
	  RECORDS(16), .producer = -8, .flags = CHUTE_FORCE_WAKEUP, .ret = -EINVAL, .woken = true },
	{ .name = "both_flags_are_accepted_and_wake",
	  RECORDS(8), .flags = CHUTE_NO_WAKEUP | CHUTE_FORCE_WAKEUP,
	  .ret = 1, .callbacks = 1, .consumed = 1, .woken = true },
	{ .name = "both_flags_wake_from_an_empty_ring",
	  .flags = CHUTE_NO_WAKEUP | CHUTE_FORCE_WAKEUP, .woken = true },
	{ .name = "an_error_after_good_records_wakes_nobody_with_NO_WAKEUP",
	  RECORDS(8, 16), .producer = -8, .flags = CHUTE_NO_WAKEUP,
	  .ret = -EINVAL, .callbacks = 1, .consumed = 1 },
	{ .name = "unknown_flags_with_known_ones_are_EINVAL",
	  RECORDS(8), .flags = 4 | CHUTE_FORCE_WAKEUP, .ret = -EINVAL },
	{ .name = "all_flags_are_EINVAL",
	  RECORDS(8), .flags = ~0ULL, .ret = -EINVAL },
};
/* clang-format on */

const size_t contract_row_count = sizeof(contract_rows) / sizeof(contract_rows[0]);

struct check {
	const struct runner *r;
	unsigned long start;
};

static void is(const struct check *c, const char *what, long got, long want)
{
	if (got != want)
		fail_msg("%s, from offset %lu: %s is %ld and not %ld", c->r->name,
			 c->start & (c->r->ring.size - 1), what, got, want);
}

/* The callbacks that were made are those of the first records that count. */
static void check_callbacks(const struct check *c, const struct contract_row *row)
{
	const struct oracle_log *log = c->r->written;
	unsigned long pos = c->start;
	unsigned int i, n = 0;

	is(c, "the number of callbacks", log->count, row->callbacks);
	for (i = 0; i < row->consumed; i++) {
		__u32 size = row->lens[i] & CHUTE_LENGTH_MASK;

		if (!(row->lens[i] & CHUTE_DISCARD)) {
			is(c, "a payload's size", log->entries[n].size, size);
			if (memcmp(log->bytes + log->entries[n].at,
				   runner_at(c->r, pos) + CHUTE_HEADER_SIZE, size))
				fail_msg("%s, from offset %lu: payload %u differs", c->r->name,
					 c->start & (c->r->ring.size - 1), n);
			n++;
		}
		pos += chute_record_bytes(size);
	}
	is(c, "consumer_pos, from its start", (long)(runner_consumer_pos(c->r) - c->start),
	   (long)(pos - c->start));
	is(c, "the number of callbacks that the row names", n, row->callbacks);
}

/* A record that would come round to the first one's header gets no payload, or not
 * even a header. */
static unsigned long put(struct runner *r, unsigned long start, unsigned long pos, __u32 len)
{
	unsigned long end = pos + chute_record_bytes(len & CHUTE_LENGTH_MASK);

	if (end - start <= r->ring.size)
		return runner_put(r, pos, len);
	return pos - start < r->ring.size ? runner_put_header(r, pos, len) : end;
}

void contract_run_row(struct runner *r, const struct contract_row *row)
{
	const struct check c = { .r = r, .start = runner_consumer_pos(r) };
	unsigned long pos = c.start;
	static char before[CONTRACT_RING];
	unsigned int i;

	/* What an earlier record has left must not look like one. */
	memset(r->ring.data, 0xee, r->ring.size);
	for (i = 0; i < row->count; i++)
		pos = put(r, c.start, pos, row->lens[i]);
	memcpy(before, r->ring.data, sizeof(before));
	runner_publish(r, pos + (unsigned long)row->producer);
	*r->order = (struct oracle_order){ .flags = row->flags, .stop_after = row->stop_after };

	is(&c, "the return value", runner_drain(r), row->ret);
	is(&c, "whether it woke", runner_woken(r), row->woken);
	check_callbacks(&c, row);
	is(&c, "a change in the data", memcmp(before, r->ring.data, sizeof(before)), 0);
	is(&c, "a change of producer_pos", (long)(runner_producer_pos(r) - pos), row->producer);
}
