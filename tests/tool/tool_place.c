// SPDX-License-Identifier: BSD-2-Clause
/* tool_place.c: see tool_place.h. */
#include "tool_place.h"

#include <chute/drain.h>
#include <chute/inspect.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool place_in_memory = false, place_in_map = true;

/* Of a map of this process, by its descriptor: what its fdinfo says. */
static __u32 map_id(int fd)
{
	char path[64], line[128];
	__u32 id = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "map_id: %u", &id);
	fclose(file);
	assert_int_not_equal(id, 0);
	return id;
}

static void open_map(struct place *p, size_t size)
{
	kring_open(&p->k, size);
	p->fd = p->k.map_fd;
	snprintf(p->name, sizeof(p->name), "map:%u", map_id(p->fd));
	p->ring = p->name;
}

static void open_memory(struct place *p, size_t size)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", size);
	p->ring = tool_make_ring("place", text);
	p->fd = open(tool_ring_file(p->ring), O_RDWR | O_CLOEXEC);
	assert_true(p->fd >= 0);
}

void place_map(struct place *p)
{
	int err = p->in_map ? chute_ring_map(&p->bytes, p->fd)
			    : chute_ring_map_memory(&p->bytes, p->fd);

	assert_int_equal(err, 0);
}

void place_unmap(struct place *p)
{
	chute_ring_unmap(&p->bytes);
}

struct place *place_open(void **state, size_t size)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->in_map = *(bool *)*state;
	if (p->in_map)
		open_map(p, size);
	else
		open_memory(p, size);
	place_map(p);
	/* Not at 0, and so that something wraps. */
	place_put(p, (__u32)((size < 1 << 20 ? size : 1 << 20) - 40) | CHUTE_DISCARD);
	assert_int_equal(place_drain(p), 0);
	return p;
}

void place_close(struct place *p)
{
	place_unmap(p);
	if (p->in_map) {
		kring_close(&p->k);
	} else {
		close(p->fd);
		unlink(tool_ring_file(p->ring));
	}
	free(p);
}

struct chute *place_produce(const struct place *p, __u32 flags)
{
	const struct chute_opts opts = { .sz = sizeof(opts), .flags = flags };
	struct chute *c;

	c = p->in_map ? chute_open_map(p->fd, &opts) : chute_open_memory(p->fd, &opts);
	assert_non_null(c);
	return c;
}

void place_set_header(struct place *p, unsigned long pos, __u32 len)
{
	struct chute_header *header;

	header = (struct chute_header *)(p->bytes.data + (pos & (p->bytes.size - 1)));
	header->pad = 0;
	chute_store_release(&header->len, len);
}

void place_set_producer_pos(struct place *p, unsigned long pos)
{
	chute_store_release(&p->bytes.producer->producer_pos, pos);
}

unsigned long place_put(struct place *p, __u32 len)
{
	unsigned long pos = chute_load_relaxed(&p->bytes.producer->producer_pos);
	__u32 size = len & CHUTE_LENGTH_MASK;

	if (size >= sizeof(pos))
		memcpy(p->bytes.data + ((pos + 8) & (p->bytes.size - 1)), &pos, sizeof(pos));
	place_set_header(p, pos, len);
	place_set_producer_pos(p, pos + (unsigned long)chute_record_bytes(size));
	return pos;
}

static int write_down(const void *payload, __u32 size, void *ctx)
{
	struct place *p = ctx;
	struct written *w = &p->written[p->count];

	if (p->count == WRITTEN_MAX)
		return 1;
	*w = (struct written){ .size = size };
	memcpy(&w->first, payload, size < 8 ? size : 8);
	p->count++;
	return 0;
}

long place_drain(struct place *p)
{
	struct chute_consumer *consumer;
	long ret;

	p->count = 0;
	if (p->in_map) {
		ret = kring_drain_written(&p->k);
		memcpy(p->written, p->k.written, sizeof(p->written));
		p->count = ret > 0 ? (__u32)ret : 0;
		return ret;
	}
	consumer = chute_consumer_open(p->fd);
	assert_non_null(consumer);
	ret = chute_drain(consumer, write_down, p, 0);
	chute_consumer_close(consumer);
	return ret;
}

void place_run(struct tool_output *o, const char *const *args)
{
	char *line, *end;

	tool_run(o, "", 0, args);
	line = strstr(o->err, "not all processes may be looked into");
	if (!line)
		return;
	end = strchr(line, '\n') + 1;
	while (line > o->err && line[-1] != '\n')
		line--;
	memmove(line, end, strlen(end) + 1);
}
