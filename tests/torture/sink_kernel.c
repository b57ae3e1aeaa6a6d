// SPDX-License-Identifier: BSD-2-Clause
/* sink_kernel.c: a map, and the program of bpf/torture.bpf.c that drains it. */
#include "sink_kernel.h"
#include "log.h"
#include "torture.skel.h"

#include <bpf/bpf.h>
#include <errno.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int sink_kernel_open(struct sink *sink)
{
	libbpf_set_print(quiet);
	sink->skeleton = torture_bpf__open_and_load();
	if (!sink->skeleton)
		return -errno;
	sink->fd = bpf_map__fd(sink->skeleton->maps.ring);
	sink->drain_fd = bpf_program__fd(sink->skeleton->progs.drain);
	sink->log = &sink->skeleton->bss->entries;
	return chute_ring_map(&sink->ring, sink->fd);
}

void sink_kernel_close(struct sink *sink)
{
	torture_bpf__destroy(sink->skeleton);
}

static void read_log(struct log *log, struct ledger *ledger)
{
	__u64 head = chute_load_acquire(&log->head), tail = log->tail;
	const char *entry;
	__u32 size;

	while (tail != head) {
		entry = log->bytes + tail % LOG_BYTES;
		size = (__u32) * (const __u64 *)entry;
		ledger_take(ledger, entry + 8, size);
		tail += log_entry_bytes(size);
		chute_store_release(&log->tail, tail);
	}
	ledger->torn += log->too_long;
	log->too_long = 0;
}

long sink_kernel_drain(struct sink *sink, struct ledger *ledger)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(sink->drain_fd, &opts);

	/* Producers that kick drain too. */
	read_log(sink->log, ledger);
	if (err)
		return -errno;
	return (int)opts.retval == -EBUSY ? 0 : (int)opts.retval;
}
