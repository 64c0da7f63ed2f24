/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_NFQUEUE_H
#define HOPGUARD_NET_NFQUEUE_H

/*
 * One netfilter queue (libnetfilter_queue over libmnl). The supervisor opens and binds it and keeps
 * the socket; a guard adopts the inherited descriptor. Segments come unsegmented (NFQA_CFG_F_GSO);
 * each optional flag is asked for in a message of its own, since an unsupported one takes the whole
 * message with it. Packets are always whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct nfqueue;

struct nfqueue_packet {
	uint32_t id;
	uint8_t netfilter_hook; /* NF_INET_FORWARD… of linux/netfilter.h; 255: none (a capture) */
	uint32_t mark;
	uint32_t ingress; /* interface index, the port of a frame that crosses a bridge; 0: none */
	bool is_bridged; /* a frame that crosses a bridge, lent by br_netfilter; not what a bridge brings to this machine */
	uint8_t hardware_address[8];
	uint8_t hardware_address_len; /* 0: none */
	uint16_t ethertype;           /* of hardware frames, host order */
	bool checksum_ready;
	bool is_gso;
	struct bytes packet; /* IP header first; borrowed */
};

struct nfqueue_counters {
	uint64_t received;
	uint64_t overruns; /* ENOBUFS: the kernel could not give us some; TCP sends those again */
	/* Larger than a message (BIG TCP): dropped, TCP sends them again in pieces. */
	uint64_t truncated;
	uint64_t verdict_errors;
};

/*
 * Creates, binds and sizes the queue. *opened is a descriptor, not blocking. -EPERM: no capability;
 * -EBUSY: taken, by the port id in *owner_portid (mostly a process id; 0: unknown).
 */
int nfqueue_open(int *opened, uint32_t *owner_portid, uint16_t number, uint32_t queue_len);
/* For what must not wait for us: once queue_len packets wait, the kernel passes the next by itself. 0 or -errno. */
int nfqueue_pass_when_full(int descriptor, uint16_t number);

/* The guard's side. Takes the descriptor over. NULL: out of memory. */
struct nfqueue *nfqueue_adopt(int descriptor, uint16_t number);
void nfqueue_free(struct nfqueue *queue);
int nfqueue_descriptor(const struct nfqueue *queue);

typedef void (*nfqueue_packet_fn)(void *owner, const struct nfqueue_packet *packet);

/* Reads what is there, up to a batch; on_packet for each. 0, -EAGAIN when empty, or -errno. */
int nfqueue_receive(struct nfqueue *queue, nfqueue_packet_fn on_packet, void *owner);

struct nfqueue_verdict {
	uint32_t id;
	bool is_accepted;
	bool repeats; /* accepted, but the hook's rules see it again first: a mark must tell them */
	bool has_mark;
	uint32_t mark;
	/* Replaces the packet when not empty; its checksums must be complete. */
	struct bytes packet;
};

/* Verdicts are gathered and leave by nfqueue_flush, or when the batch is full. */
int nfqueue_verdict(struct nfqueue *queue, const struct nfqueue_verdict *verdict);
int nfqueue_flush(struct nfqueue *queue);
/* Drops each packet up to and including `id` without a verdict yet: what a predecessor had read. */
int nfqueue_drop_up_to(struct nfqueue *queue, uint32_t id);
const struct nfqueue_counters *nfqueue_counters(const struct nfqueue *queue);

#endif
