/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/atomic.bpf.h: the only atomic accesses of the headers for BPF programs; labels as in
 * chute/atomic.h. Part of chute/chute.bpf.h.
 */
#ifndef CHUTE_ATOMIC_BPF_H
#define CHUTE_ATOMIC_BPF_H

/* A full barrier. 8 bytes wide: a shorter exchange needs more of a compiler's -mcpu than its
 * default. */
static __always_inline __u64 chute_bpf_exchange(void *word, __u64 value)
{
	return __sync_lock_test_and_set((__u64 *)word, value);
}

#endif /* CHUTE_ATOMIC_BPF_H */
