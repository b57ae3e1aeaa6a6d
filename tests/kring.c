/* SPDX-License-Identifier: BSD-2-Clause */
/* kring.c: see kring.h. */
#include "kring.h"
#include "drain.skel.h"

#include <bpf/bpf.h>
#include <string.h>

void kring_open(struct kring *k, size_t size)
{
	struct drain_bpf *skeleton;

	need_bpf();
	skeleton = drain_bpf__open();
	assert_non_null(skeleton);
	assert_int_equal(bpf_map__set_max_entries(skeleton->maps.ring, (__u32)size), 0);
	assert_int_equal(drain_bpf__load(skeleton), 0);
	*k = (struct kring){
		.map_fd = bpf_map__fd(skeleton->maps.ring),
		.count_fd = bpf_program__fd(skeleton->progs.drain_and_count),
		.write_fd = bpf_program__fd(skeleton->progs.drain_and_write),
		.check_fd = bpf_program__fd(skeleton->progs.drain_and_check),
		.skeleton = skeleton,
		.written = skeleton->bss->written,
		.next_number = skeleton->bss->next_number,
		.wrong = &skeleton->bss->wrong,
	};
}

void kring_close(struct kring *k)
{
	drain_bpf__destroy(k->skeleton);
}

static long run(int program_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(program_fd, &opts))
		fail_msg("a drain program does not run");
	return (int)opts.retval;
}

long kring_drain(struct kring *k, __u64 flags, __u32 stop_after)
{
	k->skeleton->bss->flags = flags;
	k->skeleton->bss->stop_after = stop_after;
	return run(k->count_fd);
}

long kring_drain_written(struct kring *k)
{
	return run(k->write_fd);
}

long kring_drain_check(struct kring *k)
{
	return run(k->check_fd);
}

void kring_libbpf_sends(struct kring *k, const void *data, __u32 size)
{
	struct user_ring_buffer *rb = user_ring_buffer__new(k->map_fd, NULL);
	void *sample;

	assert_non_null(rb);
	sample = user_ring_buffer__reserve(rb, size);
	assert_non_null(sample);
	memcpy(sample, data, size);
	user_ring_buffer__submit(rb, sample);
	user_ring_buffer__free(rb);
}
