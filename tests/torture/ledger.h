/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger.h: who has sent what, in memory that all processes of the torture share, so
 * that it outlives each of them; and the messages, which tell who has sent them.
 *
 * A life is one thread of a producer, from its start to its end. It numbers its
 * messages, and notes each one when the call that finished it has returned. The
 * consumer holds what it gets against that.
 */
#ifndef CHUTE_TESTS_TORTURE_LEDGER_H
#define CHUTE_TESTS_TORTURE_LEDGER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* More messages than a ring of 64 KiB holds. */
#define DONE 4096

struct life {
	/* By the killer. */
	__u32 killed; /* set before it kills */
	__u32 tid;
	/* By the producer. */
	__u64 begun;	  /* messages that it has numbered */
	__u64 returned;	  /* those whose submit has returned */
	__u64 ops;	  /* calls that have come to their end: it gets on */
	__u32 done[DONE]; /* 1 + the number of a message whose submit has returned */
	/* By the consumer. */
	__u64 next; /* number that it expects */
	__u64 delivered;
};

struct ledger {
	__u32 stop;	/* producers come to their end */
	__u32 finished; /* so does the consumer, when it finds nothing more */
	__u64 delivered;
	__u64 lost;   /* submit had returned, and they did not come */
	__u64 torn;   /* not what they should be, or discarded by their producer */
	__u64 stolen; /* of a producer that lives, and skipped */
	__u64 twice;
	__u32 lives_max;
	struct life lives[];
};

struct ledger *ledger_make(__u32 lives);
void ledger_free(struct ledger *ledger);

/* The sizes of messages. */
#define MESSAGE_MIN 24U

/* Fill in @life's next message of @size bytes, and return its number. */
__u64 ledger_write(struct ledger *ledger, __u32 life, void *payload, __u32 size);

/* Fill in what must not be delivered. */
void ledger_write_discarded(struct ledger *ledger, __u32 life, void *payload, __u32 size);

/* The call that finished these messages has returned. */
void ledger_returned(struct ledger *ledger, __u32 life, __u64 first, __u64 count);

/* A record has been delivered. */
void ledger_take(struct ledger *ledger, const void *payload, __u32 size);

/* Nothing more will be delivered: count what is missing. */
void ledger_close(struct ledger *ledger, __u32 lives);

/* Of the first @lives. */
__u64 ledger_returned_count(const struct ledger *ledger, __u32 lives);

#endif
