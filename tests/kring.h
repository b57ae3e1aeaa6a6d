/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kring.h: a user ring buffer in a BPF map, and a BPF program (bpf/drain.bpf.c) that
 * drains it when told to.
 */
#ifndef CHUTE_TESTS_KRING_H
#define CHUTE_TESTS_KRING_H

#include "drained.h"
#include "support.h"

struct kring {
	int map_fd;
	int count_fd, write_fd, check_fd; /* the programs */
	struct drain_bpf *skeleton;
	const struct written *written;
	const __u32 *next_number;
	const __u64 *wrong;
};

/* A map with @size bytes of data. Ends the test case as skipped where there is no BPF. */
void kring_open(struct kring *k, size_t size);
void kring_close(struct kring *k);

/* Drain with these flags, until there is no more or after @stop_after records (0: never),
 * and return what the drain returned. Any thread, one at a time. */
long kring_drain(struct kring *k, __u64 flags, __u32 stop_after);

/* The same, with what came in k->written. */
long kring_drain_written(struct kring *k);

/* The same, checking struct numbered: k->next_number, k->wrong. */
long kring_drain_check(struct kring *k);

/* The system's libbpf sends a record through the map, by a handle of its own. */
void kring_libbpf_sends(struct kring *k, const void *data, __u32 size);

#endif
