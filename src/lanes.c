/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c: sets of rings, and which thread has which. A lane's handle is an
 * ordinary one; that it is free is known by opening it, which any process's sole
 * producer refuses. Turns are taken when a thread comes or goes, never to send.
 */
#include "ring/bpf.h"
#include "fd.h"
#include "opts.h"
#include "owner.h"
#include "ring/ring.h"

#include <chute/atomic.h>
#include <chute/lanes.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What a thread has: its lane, and the process that took it, for a child of fork()
 * has its parent's. */
struct seat {
	struct seat *next;
	struct chute_lanes *lanes;
	struct chute *handle;
	__u64 self;
};

struct chute_lanes {
	__u64 turn; /* for all below: the process of the thread that has it, or 0 */
	pthread_key_t key;
	struct chute_opts opts;
	int array_fd; /* ours, or -1 */
	int *fds;     /* ours; -1 where the array has none */
	unsigned int count;
	unsigned int start; /* where the next thread looks first */
	struct seat *seats;
};

/* Not a mutex: a child of fork() has a copy of it, and not the thread that would unlock
 * it. What that has begun to change is whole at any moment. */
static void turn_take(struct chute_lanes *lanes)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	const __u64 self = chute_owner_self();
	int saved = errno;
	__u64 seen;

	for (;;) {
		seen = chute_load_relaxed(&lanes->turn);
		/* J0: pairs with J1. */
		if (seen != self && chute_compare_exchange(&lanes->turn, &seen, self))
			break;
		nanosleep(&nap, NULL);
	}
	errno = saved;
}

static void turn_end(struct chute_lanes *lanes)
{
	/* J1: pairs with J0. */
	chute_store_release(&lanes->turn, (__u64)0);
}

static void seat_unlink(struct seat *seat)
{
	struct seat **link = &seat->lanes->seats;

	while (*link != seat)
		link = &(*link)->next;
	*link = seat->next;
}

static void seat_leave(void *arg)
{
	struct seat *seat = arg;
	struct chute_lanes *lanes = seat->lanes;

	turn_take(lanes);
	seat_unlink(seat);
	chute_close(seat->handle);
	turn_end(lanes);
	free(seat);
}

static struct chute_lanes *lanes_new(const struct chute_opts *opts, int array_fd)
{
	struct chute_lanes *lanes = calloc(1, sizeof(*lanes));
	int err;

	if (!lanes)
		return NULL;
	lanes->opts = *opts;
	lanes->array_fd = -1;
	err = pthread_key_create(&lanes->key, seat_leave);
	if (!err && array_fd >= 0) {
		lanes->array_fd = chute_fd_copy(array_fd);
		err = lanes->array_fd < 0 ? -lanes->array_fd : 0;
		if (err)
			pthread_key_delete(lanes->key);
	}
	if (err) {
		free(lanes);
		errno = err;
		return NULL;
	}
	return lanes;
}

struct chute_lanes *chute_lanes_open(const struct chute_opts *user_opts)
{
	struct chute_opts opts;

	if (chute_opts_read(&opts, user_opts)) {
		errno = EINVAL;
		return NULL;
	}
	return lanes_new(&opts, -1);
}

static int add_fd(struct chute_lanes *lanes, int fd)
{
	int *fds = malloc((lanes->count + 1) * sizeof(*fds)), *old = lanes->fds;

	if (!fds)
		return -ENOMEM;
	if (lanes->count)
		memcpy(fds, old, lanes->count * sizeof(*fds));
	fds[lanes->count] = fd;
	lanes->fds = fds;
	/* J1: pairs with J0. A child that is forked in between has the new ones, without
	 * the last. */
	chute_store_release(&lanes->count, lanes->count + 1);
	free(old);
	return 0;
}

/* The array's ring at @index: a descriptor, -ENOENT where there is none. */
static int array_ring(struct chute_lanes *lanes, __u32 index)
{
	__u32 id = 0;
	int err;

	err = chute_bpf_map_lookup(lanes->array_fd, &index, &id);
	return err ? err : chute_bpf_map_by_id(id);
}

/* See what the array has by now. Lanes that are there stay what they are. */
static int array_rescan(struct chute_lanes *lanes, __u32 size)
{
	__u32 i;
	int fd, err;

	for (i = 0; i < size; i++) {
		if (i < lanes->count && lanes->fds[i] >= 0)
			continue;
		fd = array_ring(lanes, i);
		if (fd < 0 && fd != -ENOENT)
			return fd;
		if (i < lanes->count) {
			lanes->fds[i] = fd < 0 ? -1 : fd;
			continue;
		}
		err = add_fd(lanes, fd < 0 ? -1 : fd);
		if (err) {
			if (fd >= 0)
				close(fd);
			return err;
		}
	}
	return 0;
}

