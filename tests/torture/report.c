// SPDX-License-Identifier: BSD-2-Clause
/* report.c: what the torture has counted. */
#include "torture.h"

#include <stdio.h>

#define STALL_MAX_NS 100000000 /* what is promised */

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

bool report_is_good(const struct report *r)
{
	return !r->lost && !r->torn && !r->stolen && !r->twice && !r->stuck &&
	       r->producers.ns < STALL_MAX_NS && r->delivery.ns < STALL_MAX_NS;
}

static double ms(__s64 ns)
{
	return (double)ns / 1e6;
}

void report_print(FILE *out, const char *what, const struct report *r)
{
	fprintf(out, "%s\n", what);
	if (r->instructions)
		fprintf(out, "  instructions          %12llu\n",
			(unsigned long long)r->instructions);
	fprintf(out, "  kills                 %12llu\n", (unsigned long long)r->kills);
	fprintf(out, "  records committed     %12llu\n", (unsigned long long)r->returned);
	fprintf(out, "  delivered             %12llu\n", (unsigned long long)r->delivered);
	fprintf(out, "  lost                  %12llu\n", (unsigned long long)r->lost);
	fprintf(out, "  torn                  %12llu\n", (unsigned long long)r->torn);
	fprintf(out, "  of the living, lost   %12llu\n", (unsigned long long)r->stolen);
	fprintf(out, "  twice                 %12llu\n", (unsigned long long)r->twice);
	fprintf(out, "  stuck                 %12llu\n", (unsigned long long)r->stuck);
	fprintf(out, "  locks of the dead     %12llu\n", (unsigned long long)r->takeovers);
	fprintf(out, "  records of the dead   %12llu\n", (unsigned long long)r->recovered);
	fprintf(out, "  longest stall         %9.1f ms of a producer (%.1f ms by the clock)\n",
		ms(r->producers.ns), ms(r->producers.clock_ns));
	fprintf(out, "                        %9.1f ms of the delivery (%.1f ms by the clock)\n",
		ms(r->delivery.ns), ms(r->delivery.clock_ns));
}
