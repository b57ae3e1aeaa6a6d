// SPDX-License-Identifier: BSD-2-Clause
/* sink_none.c: in the place of sink_kernel.c where there is no BPF. */
#include "sink_kernel.h"

#include <errno.h>

int sink_kernel_open(struct sink *sink)
{
	(void)sink;
	return -EOPNOTSUPP;
}

void sink_kernel_close(struct sink *sink)
{
	(void)sink;
}

long sink_kernel_drain(struct sink *sink, struct ledger *ledger)
{
	(void)sink;
	(void)ledger;
	return -EOPNOTSUPP;
}
