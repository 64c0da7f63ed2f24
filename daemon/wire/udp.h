/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_UDP_H
#define HOPGUARD_WIRE_UDP_H

/*
 * An IP packet that carries UDP (RFC 768). Checksums are not looked at: a copy may have been taken before they were filled in,
 * and what is read here never goes on.
 */

#include "wire/packet.h"

/* The payload is borrowed from the packet. */
struct datagram {
	struct endpoint source;
	struct endpoint destination;
	struct bytes payload;
};

/* PACKET_NOT_TCP: not UDP. */
enum packet_result udp_parse(struct datagram *datagram, struct bytes packet);

#endif
