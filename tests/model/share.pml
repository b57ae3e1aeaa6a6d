/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.pml: two producers that share a ring and are killed between any two steps, both
 * of them, and again when they have come back; and a consumer. What has been committed
 * arrives, once, whole and in its producer's order, and nobody waits for ever: not for
 * space, not for the lock of a dead one, not for what a dead one has not finished.
 *
 * The labels are those of src/producer/share.c, src/ring/record.h, src/consumer/drain.c and
 * chute(7). The ring is CELLS words, which become headers and payloads by turns. Each
 * process sees what the others do in the order in which they do it, which is what the
 * labels are for: a variant has two steps the other way round. Who waits does so until
 * what it would look at now and then is another.
 *
 * The consumer is chute_drain(), which heals; with -DKERNEL it is the kernel's, which
 * does not: producers that want space do, and in the end whoever comes next.
 *
 * Must fail:
 *   -DPOSITION_FIRST         P3: producer_pos moves before the header is there
 *   -DCOMMIT_FIRST           P4: the header is finished before the payload
 *   -DPOSITION_EARLY         D2: consumer_pos moves before the payload has been read
 *   -DUNLOCK_EARLY           S1: the lock is free before producer_pos has moved
 *   -DNO_TAKEOVER            the lock of the dead stays theirs
 *   -DTAKE_ANYWAY            it is taken, and so is that of the living
 *   -DNO_HEAL                what the dead have left stays
 *   -DHEAL_ANYWAY            it is discarded, and so is what the living have not finished
 *   -DHEAL_UNLOCKED          S2 without the lock
 *   -DNO_NAME                a header does not say whose it is
 *   -DNO_GENERATION          nor which of those that had the slot
 *   -DKERNEL -DNO_TAKEOVER   as above
 *   -DKERNEL -DNO_HEAL
 *   -DKERNEL -DHEAL_UNLOCKED
 *   -DKERNEL -DNO_GENERATION
 */
#define PRODUCERS 2
#define RECORDS 2 /* of a producer, lost ones included */
#define LIVES 2	  /* of a producer, at most */
#define DEATHS 3  /* in all, at most */
#define CELLS 5

/*
 * Words. A header: BUSY, DISCARD, the cells of its record, and, while it is BUSY, whose
 * it is. A payload's: who sent it, and its number.
 */
#define BUSY 128
#define DISCARD 64
#define PAYLOAD 32
#define cells(word) ((word) & 3)
#define slot_of(word) ((word) >> 2 & 1)
#define generation_of(word) ((word) >> 3 & 3)
#define number_of(word) ((word) & 3)
#define len(word) ((word) & ~(7 << 2)) /* chute_header.len; the rest is the pad */
#define header(flags) (size | (flags))
#ifdef NO_NAME
#define name 0
#else
#define name (slot << 2 | (generation[slot] & 3) << 3)
#endif
#define message (PAYLOAD | slot << 2 | number)
#define is_busy(word) (((word) & (BUSY | DISCARD)) == BUSY)

#define CONSUMER 7 /* in the lock; the producers' lives are 1 to 4 */
#define me (1 + slot + PRODUCERS * life)

byte word[CELLS];
byte consumer_pos, producer_pos;
byte lock; /* who holds it, or 0 */
byte owner[PRODUCERS], generation[PRODUCERS];
bit dead[8];
byte over; /* producers that neither live nor will come back */
bit committed[PRODUCERS * RECORDS];
byte next[PRODUCERS]; /* number that the consumer expects, or a later one */

/* Has whoever did not finish @word gone? */
#define owner_of(word) owner[slot_of(word)]
#ifdef NO_NAME
#define is_gone(word) false
#elif defined(HEAL_ANYWAY)
#define is_gone(word) true
#elif defined(NO_GENERATION)
#define is_gone(word) (!owner_of(word) || dead[owner_of(word)])
#else
#define is_gone(word) (!owner_of(word) || dead[owner_of(word)] || \
		       (generation[slot_of(word)] & 3) != generation_of(word))
#endif

#define head word[consumer_pos % CELLS]
#ifdef NO_HEAL
#define is_hindered false
#else
#define is_hindered (consumer_pos != producer_pos && is_busy(head) && is_gone(head))
#endif
#ifdef NO_TAKEOVER
#define may_take false
#elif defined(TAKE_ANYWAY)
#define may_take (lock != 0)
#else
#define may_take (lock && dead[lock])
#endif

/* S0: lock_take_over(), when it has been judged whose it is. */
inline take_over(self)
{
	if
	:: lock == seen -> lock = self
	:: else
	fi;
	seen = 0
}

inline take_lock(self)
{
	do
	:: atomic { !lock -> lock = self; break }
	:: atomic { may_take -> seen = lock };
		atomic {
			take_over(self);
			if
			:: lock == self -> break
			:: else
			fi
		}
	od
}

/* Without waiting. */
inline try_lock(self)
{
	if
	:: atomic { !lock -> lock = self }
	:: atomic { may_take -> seen = lock };
		atomic { take_over(self) }
	:: atomic { lock && !may_take -> skip }
	fi
}

