/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/inspect.h: find rings, and look into one without consuming.
 *
 * Nothing here changes a ring, takes a lock or wakes anyone.
 */
#ifndef CHUTE_INSPECT_H
#define CHUTE_INSPECT_H

#include <chute/drain.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The longest name that the kernel keeps of a map; longer ones are cut. */
#define CHUTE_MAP_NAME_MAX 15

struct chute_map_info {
	size_t sz;  /* the caller's sizeof(struct chute_map_info); no more than that is written */
	__u32 id;   /* 0 starts a walk */
	__u32 size; /* bytes of data */
	char name[CHUTE_MAP_NAME_MAX + 1];
};

/*
 * The next user ring buffer map of the machine: the one with the lowest id above
 * info->id. Maps that come and go meanwhile may or may not be seen.
 * Returns 0; -ENOENT after the last one; -EINVAL (bad @info), -EPERM (needs
 * CAP_SYS_ADMIN), or -errno as bpf(2) has it.
 */
int chute_map_next(struct chute_map_info *info);

/*
 * A descriptor of the map with that id, or of what is pinned at that path; close-on-exec.
 * It is the caller's, for chute_open_map(), chute_view_open_map() and chute_map_identify().
 * @mode is O_RDWR; or O_RDONLY for who may only read a pin, and only wants to identify it:
 * the kernel maps no memory of such a descriptor.
 * Return it, or -errno as bpf(2) has it: -ENOENT, -EPERM (an id needs CAP_SYS_ADMIN), -EACCES.
 */
int chute_map_by_id(__u32 id);
int chute_map_by_path(const char *bpffs_path, int mode);

/* Which map is it? Returns 0; -EINVAL (not a user ring buffer; bad info->sz), or -errno as
 * bpf(2) has it. */
int chute_map_identify(int map_fd, struct chute_map_info *info);

/*
 * A look at a ring through read-only mappings: of a map that a BPF program drains, of
 * a memory ring, or of an image that chute_view_save() made. What is seen may be any
 * moment's, and hostile: no call here reads outside the ring, waits or follows it
 * without end. A view may be used from any number of threads at once.
 */
struct chute_view;

/*
 * @fd stays the caller's, and may be closed; reading it must be permitted. NULL and
 * errno: EINVAL (no such ring), E2BIG, EBADF, EACCES, EPERM, EMFILE, ENOMEM. A memory
 * ring's file that is made shorter later raises SIGBUS in who looks, as mmap(2) says.
 */
struct chute_view *chute_view_open_map(int map_fd);
struct chute_view *chute_view_open_memory(int fd);
void chute_view_close(struct chute_view *view);

/* A look at the ring of a consumer, as long as that is open. */
const struct chute_view *chute_consumer_view(const struct chute_consumer *consumer);

/*
 * Where a ring stands, and what chute's producers have counted on it since it was
 * made. On a ring that only others produce on, such as libbpf, the counts stay 0.
 */
struct chute_stat {
	size_t sz;   /* the caller's sizeof(struct chute_stat); no more than that is written */
	size_t size; /* bytes of data */
	/* Both of one moment, unless `moving`: then consumer_pos is the older one. */
	unsigned long consumer_pos, producer_pos;
	size_t used;	  /* bytes between them, headers and padding included; at most size */
	__u64 records;	  /* reserved */
	__u64 discards;	  /* of those, discarded by their producer or, BUSY, by another one */
	__u64 full;	  /* reservations that found no space */
	__u64 blocked_ns; /* time that producers have waited for space, as far as it is over */
	__u64 takeovers;  /* of the producers' lock, from the dead */
	__u64 recovered;  /* records of the dead, discarded */
	__u32 producers;  /* handles open for producing, of live processes */
	__u32 blocked;	  /* threads of those that wait for space now */
	__u32 moving;	  /* the ring moves too fast to read both positions at once */
	__u32 counted;	  /* one of chute's producers has been here: the counts mean something */
};

