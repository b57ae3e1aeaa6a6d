/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c: spinning, epoll for maps, futexes for memory rings.
 *
 * The handshake (W0, W1), in a memory ring and with a BPF program that looks at
 * struct chute_side: a producer sets `sleepers`, looks
 * once more at consumer_pos, and only then sleeps; the consumer moves
 * consumer_pos and then takes `sleepers` back to 0. Both words are written by an
 * exchange, which is a full barrier, so at least one of the two sees the other.
 * `sleepers` is a flag and not a count: who is killed in its sleep costs one
 * needless wake-up, and not one for every drain from then on.
 */
#include "wait.h"
#include "ring/bpf.h"
#include "clock.h"

#include <chute/atomic.h>

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLEEP_MIN_NS (1 * CHUTE_NS_PER_MS)
#define SLEEP_MAX_NS (10 * CHUTE_NS_PER_MS)

/* The bound of the sleep after one of @bound. */
static __s64 longer(__s64 bound, __s64 max)
{
	return bound * 2 < max ? bound * 2 : max;
}

/* Leaves errno alone: that a sleep has ended, and how, is nobody's error. False if its
 * time was up. */
static bool futex(__u32 *word, int op, __u32 value, const struct timespec *timeout)
{
	int saved = errno;
	bool in_time;

	in_time = !syscall(SYS_futex, word, op, value, timeout, NULL, 0) || errno != ETIMEDOUT;
	errno = saved;
	return in_time;
}

int chute_wait_side(struct chute_wait *w, int side_fd, __u32 index)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at, end;
	struct bpf_map_info info;
	char *mapping;
	int err;

	err = chute_bpf_map_info(side_fd, &info);
	if (err)
		return err;
	/* A kprobe program has an array's type number, and its tag where the key's size is. */
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != sizeof(__u32) ||
	    !(info.map_flags & BPF_F_MMAPABLE) || info.value_size < sizeof(struct chute_side) ||
	    index >= info.max_entries)
		return -EINVAL;
	/* An array's elements are multiples of 8 bytes apart. */
	at = (size_t)index * ((info.value_size + 7) & ~7U);
	end = at + sizeof(struct chute_side);
	w->side_size = end - at / page * page;
	mapping = mmap(NULL, w->side_size, PROT_READ | PROT_WRITE, MAP_SHARED, side_fd,
		       (off_t)(at / page * page));
	if (mapping == MAP_FAILED)
		return -errno;
	w->side = mapping;
	w->sleepers = &((struct chute_side *)(mapping + at % page))->sleepers;
	return 0;
}

static int watch_map(struct chute_wait *w)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int err;

	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return -errno;
	if (!epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->ring->fd, &event))
		return 0;
	err = -errno;
	close(w->epoll_fd);
	w->epoll_fd = -1;
	return err;
}

int chute_wait_copy(struct chute_wait *copy, const struct chute_wait *w)
{
	*copy = *w;
	return w->epoll_fd < 0 ? 0 : watch_map(copy);
}

void chute_wait_copy_fini(struct chute_wait *copy)
{
	if (copy->epoll_fd >= 0)
		close(copy->epoll_fd);
}

int chute_wait_init(struct chute_wait *w, const struct chute_ring *ring, __u32 spin_ns)
{
	int err = 0;

	*w = (struct chute_wait){
		.ring = ring,
		.epoll_fd = -1,
		.spin_ns = spin_ns,
		.spin_now_ns = spin_ns,
		.sleep_min_ns = SLEEP_MIN_NS,
		.sleep_max_ns = SLEEP_MAX_NS,
	};
	if (ring->backend == CHUTE_BACKEND_MEMORY)
		w->sleepers = &ring->producer->sleepers;
	else
		err = watch_map(w);
	if (err)
		chute_wait_fini(w);
	return err;
}

void chute_wait_fini(struct chute_wait *w)
{
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	w->epoll_fd = -1;
	if (w->side)
		munmap(w->side, w->side_size);
	w->side = NULL;
}

/* Has the consumer come to @pos? By difference: positions wrap. */
static bool consumer_at(const struct chute_ring *ring, unsigned long pos)
{
	/* C0: pairs with D2 (or the kernel's release of consumer_pos). After it
	 * the bytes below are ours to overwrite. */
	return (long)(chute_load_acquire(&ring->consumer->consumer_pos) - pos) >= 0;
}

static void spin_more(struct chute_wait *w, __u32 ns)
{
	w->spin_now_ns = w->spin_ns - w->spin_now_ns < ns ? w->spin_ns : w->spin_now_ns + ns;
}

/*
 * Each look takes a line from the consumer, which writes it for each record: not too
 * often where records are short. But a small ring is empty soon after we should have
 * looked, and a drain that has ended costs its next beginning, and maybe an interrupt.
 */
static int pauses_between_looks(size_t ring_size, __u64 bytes)
{
	const size_t pauses = ring_size / 32768;

	return pauses < 1 || bytes > 4096 ? 1 : pauses < 32 ? (int)pauses : 32;
}

/*
 * Spin as long as the consumer moves at least once a spin_now_ns, until @good_pos
 * or the deadline. True if the consumer came to @need_pos.
 */
