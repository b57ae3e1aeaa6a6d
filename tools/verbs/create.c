// SPDX-License-Identifier: BSD-2-Clause
/* create.c: chute create: a memory ring, or a map that is pinned. Whoever looks
 * finds a whole ring or none. */
#include "ring/open.h"
#include "cli/size.h"
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MOST (1ULL << 31)

static int size_check(const char *text, __u64 *size)
{
	const __u64 least = (__u64)sysconf(_SC_PAGESIZE);
	__u64 fits = least;
	int err = size_parse(text, size);

	if (err == -EINVAL)
		return tool_complain(
			"--size %s: not a size: give bytes, or a number with K, M or G", text);
	if (err || *size > SIZE_MOST)
		return tool_complain("--size %s: too big: a ring has at most %s", text,
				     size_exact(SIZE_MOST).text);
	while (fits < *size)
		fits *= 2;
	if (fits != *size)
		return tool_complain("--size %s: a ring's size is a power of two and at least %s: "
				     "%s is the next that is",
				     text, size_exact(least).text, size_exact(fits).text);
	return 0;
}

static int complain_exists(const struct ring *ring, const char *path)
{
	return tool_complain("%s: exists already: 'rm %s' removes it", ring->given, path);
}

/* A file without a name is made a ring and only then given its name. */
static int create_memory(const struct ring *ring, __u64 size)
{
	char self[32];
	int fd, err;

	/* Not needed, but sooner, and not covered up by a full file system. */
	if (!faccessat(AT_FDCWD, ring->path, F_OK, AT_SYMLINK_NOFOLLOW))
		return complain_exists(ring, ring->path);
	fd = open(RING_MEMORY_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return tool_complain("%s: can't make a file in %s: %s", ring->given,
				     RING_MEMORY_DIR, strerror(errno));
	err = -chute_memory_format(fd, (size_t)size);
	if (!err) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, self, AT_FDCWD, ring->path, AT_SYMLINK_FOLLOW))
			err = errno;
	}
	close(fd);
	if (err == EEXIST)
		return complain_exists(ring, ring->path);
	if (err == ENOSPC || err == ENOMEM)
		return tool_complain("%s: no space for %s in %s: give a smaller --size, or remove "
				     "what is not needed there",
				     ring->given, size_exact(size).text, RING_MEMORY_DIR);
	if (err == EFBIG)
		return tool_complain("%s: %s is more than the limit of a file's size here: see "
				     "'ulimit -f'",
				     ring->given, size_exact(size).text);
	if (err)
		return tool_complain("%s: %s: %s", ring->given, ring->path, strerror(err));
	return 0;
}

/* The map is called what the pin is called, in the characters that a map's name may
 * have. */
static int make_map(const struct ring *ring, __u64 size)
{
	char path[4096], *name, *p;
	int fd;

	snprintf(path, sizeof(path), "%s", ring->name);
	name = basename(path);
	for (p = name; *p; p++)
		if (!strchr("0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", *p))
			*p = '_';
	fd = chute_map(name, (size_t)size);
	if (fd >= 0)
		return fd;
	if (fd == -EPERM)
		tool_complain("%s: no permission to make a BPF map: needs CAP_BPF: become root, or "
			      "make a memory ring, mem:NAME",
			      ring->given);
	else if (fd == -EINVAL || fd == -ENOSYS)
		tool_complain(
			"%s: this kernel has no user ring buffers (Linux 6.1 is the first with "
			"them): make a memory ring, mem:NAME",
			ring->given);
	else
		tool_complain("%s: can't make a BPF map of %s: %s", ring->given,
			      size_exact(size).text, strerror(-fd));
	return -1;
}

static int create_pinned(const struct ring *ring, __u64 size)
{
	int bpffs = ring_path_in_bpffs(ring->name), fd, err;
	const char *last = strrchr(ring->name, '/') + 1;

	if (!*last)
		return tool_complain("%s: a directory: give the path of the pin to be made",
				     ring->given);
	if (bpffs < 0)
		return tool_complain("%s: its directory: %s", ring->given, strerror(-bpffs));
	if (!bpffs)
		return tool_complain("%s: not in a bpffs: 'mount -t bpf bpf DIR' mounts one, and "
				     "/sys/fs/bpf is where it usually is",
				     ring->given);
	if (strchr(last, '.'))
		return tool_complain("%s: a bpffs takes no name with a dot in it", ring->given);
	fd = make_map(ring, size);
	if (fd < 0)
		return TOOL_FAILED;
	err = -chute_pin(fd, ring->name);
	close(fd);
	if (err == EEXIST)
		return complain_exists(ring, ring->name);
	if (err == EACCES || err == EPERM)
		return tool_complain("%s: no permission to pin there: become root", ring->given);
	if (err)
		return tool_complain("%s: can't pin there: %s", ring->given, strerror(err));
	return 0;
}

static const struct option_row rows[] = {
	{ "size", "SIZE", option_text, 0,
	  "bytes of data: a power of two from 4K to 2G (K, M, G are of 1024)", .required = true },
	{ 0 },
};

static const struct verb_usage usage = {
	.arguments = "RING",
	.about = "Make a ring: in shared memory (mem:NAME), or in a BPF map pinned at a path in a "
		 "bpffs.",
	.rows = rows,
	.more = "A ring is removed by rm: of /dev/shm/NAME, or of the path.",
	.example = "chute create mem:demo --size 1M",
};

int tool_create(int argc, char **argv)
{
	const char *size_text = NULL;
	struct ring ring;
	__u64 size;
	int status = options_take(&usage, &size_text, &argc, &argv);

	if (status != OPTIONS_GO_ON)
		return status;
	status = ring_argument(&ring, argc, argv);
	if (status)
		return status;
	if (!size_text)
		return tool_misuse("how big? Give --size SIZE");
	status = size_check(size_text, &size);
	if (status)
		return status;
	if (ring.form == RING_BY_FILE)
		return create_memory(&ring, size);
	if (ring.form == RING_BY_PATH)
		return create_pinned(&ring, size);
	return tool_complain("%s: a map lives only as long as something holds it: give a path in a "
			     "bpffs to pin it at, such as /sys/fs/bpf/NAME",
			     ring.given);
}
