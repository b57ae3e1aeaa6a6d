/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake.pml: no wake-up is lost: a producer that waits for space is never left
 * asleep when the space is there, although the consumer drains DRAINS times and then
 * is quiet for ever, and although nothing bounds a sleep here.
 *
 * The labels are those of src/wait.c, include/chute/user.bpf.h and chute(7). A producer
 * sleeps on a futex (a memory ring: the words are struct chute_consumer_page's and
 * chute_producer_page's) or, with -DMAP, in epoll, whose edge stays until it is taken.
 * With -DMAP there are also two drains at a time, of which one gets -EBUSY, and one of a
 * program that knows nothing of these words. What is not here: a drain that took nothing
 * unlocks by a plain store, for it should cost next to nothing; a producer that it misses
 * looks for itself, after 10 ms.
 *
 * Each process has a store buffer for what it writes without a full barrier, as every
 * machine has: the drain's consumer_pos always, `sleepers` with -DPLAIN_STORE. Others
 * see such a store any time later, but not after its process's next full barrier.
 *
 * A kick is the same handshake in a memory ring, the other way round: the producer moves
 * producer_pos, and a consumer sleeps (K0, K1; data_sleepers and data_seq).
 *
 * Must fail:
 *   -DPLAIN_STORE              W0 is no full barrier
 *   -DLOOK_FIRST               W0 comes after the look
 *   -DNO_SECOND_LOOK           nothing is between W0 and the sleep
 *   -DMAP -DPLAIN_STORE        as above
 *   -DMAP -DNO_SECOND_LOOK
 *   -DMAP -DFORGET_BUSY        who can't wake does not put the sleeper back
 *   -DMAP -DLOOK_EARLY         the last look comes before the position has moved
 */
#define PRODUCERS 2
#ifdef MAP
#define CONSUMERS 2
#define DRAINS 2
#else
#define CONSUMERS 1
#define DRAINS 3
#endif
#define NEED 2 /* of the space that the drains make, one by one */

byte consumer_pos; /* what everyone sees */
bit sleepers;
byte space_seq;		   /* futex */
bit asleep[PRODUCERS];	   /* in FUTEX_WAIT */
bit edge[PRODUCERS];	   /* of each one's epoll */
bit busy;		   /* the kernel's, of a drain */
bit locked;		   /* ours, of struct chute_state */
byte drained;		   /* consumer_pos, the drain that holds `busy` knows it */
byte records = DRAINS;	   /* in the ring */

/* ---- the producer: sleep_for_space() ---- */

active [PRODUCERS] proctype producer()
{
	byte me = _pid, seen, pos;
	bit buffered = 0;

	do
	:: consumer_pos >= NEED -> break
	:: else ->
again:
		seen = space_seq;
#ifdef LOOK_FIRST
		pos = consumer_pos;
#endif
#ifdef PLAIN_STORE
		buffered = 1;
#else
		sleepers = 1; /* W0: full */
#endif
#ifndef LOOK_FIRST
		pos = consumer_pos;
#endif
#ifdef PLAIN_STORE
		sleepers = buffered; /* now the store buffer is written back */
		buffered = 0;
#endif
#ifndef NO_SECOND_LOOK
		if
		:: pos >= NEED -> break
		:: else
		fi;
#endif
#ifdef MAP
		edge[me] -> edge[me] = 0
#else
		atomic {
			if
			:: space_seq == seen -> asleep[me] = 1
			:: else
			fi
		}
		!asleep[me]
#endif
	od
}

/* ---- the consumer ---- */

inline wake_all()
{
	d_step {
		i = 0;
		do
		:: i < PRODUCERS ->
			asleep[i] = 0;
			edge[i] = 1;
			i++
		:: else -> break
		od;
		i = 0
	}
}

#ifndef MAP

/* chute_drain(), chute_wake_producers() */
active proctype consumer()
{
	byte n, i, buffered;
	bit old;

	for (n : 1 .. DRAINS) {
		/* D2 is a release: others may not see it before ... */
		buffered = n;
		if
		:: consumer_pos = buffered
		:: skip
		fi;
		/* W1: full. */
		atomic {
			consumer_pos = buffered;
			old = sleepers;
			sleepers = 0
		}
		if
		:: old ->
			space_seq++; /* W1 */
			wake_all()
		:: else
		fi
	}
}

#else

/* One bpf_user_ringbuf_drain() that takes a record if there is one; ebusy says that it
 * took none because another drain runs. The kernel's release of `busy` comes after its
 * store of consumer_pos. */
inline drain(forced, idle)
{
	took = 0;
	atomic {
		if
		:: busy -> ebusy = 1
		:: else -> ebusy = 0; busy = 1
		fi
	}
	if
	:: !ebusy ->
		if
		:: records > 0 -> records--; drained++; consumer_pos = drained; took = 1
		:: idle || records == 0
		fi;
		busy = 0;
		/* The wake-up is queued after the ring is given back. */
		if
		:: forced -> wake_all()
		:: else
		fi
	:: else
	fi
}

/* A program that drains by itself, with the kernel's own wake-ups: a record, or none. */
active proctype foreign()
{
	byte i;
	bit ebusy, took;

	drain(took, 1)
}

/* chute_user_drain(): consume() and over() */
active [CONSUMERS] proctype consumer()
{
	byte i;
	bit ebusy, took, wake, look;

	/* Together they take all records; who gets -EBUSY tries again some time. */
	do
	:: records > 0 || ebusy ->
		ebusy = 0;
		atomic {
			if
			:: locked -> goto next
			:: else -> locked = 1
			fi
		}
again:
		atomic { wake = sleepers; sleepers = 0 } /* W1: full */
#ifdef LOOK_EARLY
		look = sleepers;
#endif
		drain(wake, 0);
		if
		:: ebusy && wake ->
#ifndef FORGET_BUSY
			sleepers = 1
#endif
		:: else
		fi;
		locked = 0; /* W1: full */
#ifndef LOOK_EARLY
		look = sleepers;
#endif
		if
		:: look && !ebusy ->
			atomic {
				if
				:: !locked -> locked = 1; goto again
				:: else
				fi
			}
		:: else
		fi;
next:		skip
	:: records == 0 && !ebusy -> break
	od
}

#endif
