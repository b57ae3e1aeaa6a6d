/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outcome.h: what a drain of an image came to, told from the image and from what
 * the drain did: which of the contract's rows a test has been through.
 */
#ifndef CHUTE_TESTS_OUTCOME_H
#define CHUTE_TESTS_OUTCOME_H

#include "image.h"
#include "../../bpf/oracle.h"

#include <stdbool.h>

struct drained {
	struct oracle_order order;
	long ret;
	bool woken;
	unsigned long to_pos; /* consumer_pos; it was the image's cons_pos before */
	const struct oracle_log *log;
};

enum outcome {
	OUTCOME_CALLBACKS,
	OUTCOME_EMPTY,
	OUTCOME_DRAINED_EMPTY,
	OUTCOME_PRODUCER_BEHIND,
	OUTCOME_PRODUCER_TOP_BIT,
	OUTCOME_PRODUCER_LAPS_AHEAD,
	OUTCOME_ROUND_AND_ROUND,
	OUTCOME_UNKNOWN_FLAGS,
	OUTCOME_CROOKED_PRODUCER,
	OUTCOME_CROOKED_PRODUCER_BEHIND,
	OUTCOME_EINVAL,
	OUTCOME_EINVAL_MARKED,
	OUTCOME_E2BIG,
	OUTCOME_E2BIG_MARKED,
	OUTCOME_ERROR_AFTER_CALLBACKS,
	OUTCOME_BUSY,
	OUTCOME_BUSY_AFTER_CALLBACKS,
	OUTCOME_DISCARDED,
	OUTCOME_DISCARDED_AND_BUSY,
	OUTCOME_ONLY_DISCARDED,
	OUTCOME_ZERO_LENGTH,
	OUTCOME_FILLS_THE_RING,
	OUTCOME_WRAPS,
	OUTCOME_HEADER_IN_LAST_8,
	OUTCOME_STOPPED,
	OUTCOME_LOG_FULL,
	OUTCOME_LIMIT,
	OUTCOME_WOKEN,
	OUTCOME_NOT_WOKEN,
	OUTCOMES,
};

extern const char *const outcome_names[OUTCOMES];

/* Adds 1 to each outcome that the drain came to. */
void outcome_count(const struct image *image, const struct drained *d, unsigned long *counts);

#endif
