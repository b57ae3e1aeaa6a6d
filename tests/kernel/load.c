// SPDX-License-Identifier: BSD-2-Clause
/*
 * load.c: loads the BPF object that it is given, and prints for each program how many
 * instructions the verifier has walked through. Where one is refused, the end of the
 * verifier's log, and exit 1; where no user ring buffer can be made, why, and exit 77.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAMS 64
#define LOG	 (1 << 20)
#define STATS	 4 /* BPF_LOG_STATS: no more than the figures, and why it was refused */

static char logs[PROGRAMS][LOG];

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static long processed(const char *log)
{
	const char *at = strstr(log, "processed ");

	return at ? atol(at + strlen("processed ")) : 0;
}

static int print(struct bpf_object *object, int err)
{
	struct bpf_program *program;
	size_t length;
	int i = 0;

	bpf_object__for_each_program(program, object)
	{
		length = strlen(logs[i]);
		if (!err)
			printf("%s %ld\n", bpf_program__name(program), processed(logs[i]));
		else if (length && bpf_program__fd(program) < 0)
			printf("%s is refused:\n%s\n", bpf_program__name(program),
			       logs[i] + (length > 3000 ? length - 3000 : 0));
		i++;
	}
	if (err)
		printf("%s\n", strerror(-err));
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program;
	int i = 0, ret;

	libbpf_set_print(silent);
	if (bpf_map_create(BPF_MAP_TYPE_USER_RINGBUF, "probe", 0, 0, 65536, NULL) < 0) {
		printf("no user ring buffer can be made: %s\n", strerror(errno));
		return 77;
	}
	object = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (!object) {
		printf("usage: load OBJECT\n");
		return 2;
	}
	bpf_object__for_each_program(program, object)
	{
		if (i == PROGRAMS) {
			printf("more than %d programs\n", PROGRAMS);
			return 2;
		}
		bpf_program__set_log_level(program, STATS);
		bpf_program__set_log_buf(program, logs[i++], LOG);
	}
	ret = print(object, bpf_object__load(object));
	bpf_object__close(object);
	return ret;
}
