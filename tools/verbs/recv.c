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
#include "ring/name.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/options.h"
#include "io/unpack.h"

#include <chute/drain.h>
#include <chute/inspect.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct receiver {
	struct ring_name ring;
	struct records_format format;
	__u64 count; /* records to receive; with --messages everywhere: messages */
	struct pace pace;
	__s64 timeout_ns;
	bool messages, quiet, json;

	struct chute_consumer *consumer;
	struct records_writer out;
	struct progress progress;
	struct tally received;

	/* What has been looked at, and then what has been written of it; all of it is
	 * in the ring still. */
	unsigned long start_pos, end_pos;
	__u64 ahead;	  /* records of the ring there */
	__u64 lines;	  /* what was gathered of them */
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

/* Is there a finished record at *pos, or behind discarded ones there? 1, 0, or -errno
 * as chute_peek() has it. */
static int peek(const struct receiver *r, unsigned long *pos, struct chute_record *record)
{
	int got;

	while ((got = chute_peek(chute_consumer_view(r->consumer), *pos, record)) > 0) {
		if (!(record->flags & CHUTE_DISCARD))
			return !(record->flags & CHUTE_BUSY);
		*pos = record->next_pos;
	}
	return got;
}

static int put_one(struct receiver *r, const void *payload, __u32 size)
{
	r->wrong_size = size;
	if (r->format.kind == RECORDS_FIXED && size != r->format.size)
		return -EMSGSIZE;
	return records_put(&r->out, payload, size);
}

/* All of a record's messages, or none. */
static int put_messages(struct receiver *r, const struct chute_record *record)
{
	const size_t used = r->out.used;
	const void *payload;
	struct unpack u;
	__u64 lines = 0;
	int err = 0;
	__u32 size;

	unpack_start(&u, record->payload, record->size, true);
	while (!err && unpack_next(&u, &payload, &size)) {
		err = put_one(r, payload, size);
		lines++;
	}
	if (!err && u.malformed)
		err = -EBADMSG;
	if (err)
		r->out.used = used;
	else
		r->lines += lines - 1;
	return err;
}

/* Add a record to what goes out next. 0; -EMSGSIZE if it can't in this format; -EBADMSG
 * if it can't be taken apart; -ENOBUFS, -ENOMEM as records_put(). */
