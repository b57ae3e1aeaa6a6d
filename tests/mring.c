/* SPDX-License-Identifier: BSD-2-Clause */
/* mring.c: see mring.h. */
#include "mring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "messages.skel.h"
#include "messages_probe.skel.h"
#include "typed.skel.h"

static struct bpf_object *open_object(const char *name)
{
	const void *elf;
	size_t size;

	if (!strcmp(name, "messages"))
		elf = messages_bpf__elf_bytes(&size);
	else if (!strcmp(name, "messages_probe"))
		elf = messages_probe_bpf__elf_bytes(&size);
	else
		elf = typed_bpf__elf_bytes(&size);
	return bpf_object__open_mem(elf, size, NULL);
}

void mring_open(struct mring *r, const char *name, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_object *object;
	struct bpf_map *map;

	need_bpf();
	object = open_object(name);
	assert_non_null(object);
	map = bpf_object__find_map_by_name(object, "ring");
	assert_int_equal(bpf_map__set_max_entries(map, (__u32)size), 0);
	assert_int_equal(bpf_object__load(object), 0);
	r->object = object;
	r->map_fd = bpf_map__fd(map);
	map = bpf_object__find_map_by_name(object, "ring_side");
	r->side_fd = bpf_map__fd(map);
	r->received_fd = bpf_object__find_map_fd_by_name(object, "received");
	r->side_size = (bpf_map__value_size(map) + page - 1) / page * page;
	r->side = mmap(NULL, r->side_size, PROT_READ, MAP_SHARED, r->side_fd, 0);
	assert_ptr_not_equal(r->side, MAP_FAILED);
}

void mring_close(struct mring *r)
{
	munmap((void *)r->side, r->side_size);
	bpf_object__close(r->object);
}

int mring_program(const struct mring *r, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(r->object, name);

	assert_non_null(program);
	return bpf_program__fd(program);
}

int mring_map(const struct mring *r, const char *name)
{
	return bpf_object__find_map_fd_by_name(r->object, name);
}

long mring_run(int program_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(program_fd, &opts))
		fail_msg("a drain program does not run");
	return (int)opts.retval;
}

struct received mring_received(const struct mring *r)
{
	struct received got = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(r->received_fd, &zero, &got), 0);
	return got;
}
