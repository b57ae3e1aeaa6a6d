// SPDX-License-Identifier: BSD-2-Clause
/* send.c: chute send: records from files, in turn, or from standard input into a ring. */
#include "io/records.h"
#include "io/sender.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct input {
	struct sender to;
	struct records_format format;
	struct records_reader in;
	bool json;
};

/* More input, waiting for it if need be. At a signal there is none. */
static int fill(struct input *i, const char *file)
{
	struct pollfd input = { .fd = i->in.fd, .events = POLLIN };
	int err;

	sender_publish(&i->to);
	do {
		if (stop_asked())
			return TOOL_OK;
		sender_tick(&i->to);
		if (poll(&input, 1, progress_poll_ms(&i->to.progress)) <= 0)
			err = -EINTR;
		else
			err = records_fill(&i->in);
	} while (err == -EINTR || err == -EAGAIN);
	return err ? tool_complain("%s: %s", file, strerror(-err)) : TOOL_OK;
}

static int complain_record(const struct input *i, const char *file)
{
	const char *advice = "";

	if (strstr(i->in.wrong, "longer"))
		advice = i->in.max < CHUTE_PAYLOAD_MAX
				 ? ", the most that this ring takes: make a larger ring"
				 : ", the most that any ring takes";
	return tool_complain("%s: %s: %s%s", i->to.ring.given, file, i->in.wrong, advice);
}

static int send_records(struct input *i, const char *file)
{
	const char *payload;
	int got, status;
	__u32 size;

	for (;;) {
		while ((got = records_next(&i->in, &payload, &size)) > 0) {
			status = sender_put(&i->to, payload, size);
			if (status || stop_asked())
				return status;
		}
		if (got < 0)
			return complain_record(i, file);
		if (i->in.at_end)
			return TOOL_OK;
		status = fill(i, file);
		if (status || stop_asked())
			return status;
	}
}

static int send_file(struct input *i, const char *path)
{
	bool standard = !strcmp(path, "-");
	int fd, status;

	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tool_complain("%s: %s", path, strerror(errno));
	records_reader_file(&i->in, fd);
	status = send_records(i, standard ? "standard input" : path);
	if (!standard)
		close(fd);
	return status;
}

static int send_files(struct input *i, int count, char **files)
{
	int n, status = TOOL_OK;

	for (n = 0; n < count && !status && !stop_asked(); n++)
		status = send_file(i, files[n]);
	return status;
}

static bool is_standard_input(const char *file)
{
	return !strcmp(file, "-");
}

static int send_all(struct input *i, int count, char **files)
{
	static char *standard_input[] = { "-" };
	int n, status, terminal = -1, err;

	if (!count) {
		count = 1;
		files = standard_input;
	}
	for (n = 0; n < count; n++)
		if (is_standard_input(files[n]))
			terminal = STDIN_FILENO;
	stop_on_signals();
	progress_start(&i->to.progress, i->to.ring.given, i->to.quiet, terminal);
	if (i->json)
		i->to.progress.json = stdout;
	pace_start(&i->to.pace);
	status = send_files(i, count, files);
	err = sender_finish(&i->to);
	status = status ? status : err;
	err = progress_finish(&i->to.progress, &i->to.delivered);
	return status ? status : err;
}

static int run(struct input *i, int files, char **names)
{
	const __u32 max = chute_payload_max(i->to.c);
	int status;

	if (i->format.size > max)
		return tool_complain("--record-size: %s takes at most %u bytes a record: make a "
				     "larger ring",
				     i->to.ring.given, max);
	if (records_reader_init(&i->in, &i->format, max))
		return tool_complain("no memory");
	status = send_all(i, files, names);
	records_reader_fini(&i->in);
	return status;
}

static const struct option_row rows[] = {
	RECORDS_ROWS(struct input, format),
	{ "rate", "N", option_rate, OPTION_AT(struct input, to.pace.rate),
	  "N records a second, evenly (k, M, G are of 1000)", "a number of records a second" },
	{ "batch", "N", option_number, OPTION_AT(struct input, to.batch),
	  "publish N records together, or what there is when input pauses",
	  "a number of records, from 1", .least = 1 },
	{ "pack", NULL, option_flag, OPTION_AT(struct input, to.pack),
	  "put many records into one, for 'recv --messages' or a BPF program that takes them "
	  "apart" },
	{ "shared", NULL, option_flag, OPTION_AT(struct input, to.shared),
	  "be one of many producers, all of them with --shared" },
	{ "recover", NULL, option_flag, OPTION_AT(struct input, to.recover),
	  "first discard what a dead producer has left unfinished" },
	{ "timeout", "SECONDS", option_seconds, OPTION_AT(struct input, to.timeout_ns),
	  "give up when the ring stays full for so long (such as 0.5; 0: do not wait); default: "
	  "wait for ever",
	  "a number of seconds" },
	{ "json", NULL, option_flag, OPTION_AT(struct input, json),
	  "print the summary as an object on standard output" },
	{ "quiet", NULL, option_flag, OPTION_AT(struct input, to.quiet),
	  "no progress line and no summary on standard error", .letter = 'q' },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING [FILE...]",
	.about = "Feed a ring with the records in the files, or in standard input if there are "
		 "none or where FILE is -. Wait while the ring is full. End when all is published, "
		 "which is not to say consumed.",
	.rows = rows,
	.more = "RING is map:ID, map:NAME, the path of a pinned map, or mem:NAME.",
	.example = "dmesg | chute send /sys/fs/bpf/log --timeout 5",
};

int tool_send(int argc, char **argv)
{
	struct input i = { .to.timeout_ns = CHUTE_FOREVER };
	int status = options_take(&usage, &i, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	if (!argc)
		return tool_misuse("no RING given");
	if (i.to.batch && i.to.shared && !i.to.pack)
		return tool_misuse("--batch and --shared: a shared ring's records are there as "
				   "soon as they are finished; --pack puts many into one");
	status = ring_parse(&i.to.ring, *argv);
	if (!status)
		status = sender_open(&i.to);
	if (status)
		return status;
	status = run(&i, argc - 1, argv + 1);
	chute_close(i.to.c);
	if (stop_asked() && !status)
		stop_die();
	return status;
}
