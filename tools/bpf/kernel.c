// SPDX-License-Identifier: BSD-2-Clause
/* kernel.c: see kernel.h. The map is ours alone: its producer side is
 * written here as chute(7) has it. */
#include "bpf/kernel.h"
#include "cli/tool.h"
#include "oracle.skel.h"

#include <bpf/bpf.h>
#include <chute/atomic.h>
#include <chute/format.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The longest record that we make to bring a map's consumer somewhere. */
#define STEP_MOST (1UL << 23)

struct kernel_ring {
	struct oracle_bpf *skel;
	size_t size, page;
	const unsigned long *consumer_pos;
	unsigned long *producer_pos;
	char *data;
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int load(struct kernel_ring *k)
{
	int err = 0;

	libbpf_set_print(print_nothing);
	k->skel = oracle_bpf__open();
	if (!k->skel)
		err = -errno;
	if (!err)
		err = bpf_map__set_max_entries(k->skel->maps.ring, (__u32)k->size);
	if (!err)
		err = oracle_bpf__load(k->skel);
	if (!err)
		return TOOL_OK;
	return tool_complain("--kernel: can't load the BPF program that drains: %s%s",
			     strerror(-err),
			     err == -EPERM || err == -EACCES ? ": needs CAP_BPF: become root" : "");
}

static int map(struct kernel_ring *k)
{
	int fd = bpf_map__fd(k->skel->maps.ring);
	void *page0, *page1;

	page0 = mmap(NULL, k->page, PROT_READ, MAP_SHARED, fd, 0);
	page1 = mmap(NULL, k->page + 2 * k->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     (off_t)k->page);
	if (page0 == MAP_FAILED || page1 == MAP_FAILED)
		return tool_complain("--kernel: can't map a ring of %zu bytes: %s", k->size,
				     strerror(errno));
	k->consumer_pos = page0;
	k->producer_pos = page1;
	k->data = (char *)page1 + k->page;
	return TOOL_OK;
}

/* The only way to move a map's consumer: have it skip discarded records. */
static int place(struct kernel_ring *k, unsigned long target)
{
	unsigned long pos = 0, bytes, most = k->size < STEP_MOST ? k->size : STEP_MOST;
	struct chute_header *header;
	struct kernel_drained drained;

	while (pos != target) {
		bytes = target - pos < most ? target - pos : most;
		header = (struct chute_header *)(k->data + (pos & (k->size - 1)));
		header->len = (__u32)(bytes - CHUTE_HEADER_SIZE) | CHUTE_DISCARD;
		pos += bytes;
		/* P0: pairs with the drain's D0. */
		chute_store_release(k->producer_pos, pos);
		if (kernel_ring_drain(k, &drained))
			return TOOL_FAILED;
		if (drained.returned || drained.pos != pos)
			return tool_complain("--kernel: can't bring the map's consumer to %lu",
					     target);
	}
	return TOOL_OK;
}

struct kernel_ring *kernel_ring_open(size_t size, unsigned long pos)
{
	struct kernel_ring *k = tool_memory(NULL, sizeof(*k));

	*k = (struct kernel_ring){ .size = size };
	k->page = (size_t)sysconf(_SC_PAGESIZE);
	if (!load(k) && !map(k) && !place(k, pos))
		return k;
	kernel_ring_close(k);
	return NULL;
}

void kernel_ring_close(struct kernel_ring *k)
{
	if (!k)
		return;
	if (k->consumer_pos)
		munmap((void *)k->consumer_pos, k->page);
	if (k->producer_pos)
		munmap(k->producer_pos, k->page + 2 * k->size);
	oracle_bpf__destroy(k->skel);
	free(k);
}

int kernel_ring_fill(struct kernel_ring *k, int fd, size_t offset, unsigned long producer_pos)
{
	size_t done = 0;
	ssize_t n;

	while (done < k->size) {
		n = pread(fd, k->data + done, k->size - done, (off_t)(offset + done));
		if (n <= 0)
			return tool_complain("--kernel: can't read the image: %s",
					     n ? strerror(errno) : "it is too short");
		done += (size_t)n;
	}
	/* P0: pairs with the drain's D0. */
	chute_store_release(k->producer_pos, producer_pos);
	return TOOL_OK;
}

int kernel_ring_drain(struct kernel_ring *k, struct kernel_drained *drained)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct oracle_log *log = &k->skel->bss->written;
	int err;

	k->skel->bss->order.flags = BPF_RB_NO_WAKEUP;
	log->count = log->used = 0;
	err = bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.drain), &opts);
	if (err)
		return tool_complain("--kernel: the BPF program can't be run: %s", strerror(-err));
	*drained = (struct kernel_drained){ (int)opts.retval, chute_load_relaxed(k->consumer_pos),
					    log };
	return TOOL_OK;
}
