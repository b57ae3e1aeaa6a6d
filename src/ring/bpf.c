/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf.c: raw bpf(2). Every attribute is zeroed to its full size first: the
 * kernel refuses unknown bytes that are not zero.
 */
#include "ring/bpf.h"
#include "fd.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf_call(enum bpf_cmd cmd, union bpf_attr *attr)
{
	const int saved = errno;
	long ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	if (ret >= 0)
		return (int)ret;
	ret = -errno;
	/* What fails here may be a detail of a call that succeeds. */
	errno = saved;
	return (int)ret;
}

/* A command whose result is a descriptor, which bpf(2) makes close-on-exec. */
static int bpf_open(int cmd, union bpf_attr *attr)
{
	const int fd = bpf_call(cmd, attr);

	return fd < 0 ? fd : chute_fd_own(fd);
}

int chute_bpf_map_info(int map_fd, struct bpf_map_info *info)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(info, 0, sizeof(*info));
	attr.info.bpf_fd = (__u32)map_fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (__u64)(unsigned long)info;
	return bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

bool chute_bpf_is_user_ring(const struct bpf_map_info *info)
{
	/* Such a map has no keys and values. A program's descriptor is answered too: that of
	 * type BPF_PROG_TYPE_SYSCALL has the same type number, and its tag where their sizes
	 * are. */
	return info->type == BPF_MAP_TYPE_USER_RINGBUF && !info->key_size && !info->value_size;
}

int chute_bpf_map_by_id(__u32 id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_id = id;
	return bpf_open(BPF_MAP_GET_FD_BY_ID, &attr);
}

int chute_bpf_map_by_path(const char *path, __u32 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (__u64)(unsigned long)path;
	attr.file_flags = flags;
	return bpf_open(BPF_OBJ_GET, &attr);
}

int chute_bpf_map_next_id(__u32 *id)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.start_id = *id;
	err = bpf_call(BPF_MAP_GET_NEXT_ID, &attr);
	if (!err)
		*id = attr.next_id;
	return err;
}

int chute_bpf_map_lookup(int map_fd, const void *key, void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (__u32)map_fd;
	attr.key = (__u64)(unsigned long)key;
	attr.value = (__u64)(unsigned long)value;
	return bpf_call(BPF_MAP_LOOKUP_ELEM, &attr);
}

int chute_bpf_map_create(const char *name, __u32 size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_USER_RINGBUF;
	attr.max_entries = size;
	strncpy(attr.map_name, name, sizeof(attr.map_name) - 1);
	return bpf_open(BPF_MAP_CREATE, &attr);
}

int chute_bpf_pin(int fd, const char *path)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.bpf_fd = (__u32)fd;
	attr.pathname = (__u64)(unsigned long)path;
	return bpf_call(BPF_OBJ_PIN, &attr);
}

int chute_bpf_test_run(int prog_fd, __u32 *retval)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (__u32)prog_fd;
	err = bpf_call(BPF_PROG_TEST_RUN, &attr);
	*retval = attr.test.retval;
	return err;
}
