/* SPDX-License-Identifier: BSD-2-Clause */
/* send.c: a whole message in one call, and telling the consumer. */
#include "producer/producer.h"
#include "ring/bpf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

int chute_kick(struct chute *c)
{
	struct chute_producer *p = chute_producer_of(c);
	__u32 retval;
	int err;

	chute_pack_close(p);
	chute_publish(c);
	if (p->kind->look)
		p->kind->look(p);
	if (p->ring.backend == CHUTE_BACKEND_MEMORY) {
		chute_wake_consumer(&p->ring);
		return 0;
	}
	if (p->drain_prog_fd < 0)
		return -EOPNOTSUPP;
	err = chute_bpf_test_run(p->drain_prog_fd, &retval);
	return err ? err : (int)retval;
}

/* Threads that share the handle may count one too few, and never past the end. */
static bool is_kick_due(struct chute_producer *p)
{
	__u32 left = chute_load_relaxed(&p->kick_left);
	bool due = left <= 1;

	chute_store_relaxed(&p->kick_left, due ? p->kick_every : left - 1);
	return due;
}

/* Reserve, fill and submit a record of one message. */
static int send_plain(struct chute *c, const void *data, __u32 size, __s64 timeout_ns)
{
	void *payload = chute_reserve_for(c, size, timeout_ns);

	if (!payload)
		return -errno;
	if (size)
		memcpy(payload, data, size);
	chute_submit(c, payload);
	return 0;
}

/* Would receivers of messages take it apart? One that is longer than what is packed they
 * can't be kept from. */
static bool looks_packed(const void *data, __u32 size)
{
	const __u64 magic = CHUTE_PACK_MAGIC;

	return size >= sizeof(struct chute_packed) && size <= CHUTE_PACK_MESSAGE_MAX &&
	       !memcmp(data, &magic, sizeof(magic));
}

/* A message that begins as packed records do: packed, it stays one message. */
static int send_packed(struct chute *c, const void *data, __u32 size, __s64 timeout_ns)
{
	const __u32 bytes = chute_message_bytes(size);
	struct chute_packed *pack;

	pack = chute_reserve_for(c, sizeof(*pack) + bytes, timeout_ns);
	if (!pack)
		return -errno;
	pack->magic = CHUTE_PACK_MAGIC;
	pack->size = size;
	pack->bytes = bytes;
	memcpy(pack + 1, data, size);
	chute_submit(c, pack);
	return 0;
}

int chute_send(struct chute *c, const void *data, __u32 size, __s64 timeout_ns)
{
	struct chute_producer *p = chute_producer_of(c);
	int err;

	err = looks_packed(data, size) ? send_packed(c, data, size, timeout_ns)
				       : send_plain(c, data, size, timeout_ns);
	if (err)
		return err;
	if (p->kick_every && is_kick_due(p))
		chute_kick(c);
	return 0;
}
