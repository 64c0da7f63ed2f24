/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_DNS_STREAMS_H
#define HOPGUARD_FLOW_DNS_STREAMS_H

/*
 * DNS messages over TCP (RFC 7766 section 8), put together from copies of both ends' segments, each direction by itself. Copies
 * may be lost and may come in another order: then the rest of that direction is let go, which costs nothing but what it would
 * have told.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/table.h"
#include "wire/packet.h"

enum {
	DNS_STREAMS_MAX = 512, /* directions at a time; the one unused for longest goes */
	/* Octets of unfinished messages over all of them. */
	DNS_STREAMS_MEMORY_MAX = 4 * 1024 * 1024,
};

struct dns_streams;

/* A whole DNS message; borrowed. segment: the one that completed it, for its addresses. */
typedef void (*dns_streams_fn)(void *owner, const struct segment *segment, struct bytes message);

/* NULL: out of memory. */
struct dns_streams *dns_streams_new(const uint8_t secret[TABLE_SECRET_LEN], dns_streams_fn fn,
                                    void *owner);
void dns_streams_free(struct dns_streams *streams);
/* A segment of either end. A direction is followed from its SYN on. */
void dns_streams_push(struct dns_streams *streams, const struct segment *segment);
/* Directions that were let go before their end. */
uint64_t dns_streams_lost(const struct dns_streams *streams);

#endif
