// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * messages_probe.bpf.c: messages.bpf.c as it is on kernels that do not tell a
 * payload's size, and with messages that are longer than any packed one.
 */
#define CHUTE_NO_KFUNCS
#define CHUTE_MESSAGE_MAX 2048

#include "messages.bpf.c"
