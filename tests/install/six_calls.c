// SPDX-License-Identifier: BSD-2-Clause
/* six_calls: libbpf's six calls by chute's header; C and C++ alike. Compiled, and run
 * without a map: it ends before it needs one. */
#ifdef LIBBPF_FIRST
#include <bpf/libbpf.h>
#endif
#include <chute/user_ring_buffer.h>
#ifdef LIBBPF_LAST
#include <bpf/libbpf.h>
#endif

#include <errno.h>

int main(void)
{
	struct user_ring_buffer_opts opts;
	struct user_ring_buffer *rb;
	void *sample;

	opts.sz = sizeof(opts);
	rb = user_ring_buffer__new(-1, &opts);
	if (!rb)
		return errno == EBADFD ? 0 : 1;
	sample = user_ring_buffer__reserve(rb, 8);
	if (sample)
		user_ring_buffer__submit(rb, sample);
	sample = user_ring_buffer__reserve_blocking(rb, 8, 0);
	if (sample)
		user_ring_buffer__discard(rb, sample);
	user_ring_buffer__free(rb);
	return 1;
}
