/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_IP_HEADER_H
#define HOPGUARD_WIRE_IP_HEADER_H

/*
 * The IP part of a packet that carries TCP or UDP: IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200, 2675, 6946).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/bytes.h"
#include "wire/packet.h"

/*
 * Extension headers of one packet. RFC 8200 section 4.1 has seven with none repeated, and nobody
 * sends even that to a mail server.
 */
enum { IP_EXTENSIONS_MAX = 8 };

enum { IPV4_HEADER_LEN = 20, IPV6_HEADER_LEN = 40 };

struct ip_header {
	struct address source;
	struct address destination;
	size_t payload_offset; /* of the TCP or UDP header: below 2^16 */
	size_t payload_len;    /* by the IP header: without padding behind it */
	size_t jumbo_at;       /* offset of the jumbo payload option, 0 when there is none */
};

/* OK: TCP follows, at least by its number. See packet_parse. */
enum packet_result ip_header_parse(struct ip_header *header, struct bytes packet,
                                   bool checksum_ready);
/* The same where UDP is wanted; NOT_TCP means not UDP. */
enum packet_result ip_header_parse_udp(struct ip_header *header, struct bytes packet,
                                       bool checksum_ready);

#endif
