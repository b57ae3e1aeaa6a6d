/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chute/chute.h: send messages from user space into a BPF program.
 *
 * The producer's side of a user ring buffer: a BPF map of type
 * BPF_MAP_TYPE_USER_RINGBUF that a BPF program drains, or a memory ring of the
 * same layout that chute_drain() (chute/drain.h) drains. See chute(3).
 *
 * A handle (struct chute) belongs to one thread at a time: no two of its calls
 * may run at once. It is the ring's sole producer: a second one is refused with
 * EBUSY when it opens the ring, or, if it is not chute's, noticed when it has
 * moved the ring's producer position; the handle then refuses with EBUSY.
 *
 * Functions that return a pointer return NULL and set errno; those that return
 * an int return 0 or more, or -errno. The library never prints, never exits and
 * installs no signal handler. errno is left alone by calls that succeed.
 */
#ifndef CHUTE_H
#define CHUTE_H

#include <stddef.h>

#include <chute/atomic.h>
#include <chute/format.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The fast path is inline. The library defines CHUTE_INLINE as nothing in one
 * place, and so exports the same calls as functions, for other languages.
 */
#ifndef CHUTE_INLINE
#define CHUTE_INLINE static inline
#endif

/* A timeout that never comes. */
#define CHUTE_FOREVER (-1LL)

/*
 * What the fast path works on. Private: nothing here is for the caller.
 *
 * The fast path keeps one record open at a time, whose header is final from the
 * start: nobody looks at it before it is published. While a second one is
 * reserved beside it, the slow path marks both as busy.
 */
struct chute {
	unsigned long head_pos;	     /* the next record goes here */
	unsigned long limit_pos;     /* head_pos may come to here before we look at the consumer */
	unsigned long published_pos; /* where we left producer_pos */
	unsigned long staged_pos;    /* where the finished records end, if above published_pos */
	unsigned long *producer_pos; /* in the ring */
	char *data;
	unsigned long mask; /* data bytes - 1 */
	/* The open packed record (chute/pack.h): the next message's place; for a run,
	 * the messages' size and the last place for one; for a mixed record its end,
	 * the first message's size, and whether another one had another. Without an
	 * open record pack_next is above pack_last, and pack_end is NULL. */
	char *pack_next, *pack_last, *pack_end;
	__u32 pack_size, pack_varied;
};

/* chute_opts.flags */
#define CHUTE_NO_SPIN (1U << 0) /* a call that blocks sleeps at once, without spinning first */
#define CHUTE_KICK    (1U << 1) /* chute_send() kicks, every kick_every messages */
#define CHUTE_SHARED  (1U << 2) /* one of many producers; see below */
#define CHUTE_RECOVER (1U << 3) /* first mend what a producer that died has left behind */
#define CHUTE_FORCE   (1U << 4) /* the same, and take it from whoever has it; see below */

struct chute_opts {
	size_t sz; /* sizeof(struct chute_opts); what lies past a caller's size reads as 0 */
	__u32 flags;
	__u32 spin_ns; /* how long a blocked call spins before it sleeps; 0: the default, 5000 */
	/* A ring in a map: the descriptor of the array beside it that CHUTE_RING of
	 * chute/chute.bpf.h defines (NAME_side), whose program then wakes this producer
	 * whenever it sleeps, and only then. 0: none. Stays the caller's. */
	__u32 side_fd;
	/* A ring in a map: the descriptor of a SEC("syscall") program that drains it,
	 * for chute_kick(), and before each sleep for space. 0: none. Stays the caller's, open
	 * as long as the handle. */
	__u32 drain_prog_fd;
	__u32 kick_every; /* with CHUTE_KICK; 0: 1 */
	__u32 side_index; /* the element of side_fd's array that is this ring's */
};

