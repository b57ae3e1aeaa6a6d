// SPDX-License-Identifier: BSD-2-Clause
/*
 * dropin.c: what reserve + submit of an 8-byte record costs a program that calls
 * libbpf's functions, by libbpf and by the drop-in, as long as there is room. Rings of
 * 64 KiB, which stay in a CPU's caches, and of 1 MiB, which on many do not.
 *
 * Calls that do nothing are timed beside them: that much of both figures is the
 * caller's, and nobody can make it less.
 */
#include "fill.h"
#include "bench.skel.h"

#include <dlfcn.h>

static const struct bench_line lines[] = {
	{ "dropin-64K", "dropin", "ns", 1.3 },
	{ "dropin-1M", "dropin", "ns", 1.3 },
	{ "dropin-calls", "dropin", "ns", 0, BENCH_ALONE },
};

#define LIBRARY "libchute-libbpf.so.0"
#define PEER	"libbpf.so.1"

struct calls {
	typeof(user_ring_buffer__new) *new;
	typeof(user_ring_buffer__reserve) *reserve;
	typeof(user_ring_buffer__submit) *submit;
	typeof(user_ring_buffer__free) *free;
};

/* Called from where they are, as through a program's table of imported functions. */
static struct calls dropin, libbpf, nothing;

static struct bench_bpf *bpf;
static unsigned int records;

static void *find(void *library, const char *path, const char *name)
{
	void *function = dlsym(library, name);

	if (!function)
		bench_fail("%s has no %s", path, name);
	return function;
}

static void find_calls(struct calls *calls, const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		bench_fail("%s", dlerror());
	calls->new = find(library, path, "user_ring_buffer__new");
	calls->reserve = find(library, path, "user_ring_buffer__reserve");
	calls->submit = find(library, path, "user_ring_buffer__submit");
	calls->free = find(library, path, "user_ring_buffer__free");
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
#define FILL(calls)                                                                                \
	static __attribute__((noinline)) void fill_##calls(void *rb, __u64 first)                  \
	{                                                                                          \
		__u64 *sample, i;                                                                  \
                                                                                                   \
		for (i = first; i < first + records; i++) {                                        \
			sample = calls.reserve(rb, sizeof(*sample));                               \
			if (!sample)                                                               \
				bench_fail(#calls ": the ring is full before its time");           \
			*sample = i;                                                               \
			calls.submit(rb, sample);                                                  \
		}                                                                                  \
	}

FILL(dropin)
FILL(libbpf)
FILL(nothing)

struct library {
	const char *name;
	const struct calls *calls;
	void (*fill)(void *rb, __u64 first);
};

static double round_library(void *arg, __u64 count)
{
	const struct library *l = arg;
	struct bench_fill f = { .name = l->name, .records = records, .fill = l->fill };
	struct user_ring_buffer *rb;
	double ns;

	if (!l->calls->new)
		return bench_fills(&f, count);
	f.arg = rb = l->calls->new (bpf_map__fd(bpf->maps.ring), NULL);
	bench_loaded(rb, l->name);
	f.drain_fd = bpf_program__fd(bpf->progs.drain_8);
	f.received = &bpf->bss->received;
	ns = bench_fills(&f, count);
	l->calls->free(rb);
	return ns;
}

static void compare(const char *line, __u32 ring_size)
{
	const __u64 count = BENCH_FILLS * (ring_size / 16);
	struct library ours = { "the drop-in", &dropin, fill_dropin };
	struct library peer = { "libbpf", &libbpf, fill_libbpf };
	struct library none = { "two calls that do nothing", &nothing, fill_nothing };
	struct bench_side sides[] = {
		{ ours.name, round_library, &ours, count },
		{ peer.name, round_library, &peer, count },
		{ none.name, round_library, &none, count },
	};
	const bool calls_too = ring_size == 64 * 1024 && bench_wanted("dropin-calls");

	if (!bench_wanted(line) && !calls_too)
		return;
	records = ring_size / 16;
	bpf = bench_bpf__open();
	bench_loaded(bpf, "bench.bpf.o");
	if (bpf_map__set_max_entries(bpf->maps.ring, ring_size) || bench_bpf__load(bpf))
		bench_fail("can't load bench.bpf.o");
	bench_compare(sides, calls_too ? 3 : 2);
	bench_report(line, ours.name, &sides[0].series, peer.name, &sides[1].series);
	if (calls_too)
		bench_report("dropin-calls", sides[2].name, &sides[2].series, NULL, NULL);
	bench_bpf__destroy(bpf);
}

int main(int argc, char **argv)
{
	bench_begin(argc, argv, lines, BENCH_COUNT(lines));
	bench_need_bpf();
	find_calls(&dropin, LIBRARY);
	find_calls(&libbpf, PEER);
	nothing = (struct calls){ .reserve = reserve_nothing, .submit = submit_nothing };
	compare("dropin-64K", 64 * 1024);
	compare("dropin-1M", 1024 * 1024);
	return bench_end();
}
