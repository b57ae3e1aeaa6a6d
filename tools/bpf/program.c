// SPDX-License-Identifier: BSD-2-Clause
/* program.c: see program.h. */
#include "bpf/program.h"
#include "cli/tool.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the kernel says of a type of program that can't be run by a test run; no
 * header for user space has it. */
#define KERNEL_ENOTSUPP 524

/* A packet for programs that want one: an Ethernet header of zeroes, and a bit. */
#define PACKET_SIZE 64

struct program {
	const char *name;
	int fd;
	bool wants_packet;
};

static int find_by_id(const char *name)
{
	const char *digits = name + strlen("id:");
	char *end;
	unsigned long id = strtoul(digits, &end, 10);
	int fd;

	if (!*digits || *end || strspn(digits, "0123456789") != strlen(digits) || id > ~0U) {
		tool_complain("--program %s: give id:N, the number that 'bpftool prog' shows",
			      name);
		return -1;
	}
	fd = bpf_prog_get_fd_by_id((__u32)id);
	if (fd >= 0)
		return fd;
	if (fd == -ENOENT)
		tool_complain("--program %s: no program has that id: 'bpftool prog' shows those "
			      "there are",
			      name);
	else
		tool_complain("--program %s: %s%s", name, strerror(-fd),
			      fd == -EPERM ? ": needs CAP_SYS_ADMIN: become root" : "");
	return -1;
}

static int find_by_path(const char *name)
{
	int fd = bpf_obj_get(name);

	if (fd >= 0)
		return fd;
	if (fd == -ENOENT)
		tool_complain("--program %s: nothing is pinned there: give id:N, or the path of a "
			      "pinned program; 'bpftool prog load' pins one",
			      name);
	else if (fd == -EPERM || fd == -EACCES)
		tool_complain("--program %s: no permission: become root, or have it given to you "
			      "with chown(1)",
			      name);
	else
		tool_complain("--program %s: not a program that is pinned in a bpffs: %s", name,
			      strerror(-fd));
	return -1;
}

static int find(const char *name)
{
	if (!strncmp(name, "id:", 3))
		return find_by_id(name);
	if (strchr(name, '/'))
		return find_by_path(name);
	tool_complain("--program %s: give one that is loaded: id:N or the path where it is pinned; "
		      "'bpftool prog load' loads one",
		      name);
	return -1;
}

static bool wants_packet(__u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_SK_SKB:
		return true;
	default:
		return false;
	}
}

/* What any other descriptor would be answered as, too. */
static bool is_program(int fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return true;
	target[n] = '\0';
	return strstr(target, "bpf-prog");
}

/* Is it a program, and does it know the ring? */
static int look_at(struct program *p, const struct ring *ring)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info), ids[64], i;

	info.map_ids = (__u64)(unsigned long)ids;
	info.nr_map_ids = sizeof(ids) / sizeof(ids[0]);
	if (!is_program(p->fd) || bpf_obj_get_info_by_fd(p->fd, &info, &size) || !info.id)
		return tool_complain("--program %s: not a BPF program", p->name);
	p->wants_packet = wants_packet(info.type);
	for (i = 0; i < info.nr_map_ids; i++)
		if (i >= sizeof(ids) / sizeof(ids[0]) || ids[i] == ring->id)
			return TOOL_OK;
	return tool_complain("--program %s: does not use %s (map:%u): give a program that drains "
			     "it",
			     p->name, ring->given, ring->id);
}

struct program *program_open(const struct ring *ring, const char *name)
{
	struct program *p = tool_memory(NULL, sizeof(*p));

	*p = (struct program){ .name = name, .fd = find(name) };
	if (p->fd >= 0 && !look_at(p, ring))
		return p;
	program_close(p);
	return NULL;
}

void program_close(struct program *program)
{
	if (program->fd >= 0)
		close(program->fd);
	free(program);
}

int program_run(struct program *program, int *returned)
{
	static const char packet[PACKET_SIZE];
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	if (program->wants_packet) {
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
	}
	err = bpf_prog_test_run_opts(program->fd, &opts);
	*returned = (int)opts.retval;
	return err == -KERNEL_ENOTSUPP ? -EOPNOTSUPP : err;
}