static bool spin(struct chute_wait *w, unsigned long need_pos, unsigned long good_pos, int pauses,
		 __s64 deadline_ns)
{
	unsigned long seen = chute_load_relaxed(&w->ring->consumer->consumer_pos), pos;
	__s64 now = chute_now_ns();
	__s64 end = now + w->spin_now_ns;
	const __s64 last = now + 16 * (__s64)w->spin_now_ns;
	int i;

	while (now < end && now < last && (deadline_ns < 0 || now < deadline_ns)) {
		for (i = 0; i < pauses; i++)
			chute_pause();
		if (consumer_at(w->ring, good_pos)) {
			spin_more(w, w->spin_now_ns);
			return true;
		}
		now = chute_now_ns();
		pos = chute_load_relaxed(&w->ring->consumer->consumer_pos);
		if (pos != seen) {
			seen = pos;
			end = now + w->spin_now_ns;
		}
	}
	w->spin_now_ns /= 2;
	return consumer_at(w->ring, need_pos);
}

/* False if its time was up. */
static bool sleep_on_map(struct chute_wait *w, __s64 ns)
{
	struct timespec ts = chute_timespec(ns);
	struct epoll_event event;
	int saved = errno;
	long events;

	/* An event that came since the last call is still there: none is lost
	 * between the caller's look and this sleep. EINTR is a look too many. */
	events = syscall(SYS_epoll_pwait2, w->epoll_fd, &event, 1, &ts, NULL, 0);
	if (events < 0 && errno != EINTR) {
		/* A sandbox may not know it (Linux 5.11), and we must not spin. */
		struct pollfd poll = { .fd = w->epoll_fd, .events = POLLIN };

		events = ppoll(&poll, 1, &ts, NULL);
		if (events > 0)
			epoll_wait(w->epoll_fd, &event, 1, 0);
	}
	errno = saved;
	return events > 0;
}

/* False if its time was up. */
static bool sleep_for_space(struct chute_wait *w, unsigned long need_pos, __s64 ns)
{
	struct timespec ts = chute_timespec(ns);
	__u32 *seq = &w->ring->consumer->space_seq, seen = 0;

	if (w->epoll_fd < 0)
		seen = chute_load_relaxed(seq);
	if (w->sleepers) {
		/* W0: pairs with W1. Either we see the consumer's position, or it
		 * sees us. */
		chute_exchange(w->sleepers, 1U);
		if (consumer_at(w->ring, need_pos))
			return true;
	}
	return w->epoll_fd < 0 ? futex(seq, FUTEX_WAIT, seen, &ts) : sleep_on_map(w, ns);
}

int chute_wait_space(struct chute_wait *w, unsigned long head_pos, __u64 bytes, __s64 deadline_ns)
{
	/* Where the consumer must come to, and where we would like it to. */
	unsigned long need_pos = head_pos + (unsigned long)bytes - w->ring->size;
	unsigned long good_pos = head_pos - w->ring->size / 2;
	__s64 bound = w->told ? w->sleep_max_ns : w->sleep_min_ns, left;

	/* Of few records, half of the ring is all that the consumer has to do meanwhile. */
	if (bytes >= w->ring->size / 8 || (long)(good_pos - need_pos) < 0)
		good_pos = need_pos;

	if (spin(w, need_pos, good_pos, pauses_between_looks(w->ring->size, bytes), deadline_ns))
		return 0;
	for (;;) {
		left = chute_left_ns(deadline_ns, bound);
		if (!left)
			return -ETIMEDOUT;
		w->told = sleep_for_space(w, need_pos, left);
		if (consumer_at(w->ring, need_pos)) {
			spin_more(w, w->spin_ns / 16);
			return 0;
		}
		bound = longer(bound, w->sleep_max_ns);
	}
}

int chute_wait_data(const struct chute_ring *ring, bool (*ready)(void *arg), void *arg,
		    __s64 deadline_ns)
{
	__s64 bound = SLEEP_MIN_NS, left;
	struct timespec ts;
	__u32 seen;

	for (;;) {
		/* K0: pairs with K1. Read before the look: a kick in between moves
		 * it, and the futex does not sleep. */
		seen = chute_load_acquire(&ring->producer->data_seq);
		if (ready(arg))
			return 0;
		left = chute_left_ns(deadline_ns, bound);
		if (!left)
			return -ETIMEDOUT;
		ts = chute_timespec(left);
		futex(&ring->producer->data_seq, FUTEX_WAIT, seen, &ts);
		bound = longer(bound, SLEEP_MAX_NS);
	}
}

void chute_wake_producers(const struct chute_ring *ring)
{
	/* W1: pairs with W0. The drain's positions are visible before it. */
	if (!chute_exchange(&ring->producer->sleepers, 0U))
		return;
	/* W1: who has read the old value, and not slept yet, does not. */
	chute_fetch_add(&ring->consumer->space_seq, 1U);
	futex(&ring->consumer->space_seq, FUTEX_WAKE, 0x7fffffff, NULL);
}

void chute_wake_consumer(const struct chute_ring *ring)
{
	/* K1: pairs with K0. What was published is visible before it. */
	chute_fetch_add(&ring->producer->data_seq, 1U);
	futex(&ring->producer->data_seq, FUTEX_WAKE, 0x7fffffff, NULL);
}
