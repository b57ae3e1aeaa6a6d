/* SPDX-License-Identifier: BSD-2-Clause */
/* sink_kernel.h: the half of sink.c that needs BPF. */
#ifndef CHUTE_TESTS_TORTURE_SINK_KERNEL_H
#define CHUTE_TESTS_TORTURE_SINK_KERNEL_H

#include "sink.h"

int sink_kernel_open(struct sink *sink);
void sink_kernel_close(struct sink *sink);
long sink_kernel_drain(struct sink *sink, struct ledger *ledger);

#endif
