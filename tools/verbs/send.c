// SPDX-License-Identifier: BSD-2-Clause
/* send.c: chute send: records from files, in turn, or from standard input into a ring. */
#include "io/records.h"
#include "io/sender.h"
#include "cli/size.h"
#include "cli/stop.h"
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: chute send RING [OPTION...] [FILE...]\n"
	"Feed a ring with the records in the files, or in standard input if there are none or\n"
	"where FILE is -. Wait while the ring is full. End when all is published, which is not\n"
	"to say consumed.\n"
	"\n" RECORDS_HELP "  --rate N            N records a second, evenly (k, M, G are of 1000)\n"
	"  --batch N           publish N records together, or what there is when input pauses\n"
	"  --pack              put many records into one, for 'recv --messages' or a BPF program\n"
	"                      that takes them apart\n"
	"  --shared            be one of many producers, all of them with --shared\n"
	"  --recover           first discard what a dead producer has left unfinished\n"
	"  --timeout SECONDS   give up when the ring stays full for so long (such as 0.5; 0: do\n"
	"                      not wait); default: wait for ever\n"
	"  --json              print the summary as an object on standard output\n"
	"  -q, --quiet         no progress line and no summary on standard error\n"
	"  -h, --help          this text\n"
	"\n"
	"RING is map:ID, map:NAME, the path of a pinned map, or mem:NAME.\n"
	"\n"
	"Example:\n"
	"  dmesg | chute send /sys/fs/bpf/log --timeout 5\n";

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

enum {
	OPTION_BATCH = TOOL_FIRST_LONG,
	OPTION_PACK,
	OPTION_RATE,
	OPTION_RECOVER,
	OPTION_SHARED,
	OPTION_TIMEOUT,
};

static int take_batch(struct input *i)
{
	if (count_parse(optarg, &i->to.batch) || !i->to.batch)
		return tool_misuse("--batch %s: not a number of records, from 1", optarg);
	return TOOL_OK;
}

static int option_take(struct input *i, int option)
{
	switch (option) {
	case OPTION_BATCH:
		return take_batch(i);
	case TOOL_JSON:
		i->json = true;
		return TOOL_OK;
	case OPTION_PACK:
		i->to.pack = true;
		return TOOL_OK;
	case OPTION_RATE:
		return pace_option(&i->to.pace, optarg);
	case OPTION_RECOVER:
		i->to.flags |= CHUTE_RECOVER;
		return TOOL_OK;
	case OPTION_SHARED:
		i->to.flags |= CHUTE_SHARED;
		return TOOL_OK;
	case OPTION_TIMEOUT:
		if (seconds_parse(optarg, &i->to.timeout_ns))
			return tool_misuse("--timeout %s: not a number of seconds", optarg);
		return TOOL_OK;
	case TOOL_QUIET:
		i->to.quiet = true;
		return TOOL_OK;
	case TOOL_BAD:
		return TOOL_USAGE;
	default:
		return records_format_option(&i->format, option, optarg);
	}
}

/* Options that do not go together. Returns 0, or an exit status. */
static int options_check(const struct input *i)
{
	if (i->to.batch && i->to.flags & CHUTE_SHARED && !i->to.pack)
		return tool_misuse("--batch and --shared: a shared ring's records are there as "
				   "soon as they are finished; --pack puts many into one");
	return TOOL_OK;
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

int tool_send(int argc, char **argv)
{
	static const struct option options[] = {
		RECORDS_OPTIONS,
		{ "batch", required_argument, NULL, OPTION_BATCH },
		{ "pack", no_argument, NULL, OPTION_PACK },
		{ "rate", required_argument, NULL, OPTION_RATE },
		{ "recover", no_argument, NULL, OPTION_RECOVER },
		{ "shared", no_argument, NULL, OPTION_SHARED },
		{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
		TOOL_OPTIONS_QUIET,
		TOOL_OPTIONS_JSON,
		TOOL_OPTIONS,
		{ 0 },
	};
	struct input i = { .to.timeout_ns = CHUTE_FOREVER };
	int option, status;

	while ((option = tool_option(argc, argv, options)) != -1) {
		if (option == TOOL_HELP)
			return tool_print(help);
		status = option_take(&i, option);
		if (status)
			return status;
	}
	if (optind >= argc)
		return tool_misuse("no RING given");
	status = options_check(&i);
	if (!status)
		status = ring_name_parse(&i.to.ring, argv[optind]);
	if (!status)
		status = sender_open(&i.to);
	if (status)
		return status;
	status = run(&i, argc - optind - 1, argv + optind + 1);
	chute_close(i.to.c);
	if (stop_asked() && !status)
		stop_die();
	return status;
}
