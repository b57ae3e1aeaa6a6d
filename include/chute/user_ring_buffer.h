/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/user_ring_buffer.h: libbpf's six user_ring_buffer calls, for programs
 * that have no libbpf to include; where <bpf/libbpf.h> is there, and has them,
 * these are its declarations. Link with -lchute-libbpf, before -lbpf where
 * libbpf is used for other things, or preload libchute-libbpf.so.0.
 *
 * The contract is libbpf's (tools/lib/bpf/libbpf.h, tools/lib/bpf/ringbuf.c):
 * reserve is one thread's at a time; submit and discard may run in any thread,
 * beside a reserve. See user_ring_buffer in chute(3).
 */
#ifndef CHUTE_USER_RING_BUFFER_H
#define CHUTE_USER_RING_BUFFER_H

#if defined(__has_include)
#if __has_include(<bpf/libbpf.h>) && __has_include(<bpf/libbpf_version.h>)
#include <bpf/libbpf.h>
#include <bpf/libbpf_version.h>
#if LIBBPF_MAJOR_VERSION > 1 || (LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION >= 1)
#define CHUTE_LIBBPF_DECLARES_IT 1
#endif
#endif
#endif

#ifndef CHUTE_LIBBPF_DECLARES_IT

#include <linux/types.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct user_ring_buffer;

struct user_ring_buffer_opts {
	size_t sz; /* sizeof(struct user_ring_buffer_opts) */
};

#define user_ring_buffer_opts__last_field sz

/*
 * NULL and errno: EINVAL (not a BPF_MAP_TYPE_USER_RINGBUF, or bad @opts), E2BIG
 * (the mapping would overflow the address space), EBUSY (a struct chute
 * produces on the ring), else as bpf(2), mmap(2), epoll_create1(2) say: EBADFD
 * for a bad descriptor, ENODEV for a program of type BPF_PROG_TYPE_SYSCALL. @map_fd stays the
 * caller's. @opts may be NULL.
 */
struct user_ring_buffer *user_ring_buffer__new(int map_fd,
					       const struct user_ring_buffer_opts *opts);

/*
 * Reserve @size bytes, 8-byte aligned, and publish the record as unfinished.
 * NULL and errno: E2BIG (can never fit), ENOSPC (not now).
 */
void *user_ring_buffer__reserve(struct user_ring_buffer *rb, __u32 size);

/*
 * The same, waiting up to @timeout_ms milliseconds: -1 for ever, 0 not at all.
 * NULL and errno: E2BIG at once, ENOSPC when the time is up, EINVAL for any
 * other negative @timeout_ms; EINTR after a signal's handler, EBADF after somebody
 * closed the handle's descriptor, where it would sleep. A cancellation point.
 */
void *user_ring_buffer__reserve_blocking(struct user_ring_buffer *rb, __u32 size, int timeout_ms);

/* Finish a record. @sample is what a reserve returned; NULL does nothing. A discarded
 * record stays discarded. */
void user_ring_buffer__submit(struct user_ring_buffer *rb, void *sample);
void user_ring_buffer__discard(struct user_ring_buffer *rb, void *sample);

/* NULL is fine. */
void user_ring_buffer__free(struct user_ring_buffer *rb);

#ifdef __cplusplus
}
#endif

#endif /* CHUTE_LIBBPF_DECLARES_IT */

#endif /* CHUTE_USER_RING_BUFFER_H */
