/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contract.h: what a drain promises, as cases that run on any runner. Each starts
 * with an empty ring of CONTRACT_RING bytes, at any position.
 */
#ifndef CHUTE_TESTS_CONTRACT_H
#define CHUTE_TESTS_CONTRACT_H

#include "runner.h"

/* A multiple of every page size there is. */
#define CONTRACT_RING (64 * 1024)

/* Records, one after the other, a drain of them, and all that comes of it. */
struct contract_row {
	const char *name;
	const __u32 *lens; /* headers' words */
	unsigned int count;
	long producer; /* producer_pos, from where the last record ends */
	__u64 flags;
	__u32 stop_after; /* callbacks */

	long ret;
	unsigned int callbacks;
	unsigned int consumed; /* records, discarded ones too */
	bool woken;
	/* Needs positions that are compared by value, as the kernel does. */
	bool by_value;
};

extern const struct contract_row contract_rows[];
extern const size_t contract_row_count;

void contract_run_row(struct runner *r, const struct contract_row *row);

/* What does not fit in a row. */
struct contract_case {
	const char *name;
	void (*run)(struct runner *r);
};

extern const struct contract_case contract_cases[];
extern const size_t contract_case_count;

/* The same for cases that open a ring of their own size. */
struct contract_sized_case {
	const char *name;
	size_t size;
	void (*run)(struct runner *r);
};

extern const struct contract_sized_case contract_sized_cases[];
extern const size_t contract_sized_case_count;

#endif
