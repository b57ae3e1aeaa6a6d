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

/* Would receivers of messages take it apart? One that is longer than what is packed they
 * can't be kept from. */
static bool looks_packed(const void *data, __u32 size)
{
	const __u64 magic = CHUTE_PACK_MAGIC;

	return size >= sizeof(struct chute_packed) && size <= CHUTE_PACK_MESSAGE_MAX &&
	       !memcmp(data, &magic, sizeof(magic));
}

int chute_send(struct chute *c, const void *data, __u32 size, __s64 timeout_ns)
{
	struct chute_producer *p = chute_producer_of(c);
	const struct chute_packed alone = {
		.magic = CHUTE_PACK_MAGIC,
		.size = size,
		.bytes = chute_message_bytes(size),
	};
	/* A message that begins as packed records do stays one if it is packed. */
	const bool packed = looks_packed(data, size);
	char *payload;

	payload = chute_reserve_for(c, packed ? (__u32)sizeof(alone) + alone.bytes : size,
				    timeout_ns);
	if (!payload)
		return -errno;
	if (packed)
		memcpy(payload, &alone, sizeof(alone));
	if (size)
		memcpy(packed ? payload + sizeof(alone) : payload, data, size);
	chute_submit(c, payload);
	if (p->kick_every && is_kick_due(p))
		chute_kick(c);
	return 0;
}
