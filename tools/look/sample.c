// SPDX-License-Identifier: BSD-2-Clause
/* sample.c: see sample.h. */
#include "look/sample.h"
#include "cli/progress.h"
#include "cli/size.h"

#include <string.h>

void sample_take(struct sample *sample, const struct chute_view *view)
{
	memset(sample, 0, sizeof(*sample));
	sample->stat.sz = sizeof(sample->stat);
	/* The positions are what the rates are made of: the time is theirs. */
	sample->time_ns = progress_now_ns();
	chute_view_stat(view, &sample->stat);
}

double sample_fill(const struct sample *sample)
{
	return sample->stat.size ? 100. * (double)sample->stat.used / (double)sample->stat.size : 0;
}

struct rates sample_rates(const struct sample *before, const struct sample *now)
{
	const struct chute_stat *a = &before->stat, *b = &now->stat;
	/* Positions only grow, and wrap: their difference is what counts. Where it is
	 * negative, another ring has come in the place of the first. */
	const long in = (long)(b->producer_pos - a->producer_pos);
	const long out = (long)(b->consumer_pos - a->consumer_pos);
	struct rates rates = { 0 };

	if (!before->time_ns || now->time_ns <= before->time_ns || a->size != b->size || in < 0 ||
	    out < 0)
		return rates;
	rates.known = true;
	rates.seconds = (double)(now->time_ns - before->time_ns) / NS_PER_S;
	rates.bytes_in = (double)in / rates.seconds;
	rates.bytes_out = (double)out / rates.seconds;
	rates.records_known = b->counted && b->records >= a->records;
	if (rates.records_known)
		rates.records_in = (double)(b->records - a->records) / rates.seconds;
	return rates;
}

const char *sample_state(__u32 state)
{
	static const char *const names[] = {
		[CHUTE_PRODUCER_DEAD] = "dead",
		[CHUTE_PRODUCER_ALIVE] = "alive",
		[CHUTE_PRODUCER_FOREIGN] = "foreign",
	};

	return names[state];
}
