/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_NFLOG_H
#define HOPGUARD_NET_NFLOG_H

/*
 * One NFLOG group (nfnetlink_log over libmnl): copies of packets that go their way whatever we do. The supervisor opens and binds
 * it and keeps the socket; a guard adopts the inherited descriptor. Copies may be lost, that is only counted.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct nflog;

struct nflog_counters {
	uint64_t received;
	uint64_t overruns;  /* ENOBUFS: the kernel had no room for some */
	uint64_t truncated; /* larger than a message, or cut by the rule: left out */
};

/* *opened is a descriptor, not blocking. 0, -EBUSY (another program has the group), -EPERM, or -errno. */
int nflog_open(int *opened, uint16_t group);

/* Takes an inherited descriptor over. NULL: out of memory, the descriptor stays the caller's. */
struct nflog *nflog_adopt(int descriptor);
void nflog_free(struct nflog *log);
int nflog_descriptor(const struct nflog *log);

/* IP header first, checksums perhaps not filled in yet; borrowed. */
typedef void (*nflog_packet_fn)(void *owner, struct bytes packet);

/* Reads what is there, up to a batch; on_packet for each. 0, -EAGAIN when empty, or -errno. */
int nflog_receive(struct nflog *log, nflog_packet_fn on_packet, void *owner);
const struct nflog_counters *nflog_counters(const struct nflog *log);

#endif
