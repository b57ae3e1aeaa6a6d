// SPDX-License-Identifier: BSD-2-Clause
/* calls.c: see calls.h. The kernel refuses an attribute with unknown bytes that
 * are not zero, so each is zeroed to its full size first. */
#include "bpf/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(enum bpf_cmd command, union bpf_attr *attr)
{
	long ret = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return ret < 0 ? -errno : (int)ret;
}

int bpf_map_by_id(__u32 id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_id = id;
	return call(BPF_MAP_GET_FD_BY_ID, &attr);
}

int bpf_map_by_path(const char *path, __u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (__u64)(unsigned long)path;
	attr.file_flags = flags;
	return call(BPF_OBJ_GET, &attr);
}

static int object_info(int fd, void *info, __u32 size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (__u32)fd;
	attr.info.info_len = size;
	attr.info.info = (__u64)(unsigned long)info;
	return call(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int bpf_map_info(int fd, struct bpf_map_info *info)
{
	memset(info, 0, sizeof(*info));
	return object_info(fd, info, sizeof(*info));
}

int bpf_program_info(int fd, struct bpf_prog_info *info)
{
	return object_info(fd, info, sizeof(*info));
}

int bpf_program_next_id(__u32 *id)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.start_id = *id;
	err = call(BPF_PROG_GET_NEXT_ID, &attr);
	if (!err)
		*id = attr.next_id;
	return err;
}

int bpf_program_by_id(__u32 id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	return call(BPF_PROG_GET_FD_BY_ID, &attr);
}
