// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * sizes.bpf.c: receivers that use their message's size as a length, as people write it; to
 * be loaded and never run. -DREFINES: on kernels that know more of what is not 0 (Linux 6.8).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <chute/chute.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

CHUTE_RING(ring, 64 * 1024);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} out SEC(".maps");

__u64 sum;
char copy[CHUTE_MESSAGE_MAX];

#define RECEIVER(name, body)                                                                       \
	static int on_##name(const void *msg, __u32 size, void *ctx)                               \
	{                                                                                          \
		const char *bytes = msg;                                                           \
                                                                                                   \
		(void)ctx;                                                                         \
		sum += bytes[0];                                                                   \
		body;                                                                              \
		return CHUTE_NEXT;                                                                 \
	}                                                                                          \
	CHUTE_MESSAGES(on_##name)                                                                  \
	SEC("syscall")                                                                             \
	int name(void *ctx)                                                                        \
	{                                                                                          \
		(void)ctx;                                                                         \
		return chute_drain_messages(&ring, on_##name, NULL);                               \
	}

#ifdef REFINES
RECEIVER(last_byte, sum += size ? bytes[size - 1] : 0)
#endif
RECEIVER(last_byte_checked, if (size > 0 && size <= CHUTE_MESSAGE_MAX) sum += bytes[size - 1])
RECEIVER(output, bpf_ringbuf_output(&out, (void *)msg, size, 0))
RECEIVER(output_checked,
	 if (size <= CHUTE_MESSAGE_MAX) bpf_ringbuf_output(&out, (void *)msg, size, 0))
RECEIVER(copied, bpf_probe_read_kernel(copy, size, msg))
RECEIVER(copied_checked, if (size <= sizeof(copy)) bpf_probe_read_kernel(copy, size, msg))
RECEIVER(few_bytes, for (__u32 i = 0; i < size && i < 64; i++) sum += bytes[i])
