// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <chute/user_ring_buffer.h>
#include <err.h>
#include <string.h>

int main(void)
{
	int map = bpf_obj_get("/sys/fs/bpf/hello/words");
	struct user_ring_buffer *rb = user_ring_buffer__new(map, NULL);
	char *sample;

	if (!rb)
		err(1, "/sys/fs/bpf/hello/words");
	sample = user_ring_buffer__reserve_blocking(rb, 5, 1000);
	if (!sample)
		err(1, "reserve");
	memcpy(sample, "again", 5);
	user_ring_buffer__submit(rb, sample);
	user_ring_buffer__free(rb);
}