/*
 * Many producers. With CHUTE_SHARED any number of threads, and up to 192 handles
 * of processes, in whatever containers, produce on one ring. The calls of
 * such a handle may run in any number of threads at once, but for those of
 * chute/pack.h and chute_close(): a thread that packs opens a handle of its own.
 * Each record is published by its reservation, and visible when it is finished;
 * records of one producer stay in its order. A process may be killed at any time:
 * what it had not finished is discarded by whoever is hindered by it: a producer that reserves
 * or waits, chute_kick(), or chute_drain(). While no process makes any such call,
 * nobody does. See chute(7).
 *
 * CHUTE_RECOVER mends the ring before it is used: unfinished records, such as a
 * producer leaves that is killed between reserve and submit, and what a drain
 * refuses, are discarded; finished records before them stay. It is refused with
 * EBUSY while a producer of chute's is alive, but for others with CHUTE_SHARED where it
 * is given with that: what those have open is spared, and so is what is no record. One
 * of libbpf's can't be seen.
 *
 * CHUTE_FORCE overrules what can't be proved, where a person knows better: it takes the
 * ring, its lock, its slots and its drain from all other processes that are named on it
 * (chute_view_producer() and chute_view_holder() tell whose they are), and mends it as
 * CHUTE_RECOVER does. One of them that lives after all, and goes on, destroys records.
 */

/*
 * Open the ring in a BPF map for producing, as its sole producer, or, with
 * CHUTE_SHARED, as one of many.
 *
 * The map is named by an open file descriptor (which stays the caller's, and
 * may be closed), by its path in a bpffs, or by its id (CAP_SYS_ADMIN; see
 * bpf(2)). @opts may be NULL. The handle is the caller's; chute_close() ends it.
 *
 * NULL and errno:
 *   EINVAL  not a BPF_MAP_TYPE_USER_RINGBUF, or bad @opts
 *   EBUSY   another live process, or another handle of this one, is its producer
 *   EUSERS  CHUTE_SHARED: 192 others are
 *   EXDEV   the same, perhaps: a process is there that is in other namespaces, and
 *           does not show whether it lives (see chute(7), OWNERS)
 *   EBADMSG the ring's positions can't be true: something overwrote them
 *   E2BIG   the mapping would overflow the address space
 *   EBADFD, EBADF, ENOENT, EPERM, EACCES, EMFILE, ENOMEM   as bpf(2), mmap(2)
 *           and epoll_create1(2) say
 */
struct chute *chute_open_map(int map_fd, const struct chute_opts *opts);
struct chute *chute_open_path(const char *bpffs_path, const struct chute_opts *opts);
struct chute *chute_open_id(__u32 map_id, const struct chute_opts *opts);

/*
 * Open a memory ring for producing: @fd is what chute_memory() returned, in
 * this process or in another one, or a file that chute_memory_format() made.
 * It stays the caller's, and may be closed. Needs no privilege.
 *
 * NULL and errno: EINVAL (not a memory ring, or bad @opts), EBUSY, EUSERS, EXDEV,
 * EBADMSG, E2BIG, EBADF, EACCES, EMFILE, ENOMEM as above.
 */
struct chute *chute_open_memory(int fd, const struct chute_opts *opts);

/*
 * Make a memory ring with @size bytes of data (a power of two and a multiple of
 * the page size, as for a map) in a new memfd that is called @name in /proc, and
 * return its file descriptor, which is the caller's. Its size is sealed: no
 * process that holds it can truncate it under another.
 *
 * chute_memory_format() makes one of an empty regular file, such as a new one in
 * /dev/shm. Blocks are allocated at once, so that a full file system shows here
 * and not as a SIGBUS later.
 *
 * Return the descriptor, 3 or above, or 0; -EINVAL (bad size, or the file is not empty),
 * -EOPNOTSUPP (a file system of huge pages), -ENOSPC, -EFBIG, -ENOMEM, -EMFILE, -EBADF.
 * A file that could not be formatted is left empty.
 */
int chute_memory(const char *name, size_t size);
int chute_memory_format(int fd, size_t size);

/*
 * Publish what is staged, give the ring back and free the handle. Records that
 * are reserved and not submitted are dropped, unless a later one was published:
 * those stay in the ring, unfinished, and hold its consumer up. NULL is fine.
 * In a child of fork() it frees the copy and leaves the ring alone.
 */
void chute_close(struct chute *c);

/* The bytes of data in the ring. Never changes. */
size_t chute_size(const struct chute *c);

/*
 * The longest payload that a record of this ring can have, in bytes: the ring's
 * size less the header, or what the kernel's consumer takes (CHUTE_PAYLOAD_MAX).
 */
__u32 chute_payload_max(const struct chute *c);

