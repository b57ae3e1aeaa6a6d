// SPDX-License-Identifier: BSD-2-Clause
/*
 * send.c: chute send: records from files into a ring, as its sole producer.
 *
 * Records are published some at a time while there is input, and all of them
 * before we wait for anything: nobody has to wait for records that we have.
 */
#include "progress.h"
#include "records.h"
#include "ring_name.h"
#include "size.h"
#include "stop.h"
#include "tool.h"

#include <chute/chute.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Publishing costs the consumer a cache line: not for every record, nor too late. */
#define BATCH_RECORDS 64
#define BATCH_BYTES   (16 * 1024)

static const char help[] =
	"usage: chute send RING [OPTION...] [FILE...]\n"
	"Feed a ring, as its only producer, with the records in the files, or in standard input\n"
	"if there are none or where FILE is -. Wait while the ring is full. End when all is\n"
	"published, which is not to say consumed.\n"
	"\n" RECORDS_HELP
	"  --timeout SECONDS   give up when the ring stays full for so long (such as 0.5; 0: do\n"
	"                      not wait); default: wait for ever\n"
	"  -q, --quiet         no progress line and no summary on standard error\n"
	"  -h, --help          this text\n"
	"\n"
	"RING is map:ID, map:NAME, the path of a pinned map, or mem:NAME.\n"
	"\n"
	"Example:\n"
	"  dmesg | chute send /sys/fs/bpf/log --timeout 5\n";

struct sender {
	struct ring_name ring;
	struct records_format format;
	__s64 timeout_ns;
	bool quiet;

	struct chute *c;
	struct records_reader in;
	struct progress progress;
	struct tally sent;	/* published or staged */
	struct tally delivered; /* published, and the ring was still ours then */
};

static int ring_fill(const struct sender *s)
{
	return (int)(chute_used(s->c) * 100 / chute_size(s->c));
}

/* Publishing is silent when another producer is there. A reserve is not, and this one
 * reserves nothing: it can never fit. */
static bool is_ours(const struct sender *s)
{
	return !chute_reserve(s->c, UINT32_MAX) && errno != EBUSY;
}

static void publish(struct sender *s)
{
	chute_publish(s->c);
	if (is_ours(s))
		s->delivered = s->sent;
	progress_tick(&s->progress, &s->sent, ring_fill(s));
}

/* Before a wait, for whatever: a map's consumer comes when it likes. */
static void publish_and_tell(struct sender *s)
{
	publish(s);
	if (s->ring.kind == RING_MEMORY)
		chute_kick(s->c);
}

static int complain_reserve(struct sender *s, int err)
{
	if (err == ENOSPC)
		return tool_complain("%s: full for %g s (--timeout): is anything draining it?",
				     s->ring.given, (double)s->timeout_ns / NS_PER_S);
	if (err == EBUSY)
		return tool_complain(
			"%s: another program feeds it too, and a ring has one producer; "
			"records lost: %llu",
			s->ring.given,
			(unsigned long long)(s->sent.records - s->delivered.records));
	if (err == EBADMSG)
		return tool_complain("%s: its consumer's position can't be true, something has "
				     "overwritten it: make the ring anew",
				     s->ring.given);
	return tool_complain("%s: %s", s->ring.given, strerror(err));
}

/* The ring is full. Wait in slices: a signal does not end a reserve. */
static void *reserve_full(struct sender *s, __u32 size)
{
	__s64 deadline = 0, left = STOP_SLICE_NS;
	void *payload;

	publish_and_tell(s);
	if (s->timeout_ns != CHUTE_FOREVER)
		deadline = progress_now_ns() + s->timeout_ns;
	do {
		if (deadline)
			left = deadline - progress_now_ns();
		if (left < 0)
			left = 0;
		payload =
			chute_reserve_for(s->c, size, left < STOP_SLICE_NS ? left : STOP_SLICE_NS);
		progress_tick(&s->progress, &s->sent, ring_fill(s));
	} while (!payload && errno == ENOSPC && left && !stop_asked());
	return payload;
}

static int send_record(struct sender *s, const char *data, __u32 size)
{
	void *payload = chute_reserve(s->c, size);

	if (!payload && errno == ENOSPC)
		payload = reserve_full(s, size);
	if (!payload)
		return stop_asked() ? TOOL_OK : complain_reserve(s, errno);
	memcpy(payload, data, size);
	chute_stage(s->c, payload);
	tally_add(&s->sent, size);
	if (s->sent.records - s->delivered.records >= BATCH_RECORDS ||
	    s->sent.bytes - s->delivered.bytes >= BATCH_BYTES)
		publish(s);
	return TOOL_OK;
}