static int array_size(int array_fd, __u32 *size)
{
	struct bpf_map_info info;
	int err;

	err = chute_bpf_map_info(array_fd, &info);
	if (!err && info.type != BPF_MAP_TYPE_ARRAY_OF_MAPS)
		err = -EINVAL;
	*size = info.max_entries;
	return err;
}

struct chute_lanes *chute_lanes_open_map(int array_fd, const struct chute_opts *user_opts)
{
	struct chute_lanes *lanes;
	struct chute_opts opts;
	__u32 size;
	int err;

	err = chute_opts_read(&opts, user_opts);
	if (!err)
		err = array_size(array_fd, &size);
	if (err) {
		errno = -err;
		return NULL;
	}
	lanes = lanes_new(&opts, array_fd);
	if (!lanes)
		return NULL;
	err = array_rescan(lanes, size);
	if (!err)
		return lanes;
	chute_lanes_close(lanes);
	errno = -err;
	return NULL;
}

void chute_lanes_close(struct chute_lanes *lanes)
{
	struct seat *seat;
	unsigned int i;

	if (!lanes)
		return;
	pthread_key_delete(lanes->key);
	while ((seat = lanes->seats)) {
		lanes->seats = seat->next;
		chute_close(seat->handle);
		free(seat);
	}
	for (i = 0; i < lanes->count; i++)
		if (lanes->fds[i] >= 0)
			close(lanes->fds[i]);
	if (lanes->array_fd >= 0)
		close(lanes->array_fd);
	free(lanes->fds);
	free(lanes);
}

/* Is it a ring at all? */
static int probe(int fd)
{
	struct chute_ring ring;
	int err;

	err = chute_ring_map_memory(&ring, fd);
	if (err == -EINVAL)
		err = chute_ring_map(&ring, fd);
	if (!err)
		chute_ring_unmap(&ring);
	return err;
}

int chute_lanes_add(struct chute_lanes *lanes, int fd)
{
	int own, err;

	err = probe(fd);
	if (err)
		return err;
	own = chute_fd_copy(fd);
	if (own < 0)
		return own;
	turn_take(lanes);
	err = add_fd(lanes, own);
	if (!err)
		err = (int)lanes->count - 1;
	turn_end(lanes);
	if (err < 0)
		close(own);
	return err;
}

unsigned int chute_lanes_count(struct chute_lanes *lanes)
{
	unsigned int count;

	turn_take(lanes);
	count = lanes->count;
	turn_end(lanes);
	return count;
}

static struct chute *open_lane(struct chute_lanes *lanes, unsigned int index)
{
	struct chute_opts opts = lanes->opts;
	struct chute *c;

	opts.side_index += index;
	c = chute_open_memory(lanes->fds[index], &opts);
	if (!c && errno == EINVAL)
		c = chute_open_map(lanes->fds[index], &opts);
	return c;
}

/* The first lane from `start` on that opens. */
static struct chute *find_lane(struct chute_lanes *lanes)
{
	struct chute *c = NULL;
	unsigned int i, index;
	int err = EBUSY;

	for (i = 0; i < lanes->count && !c; i++) {
		index = (lanes->start + i) % lanes->count;
		if (lanes->fds[index] < 0)
			continue;
		c = open_lane(lanes, index);
		if (c)
			lanes->start = index + 1;
		else if (errno != EBUSY)
			err = errno;
	}
	errno = err;
	return c;
}

static struct seat *take_seat(struct chute_lanes *lanes)
{
	struct seat *seat = malloc(sizeof(*seat));
	__u32 size;

	if (!seat)
		return NULL;
	seat->handle = find_lane(lanes);
	if (!seat->handle && lanes->array_fd >= 0 && !array_size(lanes->array_fd, &size) &&
	    !array_rescan(lanes, size))
		seat->handle = find_lane(lanes);
	if (!seat->handle) {
		free(seat);
		return NULL;
	}
	seat->lanes = lanes;
	seat->self = chute_owner_self();
	seat->next = lanes->seats;
	lanes->seats = seat;
	return seat;
}

struct chute *chute_lane(struct chute_lanes *lanes)
{
	struct seat *seat = pthread_getspecific(lanes->key);
	int saved = errno, err;

	if (seat && seat->self == chute_owner_self())
		return seat->handle;
	/* In a child of fork() the parent's seat stays in the list, for
	 * chute_lanes_close() to free the copy. */
	turn_take(lanes);
	seat = take_seat(lanes);
	turn_end(lanes);
	if (!seat)
		return NULL;
	err = pthread_setspecific(lanes->key, seat);
	if (err) {
		seat_leave(seat);
		errno = err;
		return NULL;
	}
	errno = saved;
	return seat->handle;
}

void chute_lane_leave(struct chute_lanes *lanes)
{
	struct seat *seat = pthread_getspecific(lanes->key);

	if (!seat)
		return;
	pthread_setspecific(lanes->key, NULL);
	seat_leave(seat);
}