/*
 * Reserve a record with @size bytes of payload, 0 included. Returns the payload,
 * 8-byte aligned and contiguous, with whatever an earlier record left in it.
 * Finish it with chute_submit(), chute_discard() or chute_stage(). Never blocks
 * and makes no system call. Several records may be reserved at a time; the
 * consumer sees them in the order of the reservations.
 *
 * NULL and errno:
 *   E2BIG   @size is above chute_payload_max(): it can never fit
 *   ENOSPC  not enough space now (what was staged has been published)
 *   EBUSY   somebody else has produced on the ring. Final for this handle:
 *           what it had not published is lost, what it had is safe
 *   EBADMSG the consumer's position can't be true: a process that shares a memory
 *           ring has overwritten it
 */
CHUTE_INLINE void *chute_reserve(struct chute *c, __u32 size);

/*
 * The same, and wait up to @timeout_ns nanoseconds for space; CHUTE_FOREVER waits
 * without end, 0 is chute_reserve(). A signal does not shorten the wait, which is a
 * cancellation point (pthreads(7)): nothing is reserved then. It
 * notices space within 10 ms even if the consumer never wakes anyone
 * (BPF_RB_NO_WAKEUP). Time is CLOCK_MONOTONIC's.
 *
 * NULL and errno: as chute_reserve(), where ENOSPC says that the time is up;
 * EINVAL for any other negative @timeout_ns.
 */
void *chute_reserve_for(struct chute *c, __u32 size, __s64 timeout_ns);

/*
 * Finish a record: submit and discard publish it, and all that is staged; stage
 * leaves that to a later chute_submit(), chute_discard() or chute_publish().
 * Nothing that is staged is forgotten: a full ring, a call that blocks and
 * chute_close() publish first. @payload is what chute_reserve() returned, and
 * is no longer the caller's. If another producer was noticed, nothing is
 * published and the next chute_reserve() fails with EBUSY.
 */
CHUTE_INLINE void chute_submit(struct chute *c, void *payload);
CHUTE_INLINE void chute_discard(struct chute *c, void *payload);
CHUTE_INLINE void chute_stage(struct chute *c, void *payload);

/* Make all that is staged visible to the consumer, with one store. */
CHUTE_INLINE void chute_publish(struct chute *c);

/*
 * Reserve, copy @size bytes from @data and submit. Waits as chute_reserve_for().
 * With CHUTE_KICK in the options, every kick_every'th message is followed by a
 * chute_kick(), whose result does not matter here.
 * Returns 0, or -E2BIG, -ENOSPC, -EBUSY, -EBADMSG, -EINVAL.
 */
int chute_send(struct chute *c, const void *data, __u32 size, __s64 timeout_ns);

/*
 * Make a user ring buffer map with @size bytes of data and the given name (cut to
 * 15 characters), and return its file descriptor, which is the caller's; pin a
 * map's descriptor at a path in a bpffs. Needs CAP_BPF.
 * Return the descriptor, 3 or above, or 0; -EINVAL (bad size), or -errno as bpf(2) has it.
 */
int chute_map(const char *name, size_t size);
int chute_pin(int map_fd, const char *bpffs_path);

/* The bytes that are reserved and not yet consumed, headers and padding included. */
size_t chute_used(const struct chute *c);

/*
 * Make the consumer look now. Publishes what is staged and packed first.
 *
 * A ring in a map: runs the program of chute_opts.drain_prog_fd by
 * BPF_PROG_TEST_RUN (bpf(2)), in the calling thread, and returns what the program
 * returned. A memory ring: wakes its consumer from chute_drain_wait(), with a system
 * call only if it sleeps there, and returns 0; submitting alone does not wake it, and a
 * consumer that nobody tells looks for itself, within 10 ms. With CHUTE_SHARED it first
 * discards what the dead have left in the consumer's way, unless a call has just looked.
 *
 * -EOPNOTSUPP for a ring in a map without drain_prog_fd; -errno as bpf(2) has it.
 */
int chute_kick(struct chute *c);

/*
 * Reserve @count records of @size bytes each, with one check for space, all or
 * none. Returns the first payload; chute_batch_next() leads from each to the next.
 * Finish all of them at once, with chute_submit(), chute_stage() or chute_discard() of the
 * first; chute_batch_skip() before that drops one. NULL and errno: as chute_reserve() and
 * chute_reserve_for(); EINVAL for a @count of 0 or above CHUTE_BATCH_MAX.
 */
