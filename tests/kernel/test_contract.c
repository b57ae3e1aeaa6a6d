// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_contract: every statement of a user ring buffer's contract, by one case
 * list, on the kernel's drain, on chute_drain(), and on chute_drain() at positions
 * next to their wrap, where the kernel's can't be brought. Each case runs at the
 * ring's start, in its middle, and 8 bytes before its end.
 */
#include "support.h"

#include "contract.h"
#include "kernel_cases.h"

#include <stdio.h>
#include <stdlib.h>

enum side { KERNEL, USER, USER_AT_WRAP, SIDES };

static const char *const side_names[] = { "kernel", "user space", "user space at the wrap" };

/* One for all cases of a side: loading the BPF program takes some milliseconds. */
static struct runner *shared[SIDES];

struct planned {
	char name[128];
	enum side side;
	const struct contract_row *row;
	const struct contract_case *function;
	const struct contract_sized_case *sized;
};

static struct runner *open_runner(enum side side, size_t size)
{
	if (side == KERNEL)
		return runner_open_kernel(size);
	return side == USER ? runner_open_user(size) : runner_open_user_at_wrap(size);
}

static void run_planned(void **state)
{
	const struct planned *p = *state;
	struct runner *r;
	size_t starts[3], i;

	if (p->side == KERNEL)
		need_bpf();
	if (p->sized)
		r = open_runner(p->side, p->sized->size);
	else if (shared[p->side])
		r = shared[p->side];
	else
		r = shared[p->side] = open_runner(p->side, CONTRACT_RING);
	starts[0] = 0;
	starts[1] = r->ring.size / 2;
	starts[2] = r->ring.size - 8;
	for (i = 0; i < 3; i++) {
		runner_place(r, starts[i]);
		if (p->row)
			contract_run_row(r, p->row);
		else if (p->function)
			p->function->run(r);
		else
			p->sized->run(r);
	}
	if (p->sized)
		runner_close(r);
}

static struct planned plan[SIDES * 128];
static struct CMUnitTest tests[SIDES * 128 + 32];
static size_t planned_count, test_count;

static void add(enum side side, const char *name, struct planned what)
{
	struct planned *p = &plan[planned_count++];

	if (planned_count > sizeof(plan) / sizeof(plan[0]))
		abort();
	*p = what;
	p->side = side;
	snprintf(p->name, sizeof(p->name), "%s: %s", side_names[side], name);
	tests[test_count++] = (struct CMUnitTest){ .name = p->name,
						   .test_func = run_planned,
						   .initial_state = p };
}

static int close_runners(void **state)
{
	int side;

	(void)state;
	for (side = 0; side < SIDES; side++)
		runner_close(shared[side]);
	return 0;
}

int main(void)
{
	size_t i;
	int side;

	for (side = 0; side < SIDES; side++) {
		for (i = 0; i < contract_row_count; i++)
			if (side != USER_AT_WRAP || !contract_rows[i].by_value)
				add(side, contract_rows[i].name,
				    (struct planned){ .row = &contract_rows[i] });
		for (i = 0; i < contract_case_count; i++)
			add(side, contract_cases[i].name,
			    (struct planned){ .function = &contract_cases[i] });
		for (i = 0; i < contract_sized_case_count; i++)
			add(side, contract_sized_cases[i].name,
			    (struct planned){ .sized = &contract_sized_cases[i] });
	}
	for (i = 0; i < kernel_case_count; i++)
		tests[test_count++] = (struct CMUnitTest){ .name = kernel_cases[i].name,
							   .test_func = kernel_cases[i].run };
	return _cmocka_run_group_tests("contract", tests, test_count, NULL, close_runners);
}
