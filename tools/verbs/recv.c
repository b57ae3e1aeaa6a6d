// SPDX-License-Identifier: BSD-2-Clause
/*
 * recv.c: chute recv: drains a memory ring to standard output.
 *
 * No record is lost: the ring's consumer position moves past records only when the
 * kernel has taken all of their bytes. So we look at what is pending, write it,
 * and drain exactly that. Who is killed in between finds it once more.
 */
#include "io/pace.h"
#include "cli/progress.h"
#include "io/records.h"
#include "ring/open.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/options.h"

#include <chute/drain.h>
#include <chute/inspect.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many records go out at once, if they fit into the buffer. */
#define MARKS 8192

/* What was gathered, up to the end of a record. */
struct mark {
	unsigned long next_pos;
	size_t bytes;	  /* of our output */
	struct tally sum; /* records, or messages */
};

struct receiver {
	struct ring ring;
	struct records_format format;
	__u64 count; /* records to receive; with --messages everywhere: messages */
	struct pace pace;
	__s64 timeout_ns;
	bool messages, quiet, json;

	struct chute_consumer *consumer;
	struct records_writer out;
	struct progress progress;
	struct tally received;

	/* What has been looked at: all of it is in the ring still. */
	unsigned long start_pos, end_pos;
	struct mark marks[MARKS];
	size_t marked;
	__u32 wrong_size; /* of what does not go into the format */
	bool left;	  /* the reader of our output has */
};

static int finish(struct receiver *r, int status)
{
	int err = progress_finish(&r->progress, &r->received);

	return status ? status : err;
}

static int complain_damaged(const struct receiver *r)
{
	return tool_complain("%s: damaged: what is next in it is not a record: make the ring anew",
			     r->ring.given);
}

/* ---- looking ---- */

static int put_one(struct receiver *r, const void *payload, __u32 size, struct tally *sum)
{
	r->wrong_size = size;
	if (r->format.kind == RECORDS_FIXED && size != r->format.size)
		return -EMSGSIZE;
	tally_add(sum, size);
	return records_put(&r->out, payload, size);
}

/* Add a record, with all of its messages, to what goes out next. 0; -EMSGSIZE if it can't
 * in this format; -EBADMSG if it can't be taken apart; -ENOBUFS, -ENOMEM as records_put(). */
static int put(struct receiver *r, const struct chute_record *record)
{
	struct tally sum = r->marked ? r->marks[r->marked - 1].sum : (struct tally){ 0 };
	const size_t used = r->out.used;
	struct chute_unpacker u;
	const void *message;
	__u32 size;
	int err = 0;

	if (!r->messages) {
		err = put_one(r, record->payload, record->size, &sum);
	} else {
		chute_unpack(&u, record->payload, record->size);
		while (!err && chute_unpack_next(&u, &message, &size))
			err = put_one(r, message, size, &sum);
		if (!err && u.malformed)
			err = -EBADMSG;
	}
	if (err)
		r->out.used = used;
	else
		r->marks[r->marked++] = (struct mark){ record->next_pos, r->out.used, sum };
	return err;
}

static int complain_put(const struct receiver *r, const struct chute_record *record, int err)
{
	if (err == -EMSGSIZE)
		return tool_complain("%s: the next record has %u bytes and not %u: it stays in the "
				     "ring; --framed takes any",
				     r->ring.given, r->wrong_size, r->format.size);
	if (err == -EBADMSG)
		return tool_complain("%s: the next record is packed, and not as it says: it stays "
				     "in the ring; without --messages it is taken as it is",
				     r->ring.given);
	return tool_complain("%s: no memory for a record of %u bytes", r->ring.given, record->size);
}

/* May more be gathered? Not more than a lap, whatever the positions say. */
static bool has_room(const struct receiver *r, __u64 most)
{
	return r->marked < MARKS && (!r->marked || r->marks[r->marked - 1].sum.records < most) &&
	       r->end_pos - r->start_pos < chute_consumer_size(r->consumer) && !stop_asked();
}

