/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * chute/chute.bpf.h: the receiving side, for BPF programs.
 *
 *	CHUTE_RING(orders, 256 * 1024);
 *
 *	static int on_order(const struct order *order, void *ctx)
 *	{
 *		...
 *		return CHUTE_NEXT;
 *	}
 *	CHUTE_RECEIVE(struct order, on_order);
 *
 *	... in a program:  chute_drain_messages(&orders, on_order, ctx);
 *
 * Include <linux/bpf.h> (or vmlinux.h) and <bpf/bpf_helpers.h> first. Needs
 * nothing that Linux 6.1 has not, and no vmlinux.h. See chute(3).
 */
#ifndef CHUTE_BPF_H
#define CHUTE_BPF_H

#include <chute/ring.bpf.h>    /* CHUTE_RING, and the maps beside it */
#include <chute/unpack.bpf.h>  /* packed messages */
#include <chute/user.bpf.h>    /* records of a user ring buffer */
#include <chute/receive.bpf.h> /* CHUTE_RECEIVE, CHUTE_MESSAGES, chute_drain_messages() */
#include <chute/lanes.bpf.h>   /* CHUTE_LANES and its like */

#endif /* CHUTE_BPF_H */