#define CHUTE_BATCH_MAX 2048
void *chute_reserve_batch(struct chute *c, __u32 count, __u32 size);
void *chute_reserve_batch_for(struct chute *c, __u32 count, __u32 size, __s64 timeout_ns);

static inline void *chute_batch_next(void *payload, __u32 size)
{
	return (char *)payload + chute_record_bytes(size);
}

static inline void chute_batch_skip(void *payload)
{
	struct chute_header *header = (struct chute_header *)payload - 1;
	__u32 len = chute_load_relaxed(&header->len);

	/* A BUSY one may be visible, and would be discarded now, with all of a
	 * batch that it stands for. */
	if (len & CHUTE_BUSY)
		chute_store_relaxed(&header->pad,
				    chute_load_relaxed(&header->pad) | CHUTE_PAD_SKIP);
	else
		chute_store_relaxed(&header->len, len | CHUTE_DISCARD);
}

/* ---- the fast path's insides ---- */

void *chute_reserve_slow(struct chute *c, __u32 size);
void chute_submit_slow(struct chute *c, void *payload);
void chute_discard_slow(struct chute *c, void *payload);
void chute_stage_slow(struct chute *c, void *payload);
void chute_publish_slow(struct chute *c);

/* Where the ring counts its records, in bytes from producer_pos. */
#define CHUTE_RECORDS_AT 280

/*
 * Each call checks by one look at producer_pos, which only we should move, that
 * it stands where this handle left it. A record is open if head_pos is above what
 * is published and staged. Whatever else is true (several open, another producer)
 * is the slow path's.
 */
CHUTE_INLINE void *chute_reserve(struct chute *c, __u32 size)
{
	unsigned long head_pos = c->head_pos;
	__u64 bytes = chute_record_bytes(size);
	struct chute_header *header;

	/* Nobody else is here, and nothing is open: all is published, or else staged. */
	if (__builtin_expect(chute_load_relaxed(c->producer_pos) != c->published_pos, 0))
		return chute_reserve_slow(c, size);
	if (__builtin_expect(head_pos != c->published_pos, 0) && head_pos != c->staged_pos)
		return chute_reserve_slow(c, size);
	if (__builtin_expect(bytes > c->limit_pos - head_pos, 0))
		return chute_reserve_slow(c, size);
	header = (struct chute_header *)(c->data + (head_pos & c->mask));
	/* Relaxed: nobody may look at it before P0 publishes it. */
	chute_store_relaxed(&header->len, size);
	c->head_pos = head_pos + (unsigned long)bytes;
	chute_count_alone((__u64 *)((char *)c->producer_pos + CHUTE_RECORDS_AT), 1);
	return header + 1;
}

CHUTE_INLINE void chute_submit(struct chute *c, void *payload)
{
	unsigned long head_pos = c->head_pos;

	if (__builtin_expect(chute_load_relaxed(c->producer_pos) != c->published_pos, 0)) {
		chute_submit_slow(c, payload);
		return;
	}
	c->published_pos = head_pos;
	/* P0: pairs with the drain's D0. The records below are visible before the
	 * position that lets them be read. */
	chute_store_release(c->producer_pos, head_pos);
}

CHUTE_INLINE void chute_discard(struct chute *c, void *payload)
{
	chute_discard_slow(c, payload);
}

CHUTE_INLINE void chute_stage(struct chute *c, void *payload)
{
	if (__builtin_expect(chute_load_relaxed(c->producer_pos) != c->published_pos, 0))
		chute_stage_slow(c, payload);
	else
		c->staged_pos = c->head_pos;
}

CHUTE_INLINE void chute_publish(struct chute *c)
{
	unsigned long staged_pos = c->staged_pos;

	if (__builtin_expect(chute_load_relaxed(c->producer_pos) != c->published_pos, 0)) {
		chute_publish_slow(c);
	} else if ((long)(staged_pos - c->published_pos) > 0) {
		c->published_pos = staged_pos;
		/* P0 */
		chute_store_release(c->producer_pos, staged_pos);
	}
}

#include <chute/pack.h>

#ifdef __cplusplus
}
#endif

#endif /* CHUTE_H */