/* Collect what is pending, as much as goes out at once, and discarded records around it.
 * What is wrong with a record is told when it has become the first. */
static int gather(struct receiver *r)
{
	__u64 most = r->count - r->received.records, due = pace_due(&r->pace);
	struct chute_record record;
	int got = 1, err = 0;

	most = due < most ? due : most;
	r->start_pos = r->end_pos = chute_consumer_pos(r->consumer);
	r->marked = r->out.used = 0;
	while (has_room(r, most) &&
	       (got = chute_peek(chute_consumer_view(r->consumer), r->end_pos, &record)) > 0) {
		/* DISCARD is looked at first. */
		if (record.flags == CHUTE_BUSY)
			break;
		if (!record.flags)
			err = put(r, &record);
		if (err)
			break;
		r->end_pos = record.next_pos;
	}
	if (r->end_pos != r->start_pos || (!err && got >= 0))
		return TOOL_OK;
	return err ? complain_put(r, &record, err) : complain_damaged(r);
}

/* ---- writing ---- */

/* How many of the records that were gathered are out as a whole, if @bytes are? */
static size_t whole(const struct receiver *r, size_t bytes)
{
	size_t n = 0, after = r->marked, middle;

	while (n < after) {
		middle = n + (after - n) / 2;
		if (r->marks[middle].bytes <= bytes)
			n = middle + 1;
		else
			after = middle;
	}
	return n;
}

/* Up to where there must be output, if @bytes are out: to the end of a record. */
static size_t end_of_record(const struct receiver *r, size_t bytes)
{
	size_t n = whole(r, bytes);

	if (bytes == (n ? r->marks[n - 1].bytes : 0))
		return bytes;
	return r->marks[n].bytes;
}

static int write_failed(struct receiver *r, int err)
{
	r->left = err == EPIPE;
	if (r->left)
		return TOOL_OK;
	return tool_complain("standard output: %s: what was not written stays in %s", strerror(err),
			     r->ring.given);
}

/* What is left of it, when all that was gathered could not be written. */
static int wrote_some(struct receiver *r, size_t written, int err)
{
	size_t end = end_of_record(r, written);

	r->marked = whole(r, written);
	r->end_pos = r->marked ? r->marks[r->marked - 1].next_pos : r->start_pos;
	if (err)
		return write_failed(r, err);
	if (written == end)
		return TOOL_OK;
	return tool_complain(
		"standard output: blocked: it ends in part of a record, which stays in "
		"%s",
		r->ring.given);
}

/* Write all that was gathered, or at a signal up to the end of a record; afterwards
 * what counts as gathered is what was written. */
static int write_out(struct receiver *r)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
	size_t written = 0, length = r->out.used;
	int err = 0;
	ssize_t n;

	while (written < length && !err) {
		if (stop_asked())
			length = end_of_record(r, written);
		if (written == length || stop_overdue())
			break;
		n = write(STDOUT_FILENO, r->out.buf + written, length - written);
		if (n >= 0)
			written += (size_t)n;
		else if (errno == EAGAIN)
			poll(&output, 1, -1);
		else if (errno != EINTR)
			err = errno;
	}
	return written == r->out.used ? TOOL_OK : wrote_some(r, written, err);
}

/* Let the ring have the space of what was written. */
static int consume(struct receiver *r)
{
	const struct mark *last = r->marks + r->marked - 1;
	int err = chute_consume(r->consumer, r->start_pos, r->end_pos, 0);

	if (err)
		return tool_complain("%s: another program drains it too: some records went there "
				     "instead, or as well",
				     r->ring.given);
	if (!r->marked)
		return TOOL_OK;
	r->received.records += last->sum.records;
	r->received.bytes += last->sum.bytes;
	pace_count(&r->pace, last->sum.records);
	return TOOL_OK;
}

/* ---- waiting ---- */

