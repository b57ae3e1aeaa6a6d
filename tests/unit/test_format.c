// SPDX-License-Identifier: BSD-2-Clause
/* test_format: sizes and bits of a record, against the kernel's own numbers. */
#include "support.h"

#include <chute/format.h>

#include <linux/bpf.h>

static void bits_are_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(CHUTE_BUSY, BPF_RINGBUF_BUSY_BIT);
	assert_int_equal(CHUTE_DISCARD, BPF_RINGBUF_DISCARD_BIT);
	assert_int_equal(CHUTE_HEADER_SIZE, BPF_RINGBUF_HDR_SZ);
	assert_int_equal(sizeof(struct chute_header), BPF_RINGBUF_HDR_SZ);
	assert_int_equal(CHUTE_LENGTH_MASK | CHUTE_BUSY | CHUTE_DISCARD, 0xffffffffU);
}

static void records_are_rounded_up_to_8_bytes(void **state)
{
	static const struct {
		__u32 size;
		__u64 bytes;
	} cases[] = {
		{ 0, 8 },
		{ 1, 16 },
		{ 7, 16 },
		{ 8, 16 },
		{ 9, 24 },
		{ 4096 - 8, 4096 },
		{ 4089, 4104 },
		{ CHUTE_PAYLOAD_MAX, (1ULL << 24) + 8 },
		{ 0xffffffff, 0x100000008ULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(chute_record_bytes(cases[i].size), cases[i].bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_are_the_kernels),
		cmocka_unit_test(records_are_rounded_up_to_8_bytes),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
