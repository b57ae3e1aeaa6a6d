// SPDX-License-Identifier: BSD-2-Clause
/* report.c: what the torture has counted. */
#include "torture.h"

#include <stdio.h>

void report_add(struct report *report, const struct sink *sink, struct ledger *ledger, __u32 lives)
{
	const struct chute_producer_page *page = sink->ring.producer;
	__u32 i;

	ledger_close(ledger, lives);
	report->returned += ledger_returned_count(ledger, lives);
	for (i = 0; i < lives; i++)
		report->delivered += ledger->lives[i].delivered;
	report->lost += ledger->lost;
	report->torn += ledger->torn;
	report->stolen += ledger->stolen;
	report->twice += ledger->twice;
	report->takeovers += page->takeovers;
	report->recovered += page->recovered;
}

static void keep_longer(struct stall *a, const struct stall *b)
{
	if (b->ns > a->ns)
		a->ns = b->ns;
	if (b->clock_ns > a->clock_ns)
		a->clock_ns = b->clock_ns;
}

void report_merge(struct report *all, const struct report *part)
{
	all->kills += part->kills;
	all->returned += part->returned;
	all->delivered += part->delivered;
	all->lost += part->lost;
	all->torn += part->torn;
	all->stolen += part->stolen;
	all->twice += part->twice;
	all->takeovers += part->takeovers;
	all->recovered += part->recovered;
	all->stuck += part->stuck;
	keep_longer(&all->producers, &part->producers);
	keep_longer(&all->delivery, &part->delivery);
	if (part->pause_ns > all->pause_ns)
		all->pause_ns = part->pause_ns;
}

bool report_is_good(const struct report *r)
{
	return !r->lost && !r->torn && !r->stolen && !r->twice && !r->stuck;
}

static double ms(__s64 ns)
{
	return (double)ns / 1e6;
}

static void print_count(FILE *out, const char *what, __u64 count)
{
	fprintf(out, "  %-24s %12llu\n", what, (unsigned long long)count);
}

static void print_stall(FILE *out, const char *what, const struct stall *stall)
{
	if (stall->clock_ns)
		fprintf(out, "  %-24s %12.1f ms (%.1f ms by the clock)\n", what, ms(stall->ns),
			ms(stall->clock_ns));
}

void report_print(FILE *out, const char *what, const struct report *r)
{
	fprintf(out, "%s\n", what);
	print_count(out, "kills", r->kills);
	if (r->instructions)
		print_count(out, "  at instructions", r->instructions);
	print_count(out, "records committed", r->returned);
	print_count(out, "delivered", r->delivered);
	print_count(out, "lost", r->lost);
	print_count(out, "torn", r->torn);
	print_count(out, "of the living, skipped", r->stolen);
	print_count(out, "twice", r->twice);
	print_count(out, "stuck", r->stuck);
	print_count(out, "locks of the dead", r->takeovers);
	print_count(out, "records of the dead", r->recovered);
	print_stall(out, "longest stall, producer", &r->producers);
	print_stall(out, "longest stall, delivery", &r->delivery);
	if (r->pause_ns)
		fprintf(out, "  %-24s %12.1f ms\n", "machine away", ms(r->pause_ns));
}
