// SPDX-License-Identifier: BSD-2-Clause
/* memory_system.c: messages from one process to another by the kernel: a pipe, and
 * a UNIX datagram socket, which keeps messages apart. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 64

static int pipe_fds[2], socket_fds[2];

/* As much as there is at a time: a reader that wants messages of a known size may. */
static __u64 pipe_receive(const struct way *way, __u64 count)
{
	static char buffer[BENCH_RING_SIZE] __attribute__((aligned(8)));
	const __u64 wanted = count * way->size;
	__u64 sum = 0, got = 0;
	ssize_t n;

	while (got < wanted) {
		n = read(pipe_fds[0], buffer, sizeof(buffer));
		if (n <= 0 || n % 8)
			bench_fail("read: %s", n < 0 ? strerror(errno) : "not what was written");
		sum += way_read(buffer, (__u32)n);
		got += (__u64)n;
	}
	return sum;
}

static __u64 pipe_send(const struct way *way, __u64 count)
{
	const __u32 at_a_time = way->batch ? WAY_BATCH : 1;
	char messages[WAY_BATCH * MESSAGE_MAX] __attribute__((aligned(8)));
	__u64 sum = 0, i;
	ssize_t n;
	__u32 k;

	for (i = 0; i < count; i += at_a_time) {
		for (k = 0; k < at_a_time; k++)
			sum += way_write(messages + k * way->size, way->size, i + k);
		n = write(pipe_fds[1], messages, at_a_time * way->size);
		if (n != (ssize_t)(at_a_time * way->size))
			bench_fail("write: %s", n < 0 ? strerror(errno) : "not all");
	}
	return sum;
}

struct packet {
	struct mmsghdr headers[WAY_BATCH];
	struct iovec vectors[WAY_BATCH];
	char messages[WAY_BATCH][MESSAGE_MAX] __attribute__((aligned(8)));
};

static void packet_init(struct packet *p, __u32 size)
{
	__u32 k;

	memset(p, 0, sizeof(*p));
	for (k = 0; k < WAY_BATCH; k++) {
		p->vectors[k].iov_base = p->messages[k];
		p->vectors[k].iov_len = size;
		p->headers[k].msg_hdr.msg_iov = &p->vectors[k];
		p->headers[k].msg_hdr.msg_iovlen = 1;
	}
}

static __u64 socket_send(const struct way *way, __u64 count)
{
	char message[MESSAGE_MAX] __attribute__((aligned(8)));
	__u64 sum = 0, i;

	for (i = 0; i < count; i++) {
		sum += way_write(message, way->size, i);
		if (send(socket_fds[1], message, way->size, 0) != (ssize_t)way->size)
			bench_fail("send: %s", strerror(errno));
	}
	return sum;
}

static __u64 socket_receive(const struct way *way, __u64 count)
{
	char message[MESSAGE_MAX] __attribute__((aligned(8)));
	__u64 sum = 0, i;

	for (i = 0; i < count; i++) {
		if (recv(socket_fds[0], message, sizeof(message), 0) != (ssize_t)way->size)
			bench_fail("recv: %s", strerror(errno));
		sum += way_read(message, way->size);
	}
	return sum;
}

static __u64 socket_send_batch(const struct way *way, __u64 count)
{
	struct packet p;
	__u64 sum = 0, i;
	__u32 k, sent;
	int n;

	packet_init(&p, way->size);
	for (i = 0; i < count; i += WAY_BATCH) {
		for (k = 0; k < WAY_BATCH; k++)
			sum += way_write(p.messages[k], way->size, i + k);
		for (sent = 0; sent < WAY_BATCH; sent += (__u32)n) {
			n = sendmmsg(socket_fds[1], p.headers + sent, WAY_BATCH - sent, 0);
			if (n < 0)
				bench_fail("sendmmsg: %s", strerror(errno));
		}
	}
	return sum;
}

static __u64 socket_receive_batch(const struct way *way, __u64 count)
{
	struct packet p;
	__u64 sum = 0, got = 0;
	int n, k;

	packet_init(&p, way->size);
	while (got < count) {
		n = recvmmsg(socket_fds[0], p.headers, WAY_BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			bench_fail("recvmmsg: %s", strerror(errno));
		for (k = 0; k < n; k++) {
			if (p.headers[k].msg_len != way->size)
				bench_fail("recvmmsg: a message of %u bytes", p.headers[k].msg_len);
			sum += way_read(p.messages[k], way->size);
		}
		got += (__u64)n;
	}
	return sum;
}

const struct way ways_system[WAYS_SYSTEM] = {
	{ WAY_PIPE, "pipe", 8, false, pipe_send, pipe_receive },
	{ WAY_PIPE, "pipe, 32 a write", 8, true, pipe_send, pipe_receive },
	{ WAY_PIPE, "pipe", 64, false, pipe_send, pipe_receive },
	{ WAY_PIPE, "pipe, 32 a write", 64, true, pipe_send, pipe_receive },
	{ WAY_SOCKET, "datagram socket", 8, false, socket_send, socket_receive },
	{ WAY_SOCKET, "datagram socket, 32 a call", 8, true, socket_send_batch,
	  socket_receive_batch },
	{ WAY_SOCKET, "datagram socket", 64, false, socket_send, socket_receive },
	{ WAY_SOCKET, "datagram socket, 32 a call", 64, true, socket_send_batch,
	  socket_receive_batch },
};

void ways_system_open(void)
{
	if (pipe(pipe_fds) || socketpair(AF_UNIX, SOCK_DGRAM, 0, socket_fds))
		bench_fail("no pipe or no socket: %s", strerror(errno));
	if (fcntl(pipe_fds[1], F_SETPIPE_SZ, BENCH_RING_SIZE) < 0)
		bench_fail("F_SETPIPE_SZ: %s", strerror(errno));
}