/* Fills @stat. Returns 0, or -EINVAL (bad stat->sz). */
int chute_view_stat(const struct chute_view *view, struct chute_stat *stat);

enum chute_producer_state {
	CHUTE_PRODUCER_DEAD,
	CHUTE_PRODUCER_ALIVE,
	CHUTE_PRODUCER_FOREIGN, /* of other namespaces, and does not show whether it lives */
};

/* One of chute's producers on a ring. Those of others can't be seen. */
struct chute_producer_info {
	size_t sz;	 /* the caller's sizeof(struct chute_producer_info) */
	__u32 index;	 /* 0: a sole producer; more: one of many */
	__u32 pid;	 /* in its own pid namespace */
	__u32 state;	 /* enum chute_producer_state */
	__u32 blocked;	 /* its threads that wait for space now */
	__u32 elsewhere; /* it is of other namespaces, and its pid means nothing here */
};

/*
 * The producer with the lowest index not below info->index: start with 0, go on with
 * index + 1. Costs a look at /proc.
 * Returns 0; -ENOENT after the last one; -EINVAL (bad info->sz).
 */
int chute_view_producer(const struct chute_view *view, struct chute_producer_info *info);

/* What else a process may have, for a moment each time. */
enum chute_hold {
	CHUTE_HOLD_LOCK,  /* the lock of a ring's many producers */
	CHUTE_HOLD_DRAIN, /* chute_drain() is running there; memory rings only */
};

/*
 * Who has it now? Fills @info as chute_view_producer() does, with an index of 0. Returns
 * 0; -ENOENT where nobody has; -EINVAL (bad info->sz, no such thing).
 */
int chute_view_holder(const struct chute_view *view, enum chute_hold what,
		      struct chute_producer_info *info);

/* A record as it lies in a ring. */
struct chute_record {
	unsigned long pos;	/* where its header is */
	unsigned long next_pos; /* where the next one's is */
	const void *payload;
	__u32 size;  /* the payload's bytes */
	__u32 flags; /* CHUTE_BUSY, CHUTE_DISCARD */
};

/* The position of the first record that is not consumed. In a callback of
 * chute_drain(): of the record that the callback was given. */
unsigned long chute_consumer_pos(const struct chute_consumer *consumer);

/*
 * Look at the record whose header is at @pos: the consumer's position, or next_pos of
 * the one before. What is seen stays until it is consumed, so this is for who
 * knows that nobody drains meanwhile, or can do with a stale answer; it
 * never reads outside the ring.
 *
 * Returns 1 for a record, unfinished (CHUTE_BUSY) and discarded ones included; 0
 * when nothing is published there; -EINVAL, -E2BIG when a drain that came to
 * @pos would return that.
 */
int chute_peek(const struct chute_view *view, unsigned long pos, struct chute_record *record);

/*
 * The same, and copy the first @bytes bytes of the payload, or all where it is shorter,
 * to @copy. -EAGAIN if the record was consumed meanwhile, and what is copied may be
 * another one's: begin anew at the consumer's position. record->payload is then, and
 * always, the ring's own.
 */
int chute_view_read(const struct chute_view *view, unsigned long pos, struct chute_record *record,
		    void *copy, size_t bytes);

/*
 * Whose is an unfinished record? Fills @info as chute_view_producer() does. Returns 0;
 * -ENOENT where that is not known (it is not chute's, or its producer has left the
 * ring); -EINVAL (bad info->sz).
 */
int chute_view_record_producer(const struct chute_view *view, const struct chute_record *record,
			       struct chute_producer_info *info);

/*
 * Write an image of the ring to the empty regular file @fd: a file as
 * chute_memory_format() makes, with these positions, counters and data, and without
 * the names of its processes. Not of one moment if the ring moves meanwhile.
 * Returns 0, or -errno as write(2); -EINVAL if the file is not empty.
 */
int chute_view_save(const struct chute_view *view, int fd);

#ifdef __cplusplus
}
#endif

#endif /* CHUTE_INSPECT_H */
