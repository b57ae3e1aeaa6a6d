/* SPDX-License-Identifier: BSD-2-Clause */
/* print.c: see print.h. libbpf is no dependency: the reference is weak. */
#include "dropin/print.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

/* As <bpf/libbpf.h> has them. */
enum libbpf_print_level { LIBBPF_WARN };
typedef int (*libbpf_print_fn_t)(enum libbpf_print_level level, const char *format, va_list args);
extern __attribute__((weak)) libbpf_print_fn_t libbpf_set_print(libbpf_print_fn_t fn);

void chute_dropin_warn(const char *format, ...)
{
	const int saved = errno;
	libbpf_print_fn_t print;
	va_list args;

	if (!libbpf_set_print)
		return;
	/* There is no other way to ask for it. Another thread's message in this moment
	 * is lost. */
	print = libbpf_set_print(NULL);
	libbpf_set_print(print);
	if (print) {
		va_start(args, format);
		print(LIBBPF_WARN, format, args);
		va_end(args);
	}
	errno = saved;
}
