/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c: handles: options, the ways to name a ring, and the end of a handle.
 */
#include "fail.h"
#include "ring/bpf.h"
#include "opts.h"
#include "producer/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int chute_opts_read(struct chute_opts *out, const struct chute_opts *in)
{
	if (!chute_opts_ok(in, sizeof(*out)))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	if (in)
		memcpy(out, in, in->sz < sizeof(*out) ? in->sz : sizeof(*out));
	out->sz = sizeof(*out);
	if (out->flags & ~(CHUTE_NO_SPIN | CHUTE_KICK | CHUTE_SHARED | CHUTE_RECOVER | CHUTE_FORCE))
		return -EINVAL;
	if (!out->spin_ns)
		out->spin_ns = CHUTE_SPIN_NS;
	return 0;
}

typedef int ring_mapper(struct chute_ring *ring, int fd);

static struct chute *open_ring(ring_mapper *map, int fd, const struct chute_opts *user_opts)
{
	struct chute_producer *p;
	struct chute_opts opts;
	struct chute_ring ring;
	int err;

	err = chute_opts_read(&opts, user_opts);
	if (err)
		goto fail;
	err = map(&ring, fd);
	if (err)
		goto fail;
	p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);
	err = p ? chute_producer_init(p, &ring, &opts) : -ENOMEM;
	if (!err)
		return &p->fast;
	free(p);
	chute_ring_unmap(&ring);
fail:
	return chute_fail(-err);
}

/* The ring has a descriptor of its own; this one, which we opened, is not needed. */
static struct chute *open_map_and_close(int fd, const struct chute_opts *opts)
{
	struct chute *c;
	int err;

	if (fd < 0)
		return chute_fail(-fd);
	c = chute_open_map(fd, opts);
	err = errno;
	close(fd);
	errno = err;
	return c;
}

struct chute *chute_open_map(int map_fd, const struct chute_opts *opts)
{
	return open_ring(chute_ring_map, map_fd, opts);
}

struct chute *chute_open_path(const char *bpffs_path, const struct chute_opts *opts)
{
	return open_map_and_close(chute_bpf_map_by_path(bpffs_path, 0), opts);
}

struct chute *chute_open_id(__u32 map_id, const struct chute_opts *opts)
{
	return open_map_and_close(chute_bpf_map_by_id(map_id), opts);
}

struct chute *chute_open_memory(int fd, const struct chute_opts *opts)
{
	return open_ring(chute_ring_map_memory, fd, opts);
}

void chute_close(struct chute *c)
{
	struct chute_producer *p = chute_producer_of(c);

	if (!c)
		return;
	chute_producer_fini(p);
	chute_ring_unmap(&p->ring);
	free(p);
}
