/* SPDX-License-Identifier: BSD-2-Clause */
/* kring_none.c: kring.h in a build without BPF programs. */
#include "kring.h"

void kring_open(struct kring *k, size_t size)
{
	(void)k;
	(void)size;
	skip_because("built without the BPF programs: clang, bpftool or libbpf is missing");
}

void kring_close(struct kring *k)
{
	(void)k;
}

long kring_drain(struct kring *k, __u64 flags, __u32 stop_after)
{
	(void)k;
	(void)flags;
	(void)stop_after;
	return -1;
}

long kring_drain_written(struct kring *k)
{
	return kring_drain(k, 0, 0);
}

long kring_drain_check(struct kring *k)
{
	return kring_drain(k, 0, 0);
}

void kring_libbpf_sends(struct kring *k, const void *data, __u32 size)
{
	(void)data;
	kring_drain(k, 0, size);
}
