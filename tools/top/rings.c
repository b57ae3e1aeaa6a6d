// SPDX-License-Identifier: BSD-2-Clause
/* rings.c: see rings.h. */
#include "top/rings.h"
#include "ring/list.h"
#include "top/screen.h"
#include "ring/truncated.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking ---- */

static void note(float *history, size_t count, double value)
{
	if (count == TOP_HISTORY)
		memmove(history, history + 1, (TOP_HISTORY - 1) * sizeof(*history));
	history[count == TOP_HISTORY ? TOP_HISTORY - 1 : count] = (float)value;
}

static void note_all(struct top_ring *ring)
{
	note(ring->in, ring->count, ring->rates.known ? ring->rates.bytes_in : -1);
	note(ring->out, ring->count, ring->rates.known ? ring->rates.bytes_out : -1);
	note(ring->fill, ring->count, ring->there ? sample_fill(&ring->now) : -1);
	if (ring->count < TOP_HISTORY)
		ring->count++;
}

struct glance {
	struct top_rings *rings;
	struct top_ring *ring;
};

static void look_closer(struct top_rings *rings, const struct chute_view *view)
{
	struct chute_producer_info info = { .sz = sizeof(info) };

	pending_count(view, PENDING_DEFAULT, &rings->pending);
	rings->producer_count = 0;
	for (; !chute_view_producer(view, &info); info.index++)
		if (rings->producer_count < TOP_PRODUCERS)
			rings->producers[rings->producer_count++] = info;
}

/* What may be cut short. */
static void look(void *ctx)
{
	struct glance *glance = ctx;

	sample_take(&glance->ring->now, glance->ring->ring.view);
	if (glance->rings->open == glance->ring)
		look_closer(glance->rings, glance->ring->ring.view);
}

void top_rings_look_at(struct top_rings *rings, struct top_ring *ring)
{
	struct glance glance = { rings, ring };

	ring->there = !ring_try(&ring->ring);
	if (ring->there) {
		ring->there = truncated_survive(look, &glance);
		ring_close(&ring->ring);
	}
	if (!ring->there)
		memset(&ring->now, 0, sizeof(ring->now));
}

static void look_at(struct top_rings *rings, struct top_ring *ring)
{
	ring->before = ring->now;
	top_rings_look_at(rings, ring);
	ring->rates = sample_rates(&ring->before, &ring->now);
	note_all(ring);
}

/* ---- which there are ---- */

static void *must(void *memory)
{
	if (!memory)
		top_screen_die("no memory");
	return memory;
}

static struct top_ring *new_ring(const char *given)
{
	struct top_ring *ring = must(calloc(1, sizeof(*ring)));

	ring->given = must(strdup(given));
	return ring;
}

static void free_ring(struct top_ring *ring)
{
	free(ring->given);
	free(ring);
}

static void add(struct top_rings *rings, struct top_ring *ring)
{
	const size_t bytes = (rings->count + 1) * sizeof(*rings->all);

	rings->all = must(realloc(rings->all, bytes));
	rings->shown = must(realloc(rings->shown, bytes));
	rings->all[rings->count++] = ring;
}

int top_rings_name(struct top_rings *rings, const char *given)
{
	struct top_ring *ring = new_ring(given);
	int status = ring_parse(&ring->ring, ring->given);

	if (!status)
		status = ring_look(&ring->ring);
	if (status) {
		free_ring(ring);
		return status;
	}
	ring_close(&ring->ring);
	rings->named = true;
	add(rings, ring);
	return 0;
}

static void found(const char *given, void *ctx)
{
	struct top_rings *rings = ctx;
	struct top_ring *ring;
	size_t i;

	for (i = 0; i < rings->count; i++)
		if (!strcmp(rings->all[i]->given, given))
			break;
	if (i < rings->count) {
		rings->all[i]->seen = true;
		return;
	}
	ring = new_ring(given);
	if (ring_parse(&ring->ring, ring->given) || ring_try(&ring->ring)) {
		free_ring(ring);
		return;
	}
	ring_close(&ring->ring);
	ring->seen = true;
	add(rings, ring);
}

static void search(struct top_rings *rings)
{
	size_t i;

	for (i = 0; i < rings->count; i++)
		rings->all[i]->seen = false;
	rings->no_maps = rings_find(found, rings);
}

static void forget_the_gone(struct top_rings *rings)
{
	size_t i, kept = 0;

	for (i = 0; i < rings->count; i++) {
		/* An open page says itself that its ring has gone. */
		if ((rings->all[i]->seen && rings->all[i]->there) || rings->all[i] == rings->open)
			rings->all[kept++] = rings->all[i];
		else
			free_ring(rings->all[i]);
	}
	rings->count = kept;
}

void top_rings_look(struct top_rings *rings)
{
	size_t i;

	if (!rings->named)
		search(rings);
	for (i = 0; i < rings->count; i++)
		look_at(rings, rings->all[i]);
	if (!rings->named)
		forget_the_gone(rings);
	top_rings_arrange(rings);
}

void top_rings_free(struct top_rings *rings)
{
	size_t i;

	for (i = 0; i < rings->count; i++)
		free_ring(rings->all[i]);
	free(rings->all);
	free(rings->shown);
}

/* ---- in which order ---- */

const char *top_order_name(enum top_order order)
{
	static const char *const names[] = { "name", "size", "fill", "in", "out" };

	return names[order];
}

static int by_name(const struct top_ring *a, const struct top_ring *b)
{
	bool map_a = a->ring.kind == RING_MAP, map_b = b->ring.kind == RING_MAP;

	if (map_a && map_b && a->ring.id != b->ring.id)
		return a->ring.id < b->ring.id ? -1 : 1;
	return map_a != map_b ? map_b - map_a : strcmp(a->given, b->given);
}

static double measure(const struct top_ring *ring, enum top_order order)
{
	switch (order) {
	case TOP_BY_SIZE:
		return (double)ring->now.stat.size;
	case TOP_BY_FILL:
		return sample_fill(&ring->now);
	case TOP_BY_IN:
		return ring->rates.bytes_in;
	default:
		return ring->rates.bytes_out;
	}
}

/* The most first, as who looks for trouble wants it. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct top_ring *one = *(struct top_ring *const *)a;
	const struct top_ring *two = *(struct top_ring *const *)b;
	const struct top_rings *rings = ctx;
	double x, y;
	int less;

	if (rings->order == TOP_BY_NAME)
		return rings->reverse ? by_name(two, one) : by_name(one, two);
	x = measure(one, rings->order);
	y = measure(two, rings->order);
	less = x == y ? 0 : x > y ? -1 : 1;
	if (!less)
		return by_name(one, two);
	return rings->reverse ? -less : less;
}

static bool matches(const struct top_rings *rings, const struct top_ring *ring)
{
	return !*rings->filter || strcasestr(ring->given, rings->filter) ||
	       (ring->ring.kind == RING_MAP && strcasestr(ring->ring.map_name, rings->filter));
}

void top_rings_arrange(struct top_rings *rings)
{
	size_t i;

	rings->shown_count = 0;
	for (i = 0; i < rings->count; i++)
		if (matches(rings, rings->all[i]))
			rings->shown[rings->shown_count++] = rings->all[i];
	if (rings->shown_count)
		qsort_r(rings->shown, rings->shown_count, sizeof(*rings->shown), compare, rings);
}
