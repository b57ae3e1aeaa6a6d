// SPDX-License-Identifier: BSD-2-Clause
/* tool_run.c: see tool_run.h. */
#include "tool_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static bool have_mounts;
static char bpffs[] = "/tmp/chute-bpffs-XXXXXX";
static bool have_bpffs, made_bpffs;

int tool_setup(void **state)
{
	(void)state;
	/* A reader that leaves is what some cases are about. */
	signal(SIGPIPE, SIG_IGN);
	have_mounts = !unshare(CLONE_NEWNS) &&
		      !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		      !mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=512m,mode=1777");
	if (have_mounts) {
		made_bpffs = mkdtemp(bpffs) != NULL;
		have_bpffs = made_bpffs && !mount("bpf", bpffs, "bpf", 0, "mode=0777");
	}
	return 0;
}

int tool_teardown(void **state)
{
	char command[128];

	(void)state;
	if (have_bpffs)
		umount2(bpffs, MNT_DETACH);
	if (made_bpffs)
		rmdir(bpffs);
	if (have_mounts)
		return 0;
	snprintf(command, sizeof(command), "rm -f /dev/shm/chute-test-%d-*", (int)getpid());
	return system(command);
}

void tool_need_mounts(void)
{
	if (!have_mounts)
		skip_because("no permission to mount a /dev/shm of our own");
}

const char *tool_bpffs(void)
{
	need_bpf();
	if (!have_bpffs)
		skip_because("no permission to mount a bpffs of our own");
	return bpffs;
}

const char *tool_ring(const char *name)
{
	static char rings[4][300];
	static unsigned next;
	char *ring = rings[next++ % 4];

	snprintf(ring, sizeof(rings[0]), "mem:chute-test-%d-%s", (int)getpid(), name);
	return ring;
}

const char *tool_ring_file(const char *ring)
{
	static char paths[4][320];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "/dev/shm/%s", ring + strlen("mem:"));
	return path;
}

const char *tool_make_ring(const char *name, const char *size)
{
	const char *ring = tool_ring(name);

	unlink(tool_ring_file(ring));
	tool_expect(0, "", ARGS("create", ring, "--size", size));
	return ring;
}

/* In the child. */
static void run_program(const int fds[3], const char *program, const char *const *args)
{
	const char *argv[32];
	size_t i;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	/* A shell that runs us in the background ignores it. */
	signal(SIGINT, SIG_DFL);
	for (i = 0; i < 3; i++) {
		fd = fds[i] >= 0 ? fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
		/* Above what dup2() will take next. */
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		if (fd < 0 || dup2(fd, (int)i) < 0)
			_exit(126);
	}
	argv[0] = program;
	for (i = 0; args[i] && i < 30; i++)
		argv[i + 1] = args[i];
	argv[i + 1] = NULL;
	execvp(program, (char *const *)argv);
	_exit(127);
}

pid_t tool_spawn(int in, int out, int err, const char *program, const char *const *args)
{
	const int fds[3] = { in, out, err };
	pid_t pid;

	if (!program)
		program = build_path("tools/chute");
	/* What the test has to say must not be said twice. */
	fflush(NULL);
	pid = fork();
	if (!pid)
		run_program(fds, program, args);
	assert_true(pid > 0);
	return pid;
}

int tool_wait(pid_t pid)
{
	struct pollfd p = { .events = POLLIN };
	int status;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(p.fd >= 0);
	if (poll(&p, 1, PATIENCE_MS) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fail_msg("the tool did not end within a minute");
	}
	close(p.fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int tool_file(const void *bytes, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	tool_write(fd, bytes, size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

void tool_write(int fd, const void *bytes, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write(fd, (const char *)bytes + done, size - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

char *tool_file_bytes(int fd, size_t *size)
{
	size_t room = 1 << 16;
	char *bytes = malloc(room);
	ssize_t n;

	*size = 0;
	lseek(fd, 0, SEEK_SET);
	do {
		if (room - *size < 2)
			bytes = realloc(bytes, room *= 2);
		assert_non_null(bytes);
		n = read(fd, bytes + *size, room - *size - 1);
		assert_true(n >= 0);
		*size += (size_t)n;
	} while (n);
	bytes[*size] = '\0';
	return bytes;
}

void tool_read(int fd, void *bytes, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = read(fd, (char *)bytes + done, size - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

void tool_pipe(int fds[2])
{
	assert_return_code(pipe2(fds, O_CLOEXEC), errno);
}

void tool_run_as(const char *program, struct tool_output *o, const void *input, size_t input_size,
		 const char *const *args)
{
	int in = tool_file(input, input_size), out = tool_file("", 0), err = tool_file("", 0);
	size_t size;

	o->status = tool_wait(tool_spawn(in, out, err, program, args));
	o->out = tool_file_bytes(out, &o->out_size);
	o->err = tool_file_bytes(err, &size);
	close(in);
	close(out);
	close(err);
}

void tool_run(struct tool_output *o, const void *input, size_t input_size, const char *const *args)
{
	tool_run_as(NULL, o, input, input_size, args);
}

void tool_free(struct tool_output *o)
{
	free(o->out);
	free(o->err);
}

void tool_said(const struct tool_output *o, int status, const char *line)
{
	char want[1024];

	snprintf(want, sizeof(want), "%s%s", line, *line ? "\n" : "");
	assert_string_equal(o->err, want);
	assert_int_equal(o->status, status);
}

void tool_said_after(const struct tool_output *o, int status, const char *line, long records)
{
	char want[1024], *second = strchr(o->err, '\n');
	size_t length;

	length = (size_t)snprintf(want, sizeof(want), "%s%s", line, *line ? "\n" : "");
	assert_memory_equal(o->err, want, length);
	assert_int_equal(o->status, status);
	if (!*line)
		second = o->err - 1;
	assert_non_null(second);
	snprintf(want, sizeof(want), ": %ld record%s, ", records, records == 1 ? "" : "s");
	if (!strstr(second + 1, want) || strchr(second + 1, '\n')[1])
		fail_msg("no summary of %ld records, or more than that: %s", records, o->err);
}

void tool_expect(int status, const char *err, const char *const *args)
{
	struct tool_output o;

	tool_run(&o, "", 0, args);
	tool_said(&o, status, err);
	assert_int_equal(o.out_size, 0);
	tool_free(&o);
}

void tool_take_framed(const char *ring, struct tool_output *o)
{
	tool_run(o, "", 0, ARGS("recv", "-q", ring, "--framed", "--timeout", "0"));
	tool_said(o, 0, "");
}

void tool_copy(char *dir, char *path, size_t size)
{
	char command[8192];

	if (geteuid())
		skip_because("not root: everything here runs without privileges");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(path, size, "%s/chute", dir);
	snprintf(command, sizeof(command), "install -m 755 '%s' '%s'", build_path("tools/chute"),
		 path);
	assert_int_equal(system(command), 0);
}

void tool_copy_remove(const char *dir, const char *path)
{
	unlink(path);
	rmdir(dir);
}