/* discard_of_the_gone() */
inline discard()
{
	at = consumer_pos;
	do
	:: atomic { at < producer_pos && !(word[at % CELLS] & PAYLOAD) ->
			found = word[at % CELLS];
			if
			:: is_busy(found) && is_gone(found)
			:: else -> at = at + cells(found); found = 0
			fi
		};
		if
		:: atomic { found -> /* S2 */
				if
				:: len(word[at % CELLS]) == len(found) ->
					word[at % CELLS] = BUSY | DISCARD | cells(found)
				:: else
				fi;
				at = at + cells(found);
				found = 0
			}
		:: !found
		fi
	:: atomic { at >= producer_pos || word[at % CELLS] & PAYLOAD -> at = 0; break }
	od
}

inline heal()
{
#ifdef HEAL_UNLOCKED
	discard()
#else
	take_lock(me);
	discard();
	lock = 0 /* S1 */
#endif
}

inline make_header()
{
	word[pos % CELLS] = header(BUSY | name)
}

inline move_position()
{
	producer_pos = pos + size /* P3 */
}

/* chute_share_reserve(), again and again until there is space */
inline reserve()
{
	do
	::
		take_lock(me);
		atomic {
			pos = producer_pos;
			at = consumer_pos; /* C0 */
			if
			:: pos + size - at <= CELLS -> at = 0; break
			:: else -> pos = 0
			fi
		};
		lock = 0;
		if
		:: atomic { consumer_pos != at -> at = 0 }
		:: is_hindered -> heal()
		fi
	od;
#ifdef POSITION_FIRST
	move_position();
	make_header();
	lock = 0
#elif defined(UNLOCK_EARLY)
	make_header();
	lock = 0;
	move_position()
#else
	make_header();
	move_position();
	lock = 0 /* S1 */
#endif
}

inline write_payload()
{
	word[(pos + 1) % CELLS] = message;
	if
	:: size == 3 -> word[(pos + 2) % CELLS] = message
	:: size == 2
	fi
}

inline commit()
{
	d_step {
		word[pos % CELLS] = header(0); /* P4 */
		committed[slot * RECORDS + number] = 1
	}
}

active [PRODUCERS] proctype producer()
{
	byte slot = _pid, life, number, pos, at, found, seen;
	byte size = 2 + slot;

	do
	:: {
		owner[slot] = me; /* O2: whoever was there before is dead */
		generation[slot]++;
		do
		:: number < RECORDS ->
			if
			:: is_hindered -> heal() /* chute_share_look() */
			:: true
			fi;
			reserve();
#ifdef COMMIT_FIRST
			commit();
			write_payload();
#else
			write_payload();
			commit();
#endif
			atomic { number++; pos = 0 }
		:: number == RECORDS -> break
		od;
		generation[slot]++; /* O3 */
		owner[slot] = 0;
		break
	} unless {
		atomic {
			dead[me];
			pos = 0;
			at = 0;
			found = 0;
			seen = 0;
			if
			:: number < RECORDS -> number++
			:: else
			fi;
			life++;
			if
			:: life == LIVES || number == RECORDS -> break
			:: else
			fi
		}
	}
	od;
	over++
}

/* Of those that have a slot. */
active proctype killer()
{
	byte deaths;

	do
	:: atomic { deaths < DEATHS && owner[0] && !dead[owner[0]] -> dead[owner[0]] = 1; deaths++ }
	:: atomic { deaths < DEATHS && owner[1] && !dead[owner[1]] -> dead[owner[1]] = 1; deaths++ }
	:: over == PRODUCERS -> break
	od
}

/* A message comes neither twice nor late, and none is left out that was committed. */
inline deliver()
{
	d_step {
		seen = word[(at + 1) % CELLS];
		assert(seen & PAYLOAD);
		assert(cells(found) == 2 || word[(at + 2) % CELLS] == seen);
		assert(cells(found) == 2 + slot_of(seen));
		assert(number_of(seen) >= next[slot_of(seen)]);
		do
		:: next[slot_of(seen)] < number_of(seen) ->
			assert(!committed[slot_of(seen) * RECORDS + next[slot_of(seen)]]);
			next[slot_of(seen)]++
		:: else -> break
		od;
		next[slot_of(seen)]++;
		seen = 0
	}
}

active proctype consumer()
{
	byte at, found, seen, i;

	do
	:: atomic { consumer_pos != producer_pos -> at = consumer_pos; found = head }; /* D0, D1 */
		assert(!(found & PAYLOAD) && cells(found) >= 2);
		if
		:: atomic { found & DISCARD -> consumer_pos = at + cells(found); at = 0; found = 0 }
		:: is_busy(found) ->
			if
			:: atomic { head != found -> at = 0; found = 0 }
#ifdef KERNEL
			:: over == PRODUCERS && is_hindered ->
#else
			:: is_hindered && (!lock || may_take) ->
#endif
				try_lock(CONSUMER);
				if
				:: lock == CONSUMER -> discard(); lock = 0
				:: else
				fi
			fi
		:: !(found & (BUSY | DISCARD)) ->
#ifdef POSITION_EARLY
			consumer_pos = at + cells(found);
			deliver();
			atomic { at = 0; found = 0 }
#else
			deliver();
			atomic { consumer_pos = at + cells(found); at = 0; found = 0 } /* D2 */
#endif
		fi
	:: over == PRODUCERS && consumer_pos == producer_pos -> break
	od;
	for (i : 0 .. PRODUCERS * RECORDS - 1) {
		assert(!committed[i] || i % RECORDS < next[i / RECORDS])
	}
}
