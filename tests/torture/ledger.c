// SPDX-License-Identifier: BSD-2-Clause
/* ledger.c: see ledger.h. */
#include "ledger.h"

#include <chute/chute.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* All of it follows from the life, the number and the size. */
struct message {
	__u32 life;
	__u32 size;
	__u64 number;
	__u64 sum; /* of the three above, and of each byte behind it another */
	unsigned char bytes[];
};

#define DISCARDED (~0ULL)

_Static_assert(sizeof(struct message) == MESSAGE_MIN, "as the header says");

static size_t ledger_bytes(__u32 lives)
{
	return sizeof(struct ledger) + lives * sizeof(struct life);
}

struct ledger *ledger_make(__u32 lives)
{
	struct ledger *ledger = mmap(NULL, ledger_bytes(lives), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (ledger == MAP_FAILED)
		abort();
	ledger->lives_max = lives;
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	munmap(ledger, ledger_bytes(ledger->lives_max));
}

static __u64 mix(__u64 z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static __u64 sum_of(__u32 life, __u64 number, __u32 size)
{
	return mix(mix(life + 1) + number * 0x9e3779b97f4a7c15ULL + size);
}

/* Eight bytes at a time; the last ones may be fewer. */
static void fill(struct message *m, __u64 sum, __u32 bytes)
{
	__u32 at, n;
	__u64 word;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < 8 ? bytes - at : 8;
		word = sum + at;
		memcpy(m->bytes + at, &word, n);
	}
}

static bool is_filled(const struct message *m, __u64 sum, __u32 bytes)
{
	__u32 at, n;
	__u64 word;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < 8 ? bytes - at : 8;
		word = sum + at;
		if (memcmp(m->bytes + at, &word, n))
			return false;
	}
	return true;
}

static void write_message(void *payload, __u32 life, __u64 number, __u32 size)
{
	struct message *m = payload;
	__u64 sum = sum_of(life, number, size);

	m->life = life;
	m->size = size;
	m->number = number;
	fill(m, sum, size - MESSAGE_MIN);
	m->sum = sum;
}

__u64 ledger_write(struct ledger *ledger, __u32 life, void *payload, __u32 size)
{
	struct life *l = &ledger->lives[life];
	__u64 number = l->begun;

	chute_store_relaxed(&l->begun, number + 1);
	write_message(payload, life, number, size);
	return number;
}

void ledger_write_discarded(struct ledger *ledger, __u32 life, void *payload, __u32 size)
{
	(void)ledger;
	write_message(payload, life, DISCARDED, size);
}

void ledger_returned(struct ledger *ledger, __u32 life, __u64 first, __u64 count)
{
	struct life *l = &ledger->lives[life];
	__u64 i;

	for (i = first; i < first + count; i++)
		chute_store_relaxed(&l->done[i % DONE], (__u32)i + 1);
	chute_store_relaxed(&l->returned, l->returned + count);
	chute_store_relaxed(&l->ops, l->ops + 1);
}

/* Message @number of @l has been passed over: that is right if it was not finished
 * when its producer was killed. */
static void passed_over(struct ledger *ledger, struct life *l, __u64 number)
{
	if (chute_load_relaxed(&l->done[number % DONE]) == (__u32)number + 1)
		ledger->lost++;
	else if (!chute_load_relaxed(&l->killed))
		ledger->stolen++;
}

static void take_message(struct ledger *ledger, const void *payload, __u32 size)
{
	const struct message *m = payload;
	struct life *l;

	if (size < MESSAGE_MIN || m->size != size || m->life >= ledger->lives_max ||
	    m->number == DISCARDED || m->sum != sum_of(m->life, m->number, size) ||
	    !is_filled(m, m->sum, size - MESSAGE_MIN)) {
		ledger->torn++;
		return;
	}
	l = &ledger->lives[m->life];
	if (m->number < l->next) {
		ledger->twice++;
		return;
	}
	for (; l->next < m->number; l->next++)
		passed_over(ledger, l, l->next);
	l->next++;
	l->delivered++;
	chute_store_relaxed(&ledger->delivered, ledger->delivered + 1);
}

static bool take_run(struct ledger *ledger, const char *at, __u32 bytes, __u32 size)
{
	__u32 stride = chute_message_bytes(size);

	for (; bytes >= stride; bytes -= stride, at += stride)
		take_message(ledger, at, size);
	return !bytes;
}

static bool take_mixed(struct ledger *ledger, const char *at, __u32 bytes)
{
	const struct chute_message *message;
	__u32 stride;

	while (bytes) {
		message = (const struct chute_message *)at;
		stride = sizeof(*message) + ((message->len + 7) & ~7U);
		if (bytes < stride)
			return false;
		take_message(ledger, message + 1, message->len);
		bytes -= stride;
		at += stride;
	}
	return true;
}

void ledger_take(struct ledger *ledger, const void *payload, __u32 size)
{
	const struct chute_packed *pack = payload;
	const char *first = (const char *)(pack + 1);
	bool good;

	if (size < sizeof(*pack) || pack->magic != CHUTE_PACK_MAGIC) {
		take_message(ledger, payload, size);
		return;
	}
	good = pack->bytes == size - sizeof(*pack) &&
	       (pack->size == CHUTE_PACK_MIXED ? take_mixed(ledger, first, pack->bytes)
					       : take_run(ledger, first, pack->bytes, pack->size));
	ledger->torn += !good;
}

void ledger_close(struct ledger *ledger, __u32 lives)
{
	struct life *l;
	__u32 i;

	for (i = 0; i < lives; i++) {
		l = &ledger->lives[i];
		for (; l->next < l->begun; l->next++)
			passed_over(ledger, l, l->next);
	}
}

__u64 ledger_returned_count(const struct ledger *ledger, __u32 lives)
{
	__u64 count = 0;
	__u32 i;

	for (i = 0; i < lives; i++)
		count += ledger->lives[i].returned;
	return count;
}
