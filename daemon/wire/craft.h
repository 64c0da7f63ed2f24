/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_CRAFT_H
#define HOPGUARD_WIRE_CRAFT_H

/* Packets written: segments of our own, and received ones rewritten. All checksums come out complete. */

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

/* Octets written to `packet`, TTL or hop limit 64, don't-fragment; 0 when room is too small. */
size_t craft_segment(uint8_t *packet, size_t room, const struct craft *craft);

/*
 * Rewrites a parsed packet in place, options kept, to carry `payload` (may not overlap the packet) at `seq`. FIN stays only
 * if keep_fin; URG goes. Octets of the new packet; 0 when it does not fit in room.
 */
size_t craft_replace_payload(uint8_t *packet, size_t room, const struct segment *segment,
                             uint32_t seq, struct bytes payload, bool keep_fin);

/* Rewrites a parsed packet into a bare RST at `seq` with no options. Octets of the new packet. */
size_t craft_into_reset(uint8_t *packet, const struct segment *segment, uint32_t seq);

/* Overwrites MPTCP and Fast Open options by NOPs and removes data of a SYN. Octets of the new packet. */
size_t craft_clean_syn(uint8_t *packet, size_t len, const struct segment *segment);

#endif
