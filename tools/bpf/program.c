// SPDX-License-Identifier: BSD-2-Clause
/* program.c: see program.h. */
#include "bpf/program.h"
#include "cli/tool.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
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
	struct bpf_object *object; /* NULL: found */
	int fd;
	bool wants_packet;
	const char *name;
	int found_fd; /* to be closed, or -1 */
};

/* ---- what libbpf says ---- */

static int print_all(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, args);
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static const char *what_permits(int err)
{
	return err == EPERM || err == EACCES ? ": needs CAP_BPF, and CAP_PERFMON or CAP_NET_ADMIN "
					       "for some types: become root"
					     : "";
}

/* ---- out of an object file ---- */

static struct bpf_program *find_program(const struct program_choice *choice,
					struct bpf_object *object)
{
	struct bpf_program *program, *found = NULL;
	char names[512] = "";
	size_t used = 0;

	bpf_object__for_each_program(program, object)
	{
		bool wanted = !strcmp(bpf_program__name(program), choice->name);

		/* The others may need what we can't give them. */
		bpf_program__set_autoload(program, wanted);
		if (wanted)
			found = program;
		if (used < sizeof(names) - 1)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", bpf_program__name(program));
	}
	if (!found)
		tool_complain("--program %s: %s has no such program: it has %s", choice->name,
			      choice->object, *names ? names : "none");
	return found;
}

/* The map of the object that the ring stands for; without --map there must be one. */
static struct bpf_map *find_map(const struct program_choice *choice, struct bpf_object *object)
{
	struct bpf_map *map, *found = NULL;
	char names[512] = "";
	size_t used = 0;
	int count = 0;

	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__type(map) != BPF_MAP_TYPE_USER_RINGBUF)
			continue;
		if (choice->map && strcmp(bpf_map__name(map), choice->map))
			goto list;
		found = map;
		count++;
	list:
		if (used < sizeof(names) - 1)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", bpf_map__name(map));
	}
	if (count == 1)
		return found;
	if (!*names)
		tool_complain("%s: has no user ring buffer that %s could stand for", choice->object,
			      choice->ring);
	else if (choice->map)
		tool_complain("--map %s: %s has no such user ring buffer: it has %s", choice->map,
			      choice->object, names);
	else
		tool_complain("%s: has several user ring buffers: say which one %s stands for: "
			      "--map with one of %s",
			      choice->object, choice->ring, names);
	return NULL;
}

static int put_ring(const struct program_choice *choice, struct bpf_map *map)
{
	int fd = bpf_map_get_fd_by_id(choice->map_id), err;

	err = fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
	if (fd >= 0)
		close(fd);
	if (!err)
		return 0;
	return tool_complain("%s: can't be given to %s: %s%s", choice->ring, choice->object,
			     strerror(-err), what_permits(-err));
}

static struct bpf_object *load(const struct program_choice *choice, int *fd)
{
	struct bpf_object *object = bpf_object__open_file(choice->object, NULL);
	struct bpf_program *program;
	struct bpf_map *map;
	char why[128];
	int err;

	if (!object) {
		libbpf_strerror(errno, why, sizeof(why));
		tool_complain("--object %s: can't be read as a BPF object: %s", choice->object,
			      why);
		return NULL;
	}
	program = find_program(choice, object);
	map = program ? find_map(choice, object) : NULL;
	if (!map || put_ring(choice, map))
		goto fail;
	err = bpf_object__load(object);
	if (err) {
		tool_complain("--program %s: %s can't be loaded: %s%s%s", choice->name,
			      choice->object, strerror(-err), what_permits(-err),
			      choice->verbose ? "" : "; --verbose shows why");
		goto fail;
	}
	*fd = bpf_program__fd(program);
	return object;
fail:
	bpf_object__close(object);
	return NULL;
}

/* ---- in the kernel already ---- */

static int find_by_id(const struct program_choice *choice)
{
	const char *digits = choice->name + strlen("id:");
	char *end;
	unsigned long id = strtoul(digits, &end, 10);
	int fd;

	if (!*digits || *end || strspn(digits, "0123456789") != strlen(digits) || id > ~0U) {
		tool_complain("--program %s: give id:N, the number that 'bpftool prog' shows",
			      choice->name);
		return -1;
	}
	fd = bpf_prog_get_fd_by_id((__u32)id);
	if (fd >= 0)
		return fd;
	if (fd == -ENOENT)
		tool_complain("--program %s: no program has that id: 'bpftool prog' shows those "
			      "there are",
			      choice->name);
	else
		tool_complain("--program %s: %s%s", choice->name, strerror(-fd),
			      fd == -EPERM ? ": needs CAP_SYS_ADMIN: become root" : "");
	return -1;
}

static int find_by_path(const struct program_choice *choice)
{
	int fd = bpf_obj_get(choice->name);

	if (fd >= 0)
		return fd;
	if (fd == -ENOENT)
		tool_complain("--program %s: nothing is pinned there: give id:N, or the path of a "
			      "pinned program, or --object FILE for one that is not loaded",
			      choice->name);
	else if (fd == -EPERM || fd == -EACCES)
		tool_complain("--program %s: no permission: become root, or have it given to you "
			      "with chown(1)",
			      choice->name);
	else
		tool_complain("--program %s: not a program that is pinned in a bpffs: %s",
			      choice->name, strerror(-fd));
	return -1;
}

static int find(const struct program_choice *choice)
{
	if (!strncmp(choice->name, "id:", 3))
		return find_by_id(choice);
	if (strchr(choice->name, '/'))
		return find_by_path(choice);
	tool_complain("--program %s: in which file? Give --object FILE, or a program that is "
		      "loaded: id:N or the path where it is pinned",
		      choice->name);
	return -1;
}

/* ---- both ---- */

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

/* Is it a program, and does it know the ring? */
static int look_at(struct program *p, const struct program_choice *choice)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info), ids[64], i;

	info.map_ids = (__u64)(unsigned long)ids;
	info.nr_map_ids = sizeof(ids) / sizeof(ids[0]);
	if (bpf_obj_get_info_by_fd(p->fd, &info, &size) || !info.id)
		return tool_complain("--program %s: not a BPF program", choice->name);
	p->wants_packet = wants_packet(info.type);
	for (i = 0; i < info.nr_map_ids; i++)
		if (i >= sizeof(ids) / sizeof(ids[0]) || ids[i] == choice->map_id)
			return TOOL_OK;
	return tool_complain("--program %s: does not use %s (map:%u): give a program that drains "
			     "it",
			     choice->name, choice->ring, choice->map_id);
}

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

struct program *program_open(const struct program_choice *choice)
{
	struct program *p = calloc(1, sizeof(*p));

	if (!p) {
		tool_complain("no memory");
		return NULL;
	}
	libbpf_set_print(choice->verbose ? print_all : print_nothing);
	p->name = choice->name;
	p->fd = p->found_fd = -1;
	if (choice->object)
		p->object = load(choice, &p->fd);
	else
		p->fd = p->found_fd = find(choice);
	if (p->fd >= 0 && !is_program(p->fd))
		tool_complain("--program %s: not a BPF program", choice->name);
	else if (p->fd >= 0 && !look_at(p, choice))
		return p;
	program_close(p);
	return NULL;
}

void program_close(struct program *program)
{
	if (!program)
		return;
	bpf_object__close(program->object);
	if (program->found_fd >= 0)
		close(program->found_fd);
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