static int put(struct receiver *r, const struct chute_record *record)
{
	int err = r->messages ? put_messages(r, record) : put_one(r, record->payload, record->size);

	if (err)
		return err;
	r->end_pos = record->next_pos;
	r->lines++;
	r->ahead++;
	return 0;
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

static void gather_start(struct receiver *r, unsigned long pos)
{
	r->start_pos = r->end_pos = pos;
	r->ahead = r->lines = 0;
	r->out.used = 0;
}

/* Collect what is pending, as much as goes out at once. What is wrong with a record
 * is told when it has become the first. Sets *some if there was anything. */
static int gather(struct receiver *r, bool *some)
{
	unsigned long pos = chute_consumer_pos(r->consumer);
	__u64 most = r->count - r->received.records, due = pace_due(&r->pace);
	struct chute_record record;
	int got = 1, err = 0;

	most = due < most ? due : most;
	gather_start(r, pos);
	while (r->lines < most && (got = peek(r, &pos, &record)) > 0) {
		err = put(r, &record);
		if (err)
			break;
		pos = record.next_pos;
	}
	*some = pos != r->start_pos;
	if (r->ahead || (!err && got >= 0))
		return TOOL_OK;
	return err ? complain_put(r, &record, err) : complain_damaged(r);
}

/* ---- writing ---- */

/* The bytes of a record in our output. */
static size_t bytes_of(const struct receiver *r, const struct chute_record *record)
{
	const void *payload;
	size_t bytes = 0;
	struct unpack u;
	__u32 size;

	if (!r->messages)
		return records_bytes(&r->format, record->size);
	unpack_start(&u, record->payload, record->size, true);
	while (unpack_next(&u, &payload, &size))
		bytes += records_bytes(&r->format, size);
	return bytes;
}

/* Of what was gathered, @bytes are out: end it behind the last record that is out
 * as a whole. Returns where in the buffer the one ends that is out in part. */
static size_t cut(struct receiver *r, size_t bytes)
{
	unsigned long pos = r->start_pos;
	struct chute_record record;
	size_t at = 0;

	r->end_pos = pos;
	r->ahead = 0;
	while (at < bytes && peek(r, &pos, &record) > 0) {
		at += bytes_of(r, &record);
		pos = record.next_pos;
		if (at > bytes)
			break;
		r->end_pos = pos;
		r->ahead++;
	}
	/* A producer that changes a record now gets what it deserves, but no more. */
	return at < r->out.used ? at : r->out.used;
}

static int write_failed(struct receiver *r, int err)
{
	r->left = err == EPIPE;
	if (r->left)
		return TOOL_OK;
	return tool_complain("standard output: %s: what was not written stays in %s", strerror(err),
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
			length = cut(r, written);
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
	if (written == r->out.used)
		return TOOL_OK;
	length = cut(r, written);
	if (err)
		return write_failed(r, err);
	if (written == length)
		return TOOL_OK;
	return tool_complain(
		"standard output: blocked: it ends in part of a record, which stays in "
		"%s",
		r->ring.given);
}

/* ---- consuming ---- */

/* Discarded records were all that was there, and now, as they are drained, one is
 * that has not been written. To leave it in the ring, a drain has to be left by the
 * back door. */
static void write_late(struct receiver *r, struct chute_record *record)
{
	int err, status = TOOL_OK;

	gather_start(r, record->pos);
	err = put(r, record);
	status = err ? complain_put(r, record, err) : write_out(r);
	if (!r->ahead)
		exit(finish(r, status));
}

static void count_messages(struct receiver *r, const void *payload, __u32 size)
{
	const void *message;
	struct unpack u;

	unpack_start(&u, payload, size, true);
	while (unpack_next(&u, &message, &size))
		tally_add(&r->received, size);
}

/* Called by the drain. What is not ours must not get past it: then we end here. */
static int on_record(const void *payload, __u32 size, void *ctx)
{
	struct receiver *r = ctx;
	unsigned long pos = chute_consumer_pos(r->consumer);
	struct chute_record record = {
		.pos = pos,
		.next_pos = pos + (unsigned long)chute_record_bytes(size),
		.payload = payload,
		.size = size,
	};

	if (r->start_pos == r->end_pos)
		write_late(r, &record);
	if (pos - r->start_pos >= r->end_pos - r->start_pos)
		exit(finish(r, tool_complain("%s: another program drains it too: some records went "
					     "there instead, or as well",
					     r->ring.given)));
	if (r->messages)
		count_messages(r, payload, size);
	else
		tally_add(&r->received, size);
	r->ahead--;
	return record.next_pos == r->end_pos;
}

/* Let the ring have the space of what was written. */
static int consume(struct receiver *r)
{
	unsigned long pos;
	long got;

	/* Once will do, but for a hundred thousand discarded records in a row. */
	do {
		pos = chute_consumer_pos(r->consumer);
		got = chute_drain(r->consumer, on_record, r, 0);
	} while (got >= 0 && r->ahead && chute_consumer_pos(r->consumer) != pos);
	if (got == -EBUSY || (got >= 0 && r->ahead))
		return tool_complain(
			"%s: another program drains it too: some records went there as "
			"well",
			r->ring.given);
	return got < 0 ? complain_damaged(r) : TOOL_OK;
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
		chute_drain_wait(r->consumer, left < STOP_SLICE_NS ? left : STOP_SLICE_NS);
	return TOOL_OK;
}

static int receive(struct receiver *r)
{
	__s64 since = progress_now_ns();
	bool idle = false, some;
	int status = TOOL_OK, err;
	__u64 looked_at, before;

	while (!status && !idle && !r->left && !stop_asked() && r->received.records < r->count) {
		progress_tick(&r->progress, &r->received, -1);
		if (!pace_due(&r->pace)) {
			pace_sleep(&r->pace, STOP_SLICE_NS);
			continue;
		}
		status = gather(r, &some);
		if (status)
			break;
		if (!some) {
			status = wait_for_more(r, since, &idle);
			continue;
		}
		looked_at = r->ahead;
		status = write_out(r);
		/* Not if nothing could be written; but if there was nothing to write. */
		before = r->received.records;
		err = r->ahead || !looked_at ? consume(r) : TOOL_OK;
		pace_count(&r->pace, r->received.records - before);
		status = status ? status : err;
		since = progress_now_ns();
	}
	return status;
}

/* ---- the verb ---- */

static int run(struct receiver *r)
{
	int lock, status;

	r->consumer = ring_open_consumer(&r->ring, &lock);
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
	close(lock);
	return status;
}

static const struct option_row rows[] = {
	RECORDS_ROWS(struct receiver, format),
	{ "messages", NULL, option_flag, OPTION_AT(struct receiver, messages),
	  "take packed records apart: each message is a line, or what else\n"
	  "the format has" },
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
		 "ring\n"
		 "only when it has been written.\n",
	.rows = rows,
	.more = "RING is mem:NAME.\n"
		"\n"
		"Example:\n"
		"  chute recv mem:demo --timeout 2 > records.txt\n",
};

int tool_recv(int argc, char **argv)
{
	struct receiver r = { .count = UINT64_MAX, .timeout_ns = CHUTE_FOREVER };
	int status = options_take(&usage, &r, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	status = ring_name_only(&r.ring, argc, argv);
	if (!status)
		status = run(&r);
	/* To be interrupted is recv's usual end, unless it had been told another. */
	if (!status && stop_asked() && r.count != UINT64_MAX && r.received.records < r.count)
		stop_die();
	return status;
}
