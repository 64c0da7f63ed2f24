/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_CRAFT_H
#define HOPGUARD_WIRE_CRAFT_H

/*
 * Packets written: segments of our own, and received ones rewritten, which keep their IP header
 * with its options or extension headers. All lengths and checksums come out complete.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/packet.h"

/* IPv6 40 + TCP 20 + timestamps 12. */
enum { CRAFT_HEADERS_MAX = 72 };

struct craft {
	struct endpoint source;
	struct endpoint destination; /* same family */
	uint32_t seq;
	uint32_t ack; /* sent with TCP_ACK */
	uint16_t window;
	uint8_t flags;
	bool has_timestamps;
	uint32_t timestamp_value;
	uint32_t timestamp_echo;
	struct bytes payload;
};

/*
 * Octets written to `packet`: TTL or hop limit 64, don't-fragment. 0 when room is too small or the
 * payload is longer than an IP packet can be.
 */
size_t craft_segment(uint8_t *packet, size_t room, const struct craft *craft);

/*
 * Rewrites the packet that `segment` was parsed from, or a copy, in place, TCP options kept, to carry
 * `payload` (which may be a part of its data) at `seq`. FIN stays only if keep_fin; URG goes. Octets
 * of the new packet; 0, with nothing written, when it does not fit in room or in an IP packet. Where
 * `payload` is not in the packet itself, a copy of its headers is enough.
 */
size_t craft_replace_payload(uint8_t *packet, size_t room, const struct segment *segment,
                             uint32_t seq, struct bytes payload, bool keep_fin);

/*
 * Rewrites it into a bare RST at `seq`: no data, no TCP options, no acknowledgement (none is needed
 * to reset a connection past its handshake, RFC 9293 section 3.10.7.4). Octets of the new packet,
 * never more than the headers before, of which alone a copy is needed.
 */
size_t craft_into_reset(uint8_t *packet, const struct segment *segment, uint32_t seq);

/*
 * Overwrites forbidden options (wire/tcp_option.h) by NOPs and removes data and URG. Octets of the
 * new packet: the headers, of which alone a copy is needed.
 */
size_t craft_clean_syn(uint8_t *packet, const struct segment *segment);

#endif
