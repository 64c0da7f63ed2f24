/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_NET_RAWSEND_H
#define HOPGUARD_NET_RAWSEND_H

/*
 * Segments of our own onto the wire. Sockets are opened by the supervisor with their mark set and
 * handed to the guards: one pair marked "to the client" (leaves untracked, so that NAT and INVALID
 * rules let it be), one marked "to the server" (tracked, so that NAT rewrites it), and a packet
 * socket for bridges, where there is no route. None of them receives anything.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/bytes.h"

enum rawsend_socket {
	RAWSEND_CLIENT4,
	RAWSEND_CLIENT6,
	RAWSEND_SERVER4,
	RAWSEND_SERVER6,
	RAWSEND_PACKET,
	RAWSEND_COUNT,
};

/*
 * Opens all of them. Needs CAP_NET_RAW and CAP_NET_ADMIN. -1 for one that the machine does not have
 * (no IPv6). 0 or -errno.
 */
int rawsend_open(int sockets[RAWSEND_COUNT], uint32_t mark_to_client, uint32_t mark_to_server);

/*
 * A whole IP packet to its destination by the routing table. What an output firewall refuses since
 * it is untracked goes tracked instead. 0 or -errno (-ENETUNREACH on a bridge).
 */
int rawsend_routed(const int sockets[RAWSEND_COUNT], enum rawsend_socket which, struct bytes packet,
                   const struct address *destination);

/* A whole IP packet in an Ethernet frame out of that interface. 0 or -errno. */
int rawsend_framed(const int sockets[RAWSEND_COUNT], uint32_t interface_index,
                   const uint8_t source_hardware[6], const uint8_t destination_hardware[6],
                   struct bytes packet);

#endif
