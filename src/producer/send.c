/* SPDX-License-Identifier: BSD-2-Clause */
/* send.c: a whole message in one call, and telling the consumer. */
#include "producer/producer.h"
#include "ring/bpf.h"

#include <errno.h>
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

int chute_send(struct chute *c, const void *data, __u32 size, __s64 timeout_ns)
{
	struct chute_producer *p = chute_producer_of(c);
	void *payload;

	payload = chute_reserve_for(c, size, timeout_ns);
	if (!payload)
		return -errno;
	if (size)
		memcpy(payload, data, size);
	chute_submit(c, payload);
	if (p->kick_every && is_kick_due(p))
		chute_kick(c);
	return 0;
}
