/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.c: who is alive. A process is called dead only on proof: its sign of life is
 * gone; or /proc, in the same namespaces, says that there is no such pid, or that it
 * started at another time, runs another program image, dumps core, or has no thread
 * that can run again. Doubt counts as alive.
 */
#include "owner.h"
#include "life.h"
#include "proc.h"

#include <chute/atomic.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* See owner.h. */
#define START_SHIFT  22
#define START_MASK   0x1fffULL
#define STACK_SHIFT  35
#define STACK_MASK   0x3ffULL
#define RANDOM_SHIFT 45
#define RANDOM_MASK  3ULL
#define LIFE	     (1ULL << 47)
#define NS_SHIFT     48
#define NS_MASK	     0xffffULL

/* ---- who we are ---- */

/*
 * In a page of its own, which the kernel empties in every child that has memory of its
 * own (madvise(2), MADV_WIPEONFORK), whatever has made it.
 */
struct identity {
	__u64 word;	   /* 0: not made yet */
	pid_t busy;	   /* the process of the thread that makes what follows, or 0 */
	bool known;	   /* what follows */
	bool shows_memory; /* /proc does: that of a live process is not 0 */
	__u64 facts;	   /* the word without what is random, or says that we live */
};

static struct identity *page;
static struct identity unwiped; /* where there is no such page: to be checked each time */
static const __u64 no_word;
const __u64 *chute_owner_word = &no_word;

static struct identity *new_page(void)
{
	struct identity *mine, *seen = NULL;
	const size_t size = sizeof(*mine);
	int saved = errno;

	mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mine != MAP_FAILED && madvise(mine, size, MADV_WIPEONFORK)) {
		munmap(mine, size);
		mine = MAP_FAILED;
	}
	errno = saved;
	if (mine == MAP_FAILED)
		mine = &unwiped;
	/* I0: pairs with I1. The page is as it has to be before anyone uses it. */
	if (chute_compare_exchange(&page, &seen, mine)) {
		/* Relaxed: who reads through it finds 0, or a word that is good. */
		if (mine != &unwiped)
			chute_store_relaxed(&chute_owner_word, &mine->word);
		return mine;
	}
	if (mine != &unwiped)
		munmap(mine, size);
	return seen;
}

/* execve() places the stack anew, if not told otherwise. */
static __u64 stack_hash(const struct chute_proc *proc)
{
	__u64 hash = proc->stack * 0x9e3779b97f4a7c15ULL >> 54;

	return proc->stack && !hash ? 1 : hash;
}

static void look_at_ourselves(struct identity *me)
{
	struct chute_proc proc = { 0 };
	pid_t pid = getpid();
	__u64 start;

	chute_proc_read(pid, &proc);
	start = proc.start & START_MASK;
	/* The first thread's memory is gone when it has ended. */
	if (chute_proc_read(0, &proc))
		proc = (struct chute_proc){ 0 };
	me->shows_memory = proc.has_memory;
	me->facts = (__u64)pid | start << START_SHIFT | stack_hash(&proc) << STACK_SHIFT |
		    (chute_proc_namespaces() & NS_MASK) << NS_SHIFT;
	/* I3: pairs with I4. */
	chute_store_release(&me->known, true);
}

/* The kernel draws AT_RANDOM's bytes anew at every execve() (getauxval(3)): they tell us
 * apart from what we were before. */
static __u64 make_word(const struct identity *me)
{
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
	__u64 bits = random ? (__u64)random[0] << 8 | random[1] : 0, word;

	word = me->facts | (bits & RANDOM_MASK) << RANDOM_SHIFT;
	/* Who shows that it lives need not say when it began. */
	bits = bits >> 2 & START_MASK;
	bits = (word & ~(START_MASK << START_SHIFT)) | bits << START_SHIFT | LIFE;
	/* Nobody sees the word before it is alive. */
	return chute_life_hold(bits) ? bits : word;
}

/* A handler of ours that came here while its thread is would wait for ever, and so would
 * the next thread, after one that was cancelled. */
static void enter(struct identity *me, sigset_t *signals, int *cancel)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	const pid_t pid = getpid();
	sigset_t all;
	pid_t seen;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, signals);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, cancel);
	for (;;) {
		seen = chute_load_relaxed(&me->busy);
		/* I2: pairs with I3. A thread of our parent's is not here to end what it
		 * has begun. */
		if (seen != pid && chute_compare_exchange(&me->busy, &seen, pid))
			return;
		nanosleep(&nap, NULL);
	}
}

static void leave(struct identity *me, const sigset_t *signals, int cancel)
{
	/* I3: pairs with I2. */
	chute_store_release(&me->busy, 0);
	pthread_setcancelstate(cancel, NULL);
	pthread_sigmask(SIG_SETMASK, signals, NULL);
}

