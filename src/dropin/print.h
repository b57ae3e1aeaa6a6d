/* SPDX-License-Identifier: BSD-2-Clause */
/* print.h: says why a call has failed where libbpf says it: to the program's callback. */
#ifndef CHUTE_SRC_DROPIN_PRINT_H
#define CHUTE_SRC_DROPIN_PRINT_H

/* To the function that the program gave to libbpf_set_print(), or libbpf's own, which
 * prints to standard error. Nothing where libbpf is not there. Leaves errno alone. */
void chute_dropin_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
