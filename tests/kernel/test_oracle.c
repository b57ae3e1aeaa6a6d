// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_oracle: the kernel's drain and chute_drain() get the same random ring
 * images and must do the same: return value, callbacks' sizes and bytes,
 * consumer_pos and wake-up; and neither may change the data. So must they with rings
 * that dead producers have left, and when those have been mended.
 *
 * CHUTE_SEED      where the random numbers start; else drawn, and printed
 * CHUTE_IMAGES    how many; 0: without end, until SIGINT or SIGTERM
 * CHUTE_FIRST     the first one's number; an image depends on the seed and on its
 *                 number alone
 */
#include "support.h"

#include "child.h"
#include "crash.h"
#include "image.h"
#include "outcome.h"
#include "owner.h"
#include "runner.h"

#include <chute/drain.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define IMAGES	      4000
#define CRASHES	      2000
#define IMAGES_ENOUGH 2000 /* for every outcome to be expected */

static struct bench {
	struct runner *kernel, *user;
	struct image image;
} benches[4];

#define BENCHES (sizeof(benches) / sizeof(benches[0]))

static unsigned long counts[OUTCOMES];
static __u64 seed, number;
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static __u64 setting(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static __u64 draw_seed(void)
{
	__u64 drawn = (__u64)now_ns();

	if (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
		drawn ^= (__u64)getpid();
	return drawn % 1000000000;
}

static void open_benches(void)
{
	static const unsigned int pages[] = { 1, 4, 16, 128 };
	size_t i, size;

	for (i = 0; i < BENCHES; i++) {
		size = pages[i] * (size_t)sysconf(_SC_PAGESIZE);
		benches[i].kernel = runner_open_kernel(size);
		benches[i].user = runner_open_user(size);
		image_init(&benches[i].image, size);
	}
}

/* The last one opened is closed first, as each keeps what the one before it found. */
static void close_benches(void)
{
	size_t i;

	for (i = BENCHES; i-- > 0;) {
		image_fini(&benches[i].image);
		runner_close(benches[i].user);
		runner_close(benches[i].kernel);
	}
}

static void load(const struct image *image, struct runner *r, __u64 noise)
{
	memcpy(r->ring.data, image->data, image->size);
	/* Between producer_pos and what a memory ring keeps on that page. */
	memset((char *)r->ring.producer + 8, (int)noise, 56);
	runner_publish(r, image->prod_pos);
}

static struct drained drain(struct runner *r, const struct oracle_order *order)
{
	struct drained d = { .order = *order, .log = r->written };

	*r->order = *order;
	d.ret = runner_drain(r);
	d.to_pos = runner_consumer_pos(r);
	d.woken = runner_woken(r);
	return d;
}

static struct oracle_order random_order(__u64 *random)
{
	static const __u64 flags[] = { 0,
				       0,
				       0,
				       0,
				       CHUTE_NO_WAKEUP,
				       CHUTE_NO_WAKEUP,
				       CHUTE_FORCE_WAKEUP,
				       CHUTE_NO_WAKEUP | CHUTE_FORCE_WAKEUP };
	struct oracle_order order = { .flags = flags[next_random(random) % 8] };

	if (next_random(random) % 32 == 0)
		order.flags |= 4ULL << next_random(random) % 62;
	if (next_random(random) % 5 == 0)
		order.stop_after = 1 + next_random(random) % 8;
	return order;
}

/* The first callback in which they differ, or how many there are. */
static __u32 same_callbacks(const struct oracle_log *a, const struct oracle_log *b)
{
	__u32 i;

	for (i = 0; i < a->count && i < b->count; i++)
		if (a->entries[i].size != b->entries[i].size ||
		    memcmp(a->bytes + a->entries[i].at, b->bytes + b->entries[i].at,
			   oracle_kept(a->entries[i].size)) != 0)
			break;
	return i;
}

static bool same_log(const struct oracle_log *a, const struct oracle_log *b)
{
	return a->count == b->count && a->used == b->used &&
	       !memcmp(a->entries, b->entries, a->count * sizeof(a->entries[0])) &&
	       !memcmp(a->bytes, b->bytes, a->used);
}

static void print_drained(const struct image *image, const char *who, const struct drained *d,
			  __u32 from)
{
	__u32 i, k;

	fprintf(stderr, "%s: returned %ld, %u callbacks, consumer_pos %#lx (%+ld), %s\n", who,
		d->ret, d->log->count, d->to_pos, (long)(d->to_pos - image->cons_pos),
		d->woken ? "woke" : "did not wake");
	for (i = from; i < d->log->count && i < from + 3; i++) {
		const struct oracle_entry *e = &d->log->entries[i];

		fprintf(stderr, "  callback %u: %u bytes:", i, e->size);
		for (k = 0; k < e->size && k < 16; k++)
			fprintf(stderr, " %02x", (unsigned char)d->log->bytes[e->at + k]);
		fprintf(stderr, "%s\n", e->size > 16 ? " ..." : "");
	}
}

static void disagree(const struct image *image, const struct drained *k, const struct drained *u,
		     const char *what)
{
	__u32 same = same_callbacks(k->log, u->log);

	fprintf(stderr, "image %llu of seed %llu: %s\n", number, seed, what);
	image_print(image, stderr);
	fprintf(stderr, "flags %#llx, the callback stops after %u (0: never)\n", k->order.flags,
		k->order.stop_after);
	fprintf(stderr, "the first %u callbacks are the same\n", same);
	print_drained(image, "kernel", k, same);
	print_drained(image, "chute_drain()", u, same);
	fprintf(stderr, "again: CHUTE_SEED=%llu CHUTE_FIRST=%llu CHUTE_IMAGES=1\n", seed, number);
	fail_msg("the kernel and chute_drain() disagree");
}

static void compare(const struct bench *b, const struct drained *k, const struct drained *u)
{
	const struct image *image = &b->image;

	if (k->ret != u->ret)
		disagree(image, k, u, "other return values");
	if (!same_log(k->log, u->log))
		disagree(image, k, u, "other callbacks");
	if (k->to_pos != u->to_pos)
		disagree(image, k, u, "another consumer_pos");
	if (k->woken != u->woken)
		disagree(image, k, u, "one woke and one did not");
	if (k->ret >= 0 && (__u32)k->ret != k->log->count)
		disagree(image, k, u, "the return value is not the number of callbacks");
	if (memcmp(b->kernel->ring.data, image->data, image->size) ||
	    memcmp(b->user->ring.data, image->data, image->size))
		disagree(image, k, u, "a drain has changed the data");
	if (runner_producer_pos(b->kernel) != image->prod_pos ||
	    runner_producer_pos(b->user) != image->prod_pos)
		disagree(image, k, u, "a drain has changed producer_pos");
}

static void drain_both(struct bench *b, __u64 *random)
{
	struct oracle_order order = random_order(random);
	struct drained k, u;
	__u64 noise = next_random(random);

	load(&b->image, b->kernel, noise);
	load(&b->image, b->user, noise);
	k = drain(b->kernel, &order);
	u = drain(b->user, &order);
	compare(b, &k, &u);
	outcome_count(&b->image, &k, counts);
	b->image.cons_pos = k.to_pos;
}

/* An image, and up to three more drains of what becomes of it. */
static void try_image(__u64 *random)
{
	/* The smaller ones are faster, and nearer to their limits. */
	static const unsigned char chosen[] = { 0, 0, 0, 0, 1, 1, 2, 3 };
	struct bench *b = &benches[chosen[next_random(random) % 8]];
	unsigned long pos;

	runner_place(b->kernel, next_random(random) % b->image.size & ~7UL);
	pos = runner_consumer_pos(b->kernel);
	chute_store_release(&b->user->ring.consumer->consumer_pos, pos);
	image_make(&b->image, pos, random);
	drain_both(b, random);
	while (next_random(random) % 2) {
		if (next_random(random) % 3)
			image_mend(&b->image, random);
		else
			image_break(&b->image, random);
		drain_both(b, random);
	}
}

static void print_counts(__u64 images)
{
	int o;

	print_message("# seed %llu: %llu images\n", seed, images);
	for (o = 0; o < OUTCOMES; o++)
		print_message("# %10lu  %s\n", counts[o], outcome_names[o]);
}

static void the_kernel_and_chute_drain_agree(void **state)
{
	__u64 count = setting("CHUTE_IMAGES", IMAGES), first = setting("CHUTE_FIRST", 0), random;
	__s64 told = now_ns();
	int o;

	(void)state;
	need_bpf();
	seed = setting("CHUTE_SEED", draw_seed());
	print_message("# seed %llu\n", seed);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	open_benches();
	for (number = first; (!count || number - first < count) && !stopped; number++) {
		/* The state of the image's own sequence, far from its neighbours'. */
		random = number;
		random = next_random(&random) ^ seed;
		random = next_random(&random);
		try_image(&random);
		if (!count && now_ns() - told > 60000000000LL) {
			print_counts(number - first + 1);
			told = now_ns();
		}
	}
	print_counts(number - first);
	close_benches();
	for (o = 0; o < OUTCOMES && number - first >= IMAGES_ENOUGH; o++)
		if (!counts[o])
			fail_msg("never reached: %s", outcome_names[o]);
}

/* ---- what a crash leaves ---- */

static unsigned long finds[CRASH_FINDS];

static int say_who(void *word)
{
	*(__u64 *)word = chute_owner_self();
	return 0;
}

/* A process that is no more. */
static __u64 some_dead(void)
{
	__u64 *word = mmap(NULL, sizeof(*word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	assert_ptr_not_equal(word, MAP_FAILED);
	assert_int_equal(in_child(say_who, word), 0);
	return *word;
}

/* The user's ring has become another one, and both are to be as it is. */
static void copy_user(struct bench *b)
{
	const size_t shared = offsetof(struct chute_producer_page, owner);
	struct chute_ring *user = &b->user->ring, *kernel = &b->kernel->ring;

	memcpy(b->image.data, user->data, b->image.size);
	b->image.prod_pos = runner_producer_pos(b->user);
	memcpy(kernel->data, user->data, b->image.size);
	memcpy((char *)kernel->producer + shared, (char *)user->producer + shared,
	       sizeof(*user->producer) - shared);
	runner_publish(b->kernel, b->image.prod_pos);
}

/* Both do the same, and it is what has to come. */
static long drain_after_crash(struct bench *b, struct crash *crash,
			      const struct oracle_order *order)
{
	struct drained k = drain(b->kernel, order), u = drain(b->user, order);

	compare(b, &k, &u);
	if (!crash_arrived(crash, k.log))
		disagree(&b->image, &k, &u, "that is not what was committed");
	b->image.cons_pos = k.to_pos;
	return k.ret;
}

static void try_crash(struct crash *crash, __u64 dead, __u64 *random)
{
	struct bench *b = &benches[next_random(random) % 2];
	const struct oracle_order all = { 0 };
	struct oracle_order some = random_order(random);
	bool recover = next_random(random) % 2;
	unsigned long off = next_random(random) % b->image.size & ~7UL;

	runner_place(b->kernel, off);
	b->image.cons_pos = runner_consumer_pos(b->kernel);
	chute_store_release(&b->user->ring.consumer->consumer_pos, b->image.cons_pos);
	runner_publish(b->user, b->image.cons_pos);
	image_make_noise(&b->image, random);
	memcpy(b->user->ring.data, b->image.data, b->image.size);
	crash_make(crash, &b->user->ring, dead, random);
	copy_user(b);
	drain_after_crash(b, crash, &some);
	crash_mend(crash, &b->kernel->ring, recover);
	crash_mend(crash, &b->user->ring, recover);
	memcpy(b->image.data, b->user->ring.data, b->image.size);
	b->image.prod_pos = runner_producer_pos(b->user);
	assert_true(drain_after_crash(b, crash, &all) >= 0);
	assert_int_equal(crash->arrived, crash->count);
	assert_int_equal(b->image.cons_pos, b->image.prod_pos);
	memset(&b->user->ring.producer->owner, 0,
	       sizeof(*b->user->ring.producer) - offsetof(struct chute_producer_page, owner));
}

static void they_agree_on_what_a_crash_leaves(void **state)
{
	static struct crash crash = { .finds = finds };
	__u64 random, dead;
	int f;

	(void)state;
	need_bpf();
	seed = setting("CHUTE_SEED", draw_seed());
	print_message("# seed %llu\n", seed);
	open_benches();
	dead = some_dead();
	for (number = 0; number < CRASHES; number++) {
		random = number ^ seed << 32;
		random = next_random(&random);
		try_crash(&crash, dead, &random);
	}
	close_benches();
	for (f = 0; f < CRASH_FINDS; f++) {
		print_message("# %10lu  %s\n", finds[f], crash_names[f]);
		if (!finds[f])
			fail_msg("never there: %s", crash_names[f]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_and_chute_drain_agree),
		cmocka_unit_test(they_agree_on_what_a_crash_leaves),
	};

	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