/* What is known of us, and, if it is asked for, our word. */
static const struct identity *identity(bool word)
{
	int saved = errno, cancel;
	struct identity *me;
	sigset_t signals;

	/* I1: pairs with I0. */
	me = chute_load_acquire(&page);
	if (!me)
		me = new_page();
	if (me == &unwiped && chute_owner_pid(me->facts) != getpid()) {
		me->word = 0;
		chute_store_relaxed(&me->known, false);
	}
	/* I4: pairs with I3. */
	if (chute_load_acquire(&me->known) && (!word || chute_load_relaxed(&me->word)))
		return me;
	enter(me, &signals, &cancel);
	if (!me->known)
		look_at_ourselves(me);
	if (word && !me->word)
		chute_store_relaxed(&me->word, make_word(me));
	leave(me, &signals, cancel);
	errno = saved;
	return me;
}

__u64 chute_owner_self(void)
{
	/* I1: pairs with I0. */
	const struct identity *me = chute_load_acquire(&page);
	__u64 word = me ? chute_load_relaxed(&me->word) : 0;

	if (__builtin_expect(word && me != &unwiped, 1))
		return word;
	return chute_load_relaxed(&identity(true)->word);
}

/* ---- who others are ---- */

static bool same_namespaces(__u64 a, __u64 b)
{
	return a >> NS_SHIFT && a >> NS_SHIFT == b >> NS_SHIFT;
}

bool chute_owner_is_foreign(__u64 owner, __u64 self)
{
	return owner && owner != self && !same_namespaces(owner, self) && !(owner & self & LIFE);
}

bool chute_owner_is_elsewhere(__u64 owner)
{
	return !same_namespaces(owner, identity(false)->facts);
}

static bool pid_is_gone(pid_t pid)
{
	int saved = errno;
	bool gone = kill(pid, 0) && errno == ESRCH;

	errno = saved;
	return gone;
}

/* Is what has this pid now another process than @owner, or another program image? */
static bool is_another(__u64 owner, const struct chute_proc *proc)
{
	__u64 start = owner & LIFE ? 0 : owner >> START_SHIFT & START_MASK;
	__u64 stack = owner >> STACK_SHIFT & STACK_MASK, stack_now = stack_hash(proc);

	return (start && (proc->start & START_MASK) != start) ||
	       (stack && stack_now && stack_now != stack);
}

enum sight { GONE, ENDING, RUNNING };

/* Of a process in our namespaces: what does the system say of it? */
static enum sight look_at(__u64 owner, const struct identity *me)
{
	pid_t pid = chute_owner_pid(owner);
	struct chute_proc proc;

	/* Another process that had our pid, or ourselves before an execve(). */
	if (pid == chute_owner_pid(me->facts))
		return GONE;
	if (chute_proc_read(pid, &proc))
		return pid_is_gone(pid) ? GONE : RUNNING;
	if (is_another(owner, &proc))
		return GONE;
	/* A leader that left its other threads running is a zombie too. */
	if (chute_proc_is_ending(&proc, me->shows_memory))
		return proc.threads <= 1 ? GONE : ENDING;
	return chute_proc_dumps_core(pid) ? GONE : RUNNING;
}

enum chute_owner_state chute_owner_state(__u64 owner)
{
	enum chute_life life = CHUTE_LIFE_UNKNOWN;
	const struct identity *me;
	enum sight sight;
	bool near;

	if (!owner)
		return CHUTE_OWNER_DEAD;
	me = identity(false);
	if (owner == chute_load_relaxed(&me->word))
		return CHUTE_OWNER_ALIVE;
	near = same_namespaces(owner, me->facts);
	sight = near ? look_at(owner, me) : RUNNING;
	if (sight == GONE)
		return CHUTE_OWNER_DEAD;
	if (owner & LIFE)
		life = chute_life_look(owner);
	/* All of its threads may be ending, some time before the kernel shows it. */
	if (life == CHUTE_LIFE_OVER ||
	    (sight == ENDING && chute_proc_all_end(chute_owner_pid(owner), me->shows_memory)))
		return CHUTE_OWNER_DEAD;
	return near || life == CHUTE_LIFE_GOES_ON ? CHUTE_OWNER_ALIVE : CHUTE_OWNER_FOREIGN;
}

int chute_owner_refusal(enum chute_owner_state state)
{
	if (state == CHUTE_OWNER_DEAD)
		return 0;
	return state == CHUTE_OWNER_FOREIGN ? -EXDEV : -EBUSY;
}

int chute_owner_claim(__u64 *word, __u64 self)
{
	__u64 seen = chute_load_relaxed(word);
	int err;

	/* O0: pairs with O1. What the last owner wrote is visible to the next. */
	do {
		err = chute_owner_refusal(chute_owner_state(seen));
		if (err)
			return err;
	} while (!chute_compare_exchange(word, &seen, self));
	return 0;
}

void chute_owner_release(__u64 *word, __u64 self)
{
	__u64 seen = self;

	/* O1: pairs with O0. */
	chute_compare_exchange(word, &seen, (__u64)0);
}
