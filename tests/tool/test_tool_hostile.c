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

#include "image.h"
#include "ring/ring.h"

#include "cli/tool.h"

#include <chute/drain.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	seed = seed_of_run();
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

/* What went wrong, or NULL. */
static const char *look_at(struct victim *v)
{
	unsigned long ahead = v->ring.producer->producer_pos - v->ring.consumer->consumer_pos;
	bool ordered = v->ring.producer->producer_pos >= v->ring.consumer->consumer_pos;
	int status, check;

	status = VERB(tool_dump, v->name, "--messages", "--json");
	if (status > 1 || (number % 4 == 0 && VERB(tool_dump, v->name, "--messages") != status) ||
	    (number % 4 == 1 && VERB(tool_dump, v->name, "--full") != status))
		return "dump exits with something else";
	check = VERB(tool_check, v->name, "--json");
	if (check > 1 || (number % 4 == 2 && VERB(tool_check, v->name) != check))
		return "check exits with something else";
	if (status && !check)
		return "dump can't get through, and check does not say why";
	if (VERB(tool_stat, v->name, "--json") || VERB(tool_replay, v->name))
		return "stat or replay fails";
	v->ring.consumer->drainer = 0;
	/* From more than a lap ahead a drain may go round and come through by luck. */
	if (check != (ahead > v->ring.size && ordered ? true : !drains(v)))
		return "check does not say what a drain does";
	return NULL;
}

static const char *look_at_in_the_kernel(struct victim *v)
{
	v->ring.consumer->consumer_pos &= ~7UL;
	return VERB(tool_replay, v->name, "--kernel") ? "replay finds a difference" : NULL;
}

/* Look at so many images on a ring, and throw away what is said. Not by the descriptors:
 * what a sanitizer has to say must come through. */
static void look_at_images(struct victim *v, __u64 images, const char *(*look)(struct victim *v))
{
	FILE *null = fopen("/dev/null", "w"), *out = stdout, *err = stderr;
	const char *wrong = NULL;
	__u64 random;

	assert_non_null(null);
	stdout = stderr = null;
	for (number = 0; number < images && !wrong; number++) {
		random = seed + v->ring.size + number * 0x632be59bd9b4e019ULL;
		victim_make(v, &random);
		wrong = look(v);
	}
	stdout = out;
	stderr = err;
	fclose(null);
	if (wrong)
		fail_msg("image %llu of %zu bytes: %s", (unsigned long long)number - 1,
			 v->ring.size, wrong);
}

static void verbs_that_look_take_any_image(void **state)
{
	const __u64 images = setting("CHUTE_IMAGES", IMAGES);
	static const size_t sizes[] = { 4096, 8192, 65536 };
	struct victim v;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		victim_open(&v, sizes[i]);
		look_at_images(&v, i < 2 ? images * 7 / 16 : images / 8, look_at);
		victim_close(&v);
	}
}

/* Each loads a BPF program and makes a map: so a few only. */
static void the_kernel_and_we_make_the_same_of_them(void **state)
{
	struct victim v;

	(void)state;
	need_bpf();
	if (!HAVE_BPF_PROGRAMS)
		skip_because("built without the BPF programs");
	victim_open(&v, 8192);
	look_at_images(&v, 40, look_at_in_the_kernel);
	victim_close(&v);
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
