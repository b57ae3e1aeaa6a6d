/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.h: a program that is built against the system's libbpf, headers and library,
 * and knows nothing of chute. Its runner runs it as it is, with the drop-in preloaded,
 * and once more linked with the drop-in before libbpf, and compares what it prints.
 */
#ifndef PRELOAD_COMMON_H
#define PRELOAD_COMMON_H

#include "drained.h"
#include "drain.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* A ring with @size bytes of data, and the programs that drain it. Exits if it can't. */
struct drain_bpf *ring_open(size_t size);
int ring_fd(struct drain_bpf *ring);

/* Drain with @flags, until there is no more; the drain's return value. */
int ring_drain(struct drain_bpf *ring, __u64 flags);
int ring_drain_check(struct drain_bpf *ring);

/* Fill it with records of 64 bytes (56 of payload), all but @free bytes. */
void ring_fill(struct user_ring_buffer *rb, size_t size, size_t free);

/* A handle. Exits if there is none. */
struct user_ring_buffer *handle(struct drain_bpf *ring);

void die(const char *what) __attribute__((noreturn));
__s64 clock_ns(void);
__s64 cpu_ns(void); /* of this thread */

/* The commands: they print, and return the program's exit status. */
int print_rows(void);  /* what each call returns: one line a case */
int print_where(void); /* the library that each call comes from */
int print_bytes(void); /* what each call leaves in the ring */
int print_twice(void); /* what finishing a record again, or none, does */
int print_told(void);  /* what libbpf's print callback is told */
int wait_nearly_full(void);
int wait_for_quiet_consumer(void);
int wait_until_ended(void);
int wait_without_descriptors(void);
int wait_for_the_untrue(void);
int count_descriptors(void);
int wait_not_at_all(void);
int send_from_threads(void);
int send_by_two_handles(void);
int send_from_two_processes(void);
int open_inherited(int map_fd);

#endif
