// SPDX-License-Identifier: BSD-2-Clause
/*
 * ratio: what reserve and submit of 8 bytes cost in one library and in another, in one
 * process and in turn, on rings of their own. Calls that do nothing are timed beside
 * them: that much of both figures is the caller's.
 *
 *   ratio LIBRARY PEER [ROUNDS]
 *
 * Prints the medians in ns, that of the rounds' ratios, and what the ratio is without the
 * calls.
 */
#include "common.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE	   (64 * 1024)
#define PAIRS	   (SIZE / 16)
#define ROUNDS_MAX 1001

typedef struct user_ring_buffer *new_fn(int map_fd, const struct user_ring_buffer_opts *opts);
typedef void *reserve_fn(struct user_ring_buffer *rb, __u32 size);
typedef void submit_fn(struct user_ring_buffer *rb, void *sample);

struct calls {
	new_fn *new;
	reserve_fn *reserve;
	submit_fn *submit;
};

/* Called from where they are, as through a program's table of imported functions. */
static struct calls library, peer, nothing;

static void find_calls(struct calls *calls, const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!dl) {
		fprintf(stderr, "ratio: %s\n", dlerror());
		exit(1);
	}
	*(void **)&calls->new = dlsym(dl, "user_ring_buffer__new");
	*(void **)&calls->reserve = dlsym(dl, "user_ring_buffer__reserve");
	*(void **)&calls->submit = dlsym(dl, "user_ring_buffer__submit");
}

static __u64 nowhere;

static void *reserve_nothing(struct user_ring_buffer *rb, __u32 size)
{
	__asm__ __volatile__("" ::"r"(rb), "r"(size));
	return &nowhere;
}

static void submit_nothing(struct user_ring_buffer *rb, void *sample)
{
	__asm__ __volatile__("" ::"r"(rb), "r"(sample));
}

/*
 * A loop for each library, so that each of its calls goes to one place, as in a program
 * that has one library: a call that is seen to go to several costs more.
 */
#define TIME_PAIRS(calls)                                                                          \
	static __attribute__((noinline)) double time_##calls(struct user_ring_buffer *rb)          \
	{                                                                                          \
		const __s64 start = clock_ns();                                                    \
		__u64 *sample;                                                                     \
		__u64 i;                                                                           \
                                                                                                   \
		for (i = 0; i < PAIRS; i++) {                                                      \
			sample = calls.reserve(rb, 8);                                             \
			*sample = i;                                                               \
			calls.submit(rb, sample);                                                  \
		}                                                                                  \
		return (double)(clock_ns() - start) / PAIRS;                                       \
	}

TIME_PAIRS(library)
TIME_PAIRS(peer)
TIME_PAIRS(nothing)

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void empty(struct drain_bpf *ring)
{
	if (ring_drain(ring, BPF_RB_NO_WAKEUP) != PAIRS)
		die("drain");
}

int main(int argc, char **argv)
{
	static double ours[ROUNDS_MAX], peers[ROUNDS_MAX], calls[ROUNDS_MAX], ratios[ROUNDS_MAX];
	struct drain_bpf *ring, *peer_ring;
	struct user_ring_buffer *rb, *peer_rb;
	int i, rounds = argc > 3 ? atoi(argv[3]) : 101;
	double o, p, c;

	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: ratio LIBRARY PEER [ROUNDS]\n");
		return 2;
	}
	find_calls(&library, argv[1]);
	find_calls(&peer, argv[2]);
	nothing = (struct calls){ NULL, reserve_nothing, submit_nothing };
	ring = ring_open(SIZE);
	peer_ring = ring_open(SIZE);
	rb = library.new(ring_fd(ring), NULL);
	peer_rb = peer.new(ring_fd(peer_ring), NULL);
	if (!rb || !peer_rb)
		die("user_ring_buffer__new");
	for (i = 0; i < rounds; i++) {
		ours[i] = time_library(rb);
		peers[i] = time_peer(peer_rb);
		calls[i] = time_nothing(NULL);
		ratios[i] = ours[i] / peers[i];
		empty(ring);
		empty(peer_ring);
	}
	o = median(ours, rounds);
	p = median(peers, rounds);
	c = median(calls, rounds);
	printf("ours %.2f peer %.2f calls %.2f ratio %.3f net %.3f\n", o, p, c,
	       median(ratios, rounds), (o - c) / (p - c));
	return 0;
}
