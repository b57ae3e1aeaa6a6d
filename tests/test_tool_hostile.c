// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_tool_hostile: verbs that look at rings whose every header, position and word may
 * be anything: none crashes, hangs or reads outside, which a sanitizer sees; and check
 * says what a drain then does.
 *
 * CHUTE_SEED      where the random numbers start; else drawn, and printed
 * CHUTE_IMAGES    how many
 */
#include "support.h"

#include "kernel/image.h"
#include "ring.h"

#include "../tools/tool.h"

#include <chute/drain.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define IMAGES 10000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IMAGES 10000
#endif
#endif
#ifndef IMAGES
#define IMAGES 2000
#endif

static __u64 seed, number;

static __u64 setting(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static int set_up(void **state)
{
	(void)state;
	seed = setting("CHUTE_SEED", (__u64)time(NULL) << 16 ^ (__u64)getpid());
	print_message("# seed: CHUTE_SEED=%llu\n", (unsigned long long)seed);
	return 0;
}

/* ---- a ring to write anything in ---- */

struct victim {
	struct chute_ring ring;
	struct image image;
	char name[32]; /* as the verbs know it: an image */
	int fd;
};

static void victim_open(struct victim *v, size_t size)
{
	v->fd = chute_memory("hostile", size);
	assert_true(v->fd >= 0);
	assert_int_equal(chute_ring_map_memory(&v->ring, v->fd), 0);
	image_init(&v->image, size);
	snprintf(v->name, sizeof(v->name), "/proc/self/fd/%d", v->fd);
}

static void victim_close(struct victim *v)
{
	image_fini(&v->image);
	chute_ring_unmap(&v->ring);
	close(v->fd);
}

/* Packed records, or what looks like them, in some payloads. */
static void add_packs(struct victim *v, __u64 *random)
{
	struct chute_packed pack = { .magic = CHUTE_PACK_MAGIC };
	size_t i, at;

	for (i = 0; i < v->image.header_count && i < 100; i++) {
		at = (v->image.headers[i] + 8) & (v->ring.size - 1);
		pack.size = (__u32)(next_random(random) >> (32 + next_random(random) % 32));
		pack.bytes = (__u32)(next_random(random) >> (32 + next_random(random) % 32));
		if (next_random(random) % 4)
			pack.bytes &= ~7U;
		if (next_random(random) % 2)
			pack.size = CHUTE_PACK_MIXED;
		if (at + sizeof(pack) <= v->ring.size)
			memcpy(v->image.data + at, &pack, sizeof(pack));
	}
}

static void fill(void *words, size_t size, __u64 *random)
{
	__u64 *word = words;
	size_t i;

	for (i = 0; i < size / sizeof(*word); i++)
		word[i] = next_random(random);
}

static void victim_make(struct victim *v, __u64 *random)
{
	struct chute_producer_page *page = v->ring.producer;
	unsigned long cons_pos = next_random(random) & ~7UL;

	if (next_random(random) % 2)
		cons_pos >>= next_random(random) % 64;
	image_make(&v->image, cons_pos & ~7UL, random);
	if (next_random(random) % 2)
		add_packs(v, random);
	memset(page, 0, sizeof(*page));
	/* Who claims to be there costs a look at /proc each. */
	if (next_random(random) % 16 == 0)
		fill(page, sizeof(*page), random);
	memcpy(v->ring.data, v->image.data, v->ring.size);
	page->producer_pos = v->image.prod_pos;
	v->ring.consumer->consumer_pos = v->image.cons_pos;
	if (next_random(random) % 32 == 0)
		v->ring.consumer->consumer_pos ^= 1 + next_random(random) % 7;
}

/* ---- the verbs ---- */

/* Run one in this process, with its output thrown away. Returns the exit status. */
static int verb(int (*run)(int argc, char **argv), const char *const *args)
{
	char *argv[8] = { (char *)(unsigned long)"verb" };
	int argc = 1;

	for (; *args; args++)
		argv[argc++] = (char *)(unsigned long)*args;
	optind = 0;
	return run(argc, argv);
}

#define VERB(run, ...) verb(run, ((const char *const[]){ __VA_ARGS__, NULL }))

static int ignore(const void *payload, __u32 size, void *ctx)
{
	(void)payload;
	(void)size;
	(void)ctx;
	return 0;
}

/* Does a consumer get through all that is pending? */
static bool drains(const struct victim *v)
{
	struct chute_consumer *consumer = chute_consumer_open(v->fd);
	unsigned long pos, prod_pos = v->ring.producer->producer_pos;
	long ret;

	assert_non_null(consumer);
	do {
		pos = v->ring.consumer->consumer_pos;
		ret = chute_drain(consumer, ignore, NULL, CHUTE_NO_WAKEUP);
	} while (ret >= 0 && v->ring.consumer->consumer_pos != pos);
	chute_consumer_close(consumer);
	return ret >= 0 && v->ring.consumer->consumer_pos == prod_pos;
}

static void look_at(struct victim *v)
{
	unsigned long ahead = v->ring.producer->producer_pos - v->ring.consumer->consumer_pos;
	bool ordered = v->ring.producer->producer_pos >= v->ring.consumer->consumer_pos;
	int status, check;

	status = VERB(tool_dump, v->name, "--messages", "--json");
	assert_in_range(status, 0, 1);
	if (number % 4 == 0)
		assert_int_equal(VERB(tool_dump, v->name, "--messages"), status);
	if (number % 4 == 1)
		assert_int_equal(VERB(tool_dump, v->name, "--full"), status);
	check = VERB(tool_check, v->name, "--json");
	assert_in_range(check, 0, 1);
	if (number % 4 == 2)
		assert_int_equal(VERB(tool_check, v->name), check);
	/* What dump can't get through, check has to name. */
	if (status)
		assert_int_equal(check, 1);
	assert_int_equal(VERB(tool_stat, v->name, "--json"), 0);
	assert_int_equal(VERB(tool_replay, v->name), 0);
	v->ring.consumer->drainer = 0;
	/* From more than a lap ahead a drain may go round and come through by luck. */
	if (ahead > v->ring.size && ordered)
		assert_int_equal(check, 1);
	else
		assert_int_equal(check, !drains(v));
}

static void silence(int *out, int *err)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(NULL);
	*out = dup(STDOUT_FILENO);
	*err = dup(STDERR_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

static void unsilence(int out, int err)
{
	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
}

static void verbs_that_look_take_any_image(void **state)
{
	const __u64 images = setting("CHUTE_IMAGES", IMAGES);
	static const size_t sizes[] = { 4096, 8192, 65536 };
	struct victim victims[3];
	__u64 random;
	int out, err;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		victim_open(&victims[i], sizes[i]);
	silence(&out, &err);
	for (number = 0; number < images; number++) {
		random = seed + number * 0x632be59bd9b4e019ULL;
		/* Where it was when it went wrong. */
		if (number % 1000 == 0)
			dprintf(err, "# image %llu\n", (unsigned long long)number);
		i = number % 8 == 7 ? 2 : number % 2;
		victim_make(&victims[i], &random);
		look_at(&victims[i]);
	}
	unsilence(out, err);
	for (i = 0; i < 3; i++)
		victim_close(&victims[i]);
}

/* Each loads a BPF program and makes a map: so a few only. */
static void the_kernel_and_we_make_the_same_of_them(void **state)
{
	struct victim victim;
	int out, err, status;
	__u64 random;

	(void)state;
	need_bpf();
	if (!HAVE_BPF_PROGRAMS)
		skip_because("built without the BPF programs");
	victim_open(&victim, 8192);
	silence(&out, &err);
	for (number = 0; number < 200; number++) {
		random = seed + number * 0xd1342543de82ef95ULL;
		victim_make(&victim, &random);
		victim.ring.consumer->consumer_pos &= ~7UL;
		status = VERB(tool_replay, victim.name, "--kernel");
		if (status) {
			unsilence(out, err);
			fail_msg("image %llu: exit %d", (unsigned long long)number, status);
		}
	}
	unsilence(out, err);
	victim_close(&victim);
}

/* The tool's own main() is linked, too. */
int __wrap_main(void);

int __wrap_main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_that_look_take_any_image),
		cmocka_unit_test(the_kernel_and_we_make_the_same_of_them),
	};

	return cmocka_run_group_tests_name("tool_hostile", tests, set_up, NULL);
}
