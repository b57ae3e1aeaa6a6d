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
#include "fd.h"

#include <chute/atomic.h>

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
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
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET, .data.u64 = CHUTE_WATCHES };
	int err;

	err = chute_fd_own(epoll_create1(EPOLL_CLOEXEC));
	if (err < 0)
		return err;
	w->epoll_fd = err;
	if (!epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->ring->fd, &event))
		return 0;
	err = -errno;
	close(w->epoll_fd);
	w->epoll_fd = -1;
	return err;
}

void chute_wait_copy(struct chute_wait *copy, const struct chute_wait *w)
{
	/* Not what another thread may be about to learn. */
	*copy = (struct chute_wait){
		.ring = w->ring,
		.epoll_fd = -1,
		.spin_ns = w->spin_ns,
		.spin_now_ns = w->spin_ns,
		.sleepers = w->sleepers,
		.sleep_min_ns = w->sleep_min_ns,
		.sleep_max_ns = w->sleep_max_ns,
	};
	if (w->ring->backend == CHUTE_BACKEND_MAP)
		watch_map(copy);
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

/*
 * Are @bytes free from @head_pos on? By difference: positions wrap. A consumer that is
 * past @head_pos has seen other producers' records: that is for the caller to look at,
 * unless the ring says that nobody has moved on, and the positions can't be true.
 * libbpf's calls have no error for that: their time runs out.
 */
static bool has_space(const struct chute_wait *w, unsigned long head_pos, __u64 bytes)
{
	const struct chute_ring *ring = w->ring;
	/* C0: pairs with D2 (or the kernel's release of consumer_pos). After it
	 * the bytes below are ours to overwrite. */
	const unsigned long used = head_pos - chute_load_acquire(&ring->consumer->consumer_pos);

	if (used <= ring->size)
		return bytes <= ring->size - used;
	return !w->as_libbpf || chute_load_relaxed(&ring->producer->producer_pos) != head_pos;
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
 * Spin as long as the consumer moves at least once a spin_now_ns, until @good_bytes are
 * free or the deadline. True if @bytes are.
 */
static bool spin(struct chute_wait *w, unsigned long head_pos, __u64 bytes, __u64 good_bytes,
		 __s64 deadline_ns)
{
	const int pauses = pauses_between_looks(w->ring->size, bytes);
	unsigned long seen = chute_load_relaxed(&w->ring->consumer->consumer_pos), pos;
	__s64 now = chute_now_ns();
	__s64 end = now + w->spin_now_ns;
	const __s64 last = now + 16 * (__s64)w->spin_now_ns;
	int i;

	while (now < end && now < last && (deadline_ns < 0 || now < deadline_ns)) {
		for (i = 0; i < pauses; i++)
			chute_pause();
		if (has_space(w, head_pos, good_bytes)) {
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
	return has_space(w, head_pos, bytes);
}

/* Sleep without being told of anything. 0, or -EINTR. */
static int sleep_by_clock(const struct timespec *ts)
{
	return nanosleep(ts, NULL) ? -errno : 0;
}

/* A sandbox may not know epoll_pwait2() (Linux 5.11), and we must not spin. As that. */
static int poll_epoll(int epoll_fd, const struct timespec *ts, const sigset_t *mask)
{
	struct pollfd poll = { .fd = epoll_fd, .events = POLLIN };
	struct epoll_event event;
	int events = ppoll(&poll, 1, ts, mask);

	if (events > 0 && poll.revents & (POLLNVAL | POLLERR)) {
		errno = EBADF;
		return -1;
	}
	/* It may be somebody else's by now: that is seen here. */
	return events > 0 ? epoll_wait(epoll_fd, &event, 1, 0) : events;
}

/* 1 for an event, 0 when its time was up, -EINTR; for what is no epoll of ours any more
 * (a program that became a daemon has closed it) -EBADF or -EINVAL, at once. */
static int sleep_on_map(struct chute_wait *w, const struct timespec *ts)
{
	const sigset_t *mask = w->as_libbpf ? &w->mask : NULL;
	struct epoll_event event;
	int events;

	/* An event that came since the last call is still there: none is lost
	 * between the caller's look and this sleep. */
	events = (int)syscall(SYS_epoll_pwait2, w->epoll_fd, &event, 1, ts, mask, _NSIG / 8);
	if (events < 0 && (errno == ENOSYS || errno == EPERM))
		events = poll_epoll(w->epoll_fd, ts, mask);
	return events < 0 ? -errno : events;
}

/* As sleep_on_map(), of which @w tells whose errors are the caller's. */
static int sleep_for_space(struct chute_wait *w, unsigned long head_pos, __u64 bytes, __s64 ns)
{
	const struct timespec ts = chute_timespec(ns);
	__u32 *seq = &w->ring->consumer->space_seq, seen = 0;
	int saved = errno, told;

	if (w->ring->backend == CHUTE_BACKEND_MEMORY)
		seen = chute_load_relaxed(seq);
	if (w->sleepers) {
		/* W0: pairs with W1. Either we see the consumer's position, or it
		 * sees us. */
		chute_exchange(w->sleepers, 1U);
		if (has_space(w, head_pos, bytes))
			return 1;
	}
	if (w->ring->backend == CHUTE_BACKEND_MEMORY)
		return futex(seq, FUTEX_WAIT, seen, &ts);
	told = sleep_on_map(w, &ts);
	if (told < 0 && told != -EINTR && !w->as_libbpf)
		told = sleep_by_clock(&ts);
	errno = saved;
	return told;
}

static int sleep_until_space(struct chute_wait *w, unsigned long head_pos, __u64 bytes,
			     __s64 deadline_ns)
{
	__s64 bound = w->told ? w->sleep_max_ns : w->sleep_min_ns, left;
	int told;

	for (;;) {
		left = chute_left_ns(deadline_ns, bound);
		if (!left)
			return -ETIMEDOUT;
		pthread_testcancel();
		told = sleep_for_space(w, head_pos, bytes, left);
		w->told = told > 0;
		if (has_space(w, head_pos, bytes)) {
			spin_more(w, w->spin_ns / 16);
			return 0;
		}
		if (told < 0 && w->as_libbpf)
			return told;
		bound = longer(bound, w->sleep_max_ns);
	}
}

static void unblock(void *mask)
{
	pthread_sigmask(SIG_SETMASK, mask, NULL);
}

/* Our sleeps are bounded, and a signal must not get lost between two of them: they come
 * in a sleep only. */
static int sleep_as_libbpf(struct chute_wait *w, unsigned long head_pos, __u64 bytes,
			   __s64 deadline_ns)
{
	sigset_t all;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &w->mask);
	pthread_cleanup_push(unblock, &w->mask);
	err = sleep_until_space(w, head_pos, bytes, deadline_ns);
	pthread_cleanup_pop(1);
	/* It may have ended our sleep. */
	pthread_testcancel();
	return err;
}

int chute_wait_space(struct chute_wait *w, unsigned long head_pos, __u64 bytes, __s64 deadline_ns)
{
	/* What we would like to have: of few records, half of the ring is all that the
	 * consumer has to do meanwhile. */
	__u64 good_bytes = w->ring->size / 2;

	if (bytes >= w->ring->size / 8 || good_bytes < bytes)
		good_bytes = bytes;
	if (spin(w, head_pos, bytes, good_bytes, deadline_ns))
		return 0;
	return w->as_libbpf ? sleep_as_libbpf(w, head_pos, bytes, deadline_ns)
			    : sleep_until_space(w, head_pos, bytes, deadline_ns);
}

int chute_wait_data(const struct chute_ring *ring, bool (*ready)(void *arg), void *arg,
		    __s64 deadline_ns)
{
	__s64 bound = SLEEP_MIN_NS, left;
	struct timespec ts;
	__u32 seen;

	for (;;) {
		if (ready(arg))
			return 0;
		left = chute_left_ns(deadline_ns, bound);
		if (!left)
			return -ETIMEDOUT;
		pthread_testcancel();
		seen = chute_load_relaxed(&ring->producer->data_seq);
		/* K0: pairs with K1. Either we see what was published, or the kick
		 * sees us. */
		chute_exchange(&ring->producer->data_sleepers, 1U);
		if (ready(arg))
			return 0;
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
	if (!chute_exchange(&ring->producer->data_sleepers, 0U))
		return;
	/* K1: who has read the old value, and not slept yet, does not. */
	chute_fetch_add(&ring->producer->data_seq, 1U);
	futex(&ring->producer->data_seq, FUTEX_WAKE, 0x7fffffff, NULL);
}