/* Wait for records. Sets *idle when none have come since @since for long enough. */
static int wait_for_more(struct receiver *r, __s64 since, bool *idle)
{
	struct pollfd output = { .fd = STDOUT_FILENO };
	__s64 left = STOP_SLICE_NS;

	/* A reader that leaves while there is nothing to write. */
	if (poll(&output, 1, 0) > 0 && output.revents & (POLLERR | POLLHUP)) {
		r->left = true;
		return TOOL_OK;
	}
	if (r->timeout_ns != CHUTE_FOREVER)
		left = since + r->timeout_ns - progress_now_ns();
	*idle = left <= 0;
	if (*idle && r->count != UINT64_MAX)
		return tool_complain("%s: nothing has come for %g s: %llu of %llu records have",
				     r->ring.given, (double)r->timeout_ns / NS_PER_S,
				     (unsigned long long)r->received.records,
				     (unsigned long long)r->count);
	if (!*idle)
		/* At once, if there is something. */
		chute_drain_wait(r->consumer, left < STOP_SLICE_NS ? left : STOP_SLICE_NS);
	return TOOL_OK;
}

static int receive(struct receiver *r)
{
	__s64 since = progress_now_ns();
	int status = TOOL_OK, err;
	bool idle = false;

	while (!status && !idle && !r->left && !stop_asked() && r->received.records < r->count) {
		progress_tick(&r->progress, &r->received, -1);
		if (!pace_due(&r->pace)) {
			pace_sleep(&r->pace, STOP_SLICE_NS);
			continue;
		}
		status = gather(r);
		if (status)
			break;
		if (r->marked)
			since = progress_now_ns();
		status = write_out(r);
		err = r->end_pos != r->start_pos ? consume(r) : TOOL_OK;
		status = status ? status : err;
		if (!r->marked && !status)
			status = wait_for_more(r, since, &idle);
	}
	return status;
}

/* ---- the verb ---- */

static int run(struct receiver *r)
{
	int status;

	r->consumer = ring_consume(&r->ring);
	if (!r->consumer)
		return TOOL_FAILED;
	if (records_writer_init(&r->out, &r->format)) {
		status = tool_complain("no memory");
	} else {
		stop_on_signals();
		progress_start(&r->progress, r->ring.given, r->quiet, STDOUT_FILENO);
		if (r->json)
			r->progress.json = stderr;
		pace_start(&r->pace);
		status = finish(r, receive(r));
	}
	records_writer_fini(&r->out);
	chute_consumer_close(r->consumer);
	ring_close(&r->ring);
	return status;
}

static const struct option_row rows[] = {
	RECORDS_ROWS(struct receiver, format),
	{ "messages", NULL, option_flag, OPTION_AT(struct receiver, messages),
	  "take packed records apart: each message is a line, or what else the format has" },
	{ "count", "N", option_number, OPTION_AT(struct receiver, count), "end after N records" },
	{ "rate", "N", option_rate, OPTION_AT(struct receiver, pace.rate),
	  "take N records a second, evenly (k, M, G are of 1000)", "a number of records a second" },
	{ "timeout", "SECONDS", option_seconds, OPTION_AT(struct receiver, timeout_ns),
	  "end when nothing has come for so long (0: at the first lull)", "a number of seconds" },
	{ "json", NULL, option_flag, OPTION_AT(struct receiver, json),
	  "print the summary as an object, on standard error" },
	{ "quiet", NULL, option_flag, OPTION_AT(struct receiver, quiet),
	  "no progress line and no summary on standard error", .letter = 'q' },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about = "Drain a memory ring to standard output, until interrupted. A record leaves the "
		 "ring only when it has been written.",
	.rows = rows,
	.more = "RING is mem:NAME.",
	.example = "chute recv mem:demo --timeout 2 > records.txt",
};

int tool_recv(int argc, char **argv)
{
	static struct receiver r; /* too large for a stack */
	int status;

	r.count = UINT64_MAX;
	r.timeout_ns = CHUTE_FOREVER;
	status = options_take(&usage, &r, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	status = ring_argument(&r.ring, argc, argv);
	if (!status)
		status = run(&r);
	/* To be interrupted is recv's usual end, unless it had been told another. */
	if (!status && stop_asked() && r.count != UINT64_MAX && r.received.records < r.count)
		stop_die();
	return status;
}
