// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} words SEC(".maps");

static long print(struct bpf_dynptr *record, void *ctx)
{
	char word[6] = "";

	bpf_dynptr_read(word, 5, record, 0, 0);
	bpf_printk("%s", word);
	return 0;
}

SEC("tc")
int drain(struct __sk_buff *packet)
{
	return bpf_user_ringbuf_drain(&words, print, NULL, 0);
}