/* More input, waiting for it if need be. At a signal there is none. */
static int fill(struct sender *s, const char *file)
{
	struct pollfd input = { .fd = s->in.fd, .events = POLLIN };
	int err;

	publish_and_tell(s);
	do {
		if (stop_asked())
			return TOOL_OK;
		progress_tick(&s->progress, &s->sent, ring_fill(s));
		if (poll(&input, 1, progress_poll_ms(&s->progress)) <= 0)
			err = -EINTR;
		else
			err = records_fill(&s->in);
	} while (err == -EINTR || err == -EAGAIN);
	return err ? tool_complain("%s: %s", file, strerror(-err)) : TOOL_OK;
}

static int complain_record(const struct sender *s, const char *file)
{
	const char *advice = "";

	if (strstr(s->in.wrong, "longer"))
		advice = s->in.max < CHUTE_PAYLOAD_MAX
				 ? ", the most that this ring takes: make a larger ring"
				 : ", the most that any ring takes";
	return tool_complain("%s: %s: %s%s", s->ring.given, file, s->in.wrong, advice);
}

static int send_records(struct sender *s, const char *file)
{
	const char *payload;
	int got, status;
	__u32 size;

	for (;;) {
		while ((got = records_next(&s->in, &payload, &size)) > 0) {
			status = send_record(s, payload, size);
			if (status || stop_asked())
				return status;
		}
		if (got < 0)
			return complain_record(s, file);
		if (s->in.at_end)
			return TOOL_OK;
		status = fill(s, file);
		if (status || stop_asked())
			return status;
	}
}

static int send_file(struct sender *s, const char *path)
{
	bool standard = !strcmp(path, "-");
	int fd, status;

	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tool_complain("%s: %s", path, strerror(errno));
	records_reader_file(&s->in, fd);
	status = send_records(s, standard ? "standard input" : path);
	if (!standard)
		close(fd);
	return status;
}

static int send_files(struct sender *s, int count, char **files)
{
	static char *standard_input[] = { "-" };
	int i, status = TOOL_OK, input = -1;

	if (!count) {
		count = 1;
		files = standard_input;
	}
	for (i = 0; i < count; i++)
		if (!strcmp(files[i], "-"))
			input = STDIN_FILENO;
	stop_on_signals();
	progress_start(&s->progress, s->ring.given, s->quiet, input);
	for (i = 0; i < count && !status && !stop_asked(); i++)
		status = send_file(s, files[i]);
	publish_and_tell(s);
	if (!status && s->delivered.records != s->sent.records)
		status = complain_reserve(s, EBUSY);
	progress_finish(&s->progress, &s->delivered);
	return status;
}

enum { OPTION_TIMEOUT = TOOL_FIRST_LONG };

static int option_take(struct sender *s, int option)
{
	switch (option) {
	case OPTION_TIMEOUT:
		if (seconds_parse(optarg, &s->timeout_ns))
			return tool_misuse("--timeout %s: not a number of seconds", optarg);
		return TOOL_OK;
	case TOOL_QUIET:
		s->quiet = true;
		return TOOL_OK;
	case TOOL_BAD:
		return TOOL_USAGE;
	default:
		return records_format_option(&s->format, option, optarg);
	}
}

int tool_send(int argc, char **argv)
{
	static const struct option options[] = {
		RECORDS_OPTIONS,
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		TOOL_OPTIONS_QUIET,
		TOOL_OPTIONS,
		{ 0 },
	};
	struct sender s = { .timeout_ns = CHUTE_FOREVER };
	int option, status;

	while ((option = tool_option(argc, argv, options)) != -1) {
		if (option == TOOL_HELP)
			return tool_print(help);
		status = option_take(&s, option);
		if (status)
			return status;
	}
	if (optind >= argc)
		return tool_misuse("no RING given");
	status = ring_name_parse(&s.ring, argv[optind]);
	if (status)
		return status;
	s.c = ring_open(&s.ring);
	if (!s.c)
		return TOOL_FAILED;
	if (s.format.size > chute_payload_max(s.c)) {
		status = tool_complain("--record-size: %s takes at most %u bytes a record: make a "
				       "larger ring",
				       s.ring.given, chute_payload_max(s.c));
	} else if (records_reader_init(&s.in, &s.format, chute_payload_max(s.c))) {
		status = tool_complain("no memory");
	} else {
		status = send_files(&s, argc - optind - 1, argv + optind + 1);
		records_reader_fini(&s.in);
	}
	chute_close(s.c);
	if (stop_asked() && !status)
		stop_die();
	return status;
}
