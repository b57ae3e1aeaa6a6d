/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/atomic.h: every atomic access of chute goes through these helpers.
 *
 * Those that order something are __atomic builtins, and carry a label (P0, C0, ...)
 * that names their partner; the table of all labels is in chute(7). Relaxed ones are
 * volatile accesses of one word, which, unlike __atomic ones, leave the compiler what
 * it knows of other memory: that is two loads less in the fast path. They are
 * __atomic where ThreadSanitizer looks, and where a word may be wider than a register.
 */
#ifndef CHUTE_ATOMIC_H
#define CHUTE_ATOMIC_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHUTE_RELAXED_BUILTINS
#endif
#endif
#if defined(__SANITIZE_THREAD__) || __SIZEOF_LONG__ < 8
#define CHUTE_RELAXED_BUILTINS
#endif

#ifdef CHUTE_RELAXED_BUILTINS
#define chute_load_relaxed(p)	  __atomic_load_n((p), __ATOMIC_RELAXED)
#define chute_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define chute_count_alone(p, n)	  chute_store_relaxed((p), *(p) + (n))
#else
#define chute_load_relaxed(p)	  (*(const volatile __typeof__(*(p)) *)(p))
#define chute_store_relaxed(p, v) ((void)(*(volatile __typeof__(*(p)) *)(p) = (v)))
#define chute_count_alone(p, n)	  ((void)(*(p) += (n)))
#endif
#define chute_load_acquire(p)	  __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define chute_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* Adds to a counter that others add to as well. Orders nothing. */
#define chute_count(p, n) ((void)__atomic_fetch_add((p), (n), __ATOMIC_RELAXED))

/* Sequentially consistent: a full barrier between what stands before and after it. */
#define chute_load_seq_cst(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define chute_exchange(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define chute_fetch_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define chute_fetch_or(p, v)  __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define chute_compare_exchange(p, expected, v)                                                     \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* Says to the CPU that this is a spinning loop. */
static inline void chute_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ __volatile__("yield" ::: "memory");
#else
	__asm__ __volatile__("" ::: "memory");
#endif
}

#endif /* CHUTE_ATOMIC_H */
