/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/ip_header.h"

#include "wire/checksum.h"

enum next_header {
	NEXT_HOP_BY_HOP = 0,
	NEXT_TCP = 6,
	NEXT_UDP = 17,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_DESTINATION_OPTIONS = 60,
};

enum {
	IPV4_OPTION_END = 0,
	IPV4_OPTION_NOP = 1,
	IPV4_OPTION_LOOSE_ROUTE = 131,
	IPV4_OPTION_STRICT_ROUTE = 137,
};

enum { OPTION_PAD1 = 0, OPTION_JUMBO = 0xc2, JUMBO_LEN = 4 };

enum { IPV4_FRAGMENT_BITS = 0x3fff, IPV6_FRAGMENT_BITS = 0xfff9 };

/*
 * RFC 791 section 3.1. A source-routed packet is still on its way to another address than the one it shows, as with IPv6's routing
 * headers: not judged by this one (RFC 7126 section 4.3: to be dropped by everybody).
 */
static bool are_options_sound(struct bytes list)
{
	struct cursor options = cursor_over(list);

	while (cursor_left(&options) > 0) {
		uint8_t type = cursor_u8(&options);
		uint8_t len;

		if (type == IPV4_OPTION_END)
			return true;
		if (type == IPV4_OPTION_NOP)
			continue;
		len = cursor_u8(&options);
		if (len < 2 || type == IPV4_OPTION_LOOSE_ROUTE || type == IPV4_OPTION_STRICT_ROUTE)
			return false;
		cursor_skip(&options, (size_t)len - 2);
	}
	return !options.failed;
}

static enum packet_result parse_ipv4(struct ip_header *header, struct bytes packet,
                                     bool checksum_ready, uint8_t wanted)
{
	struct cursor fields = cursor_over(packet);
	size_t header_len = (size_t)(cursor_u8(&fields) & 0x0f) * 4;
	size_t total_len;
	uint16_t fragment;
	uint8_t protocol;
	struct bytes source;
	struct bytes destination;

	cursor_skip(&fields, 1); /* type of service */
	total_len = cursor_u16(&fields);
	cursor_skip(&fields, 2); /* identification */
	fragment = cursor_u16(&fields);
	cursor_skip(&fields, 1); /* time to live */
	protocol = cursor_u8(&fields);
	cursor_skip(&fields, 2); /* checksum */
	source = cursor_bytes(&fields, 4);
	destination = cursor_bytes(&fields, 4);

	/* Only the kernel's own big segments have no length. */
	if (total_len == 0 && !checksum_ready)
		total_len = packet.len;
	if (fields.failed || header_len < IPV4_HEADER_LEN || header_len > total_len ||
	    total_len > packet.len)
		return PACKET_MALFORMED;
	if (checksum_ready && checksum_of(bytes_slice(packet, 0, header_len)) != 0)
		return PACKET_BAD_CHECKSUM;
	if (protocol != wanted)
		return PACKET_NOT_TCP;
	if (fragment & IPV4_FRAGMENT_BITS)
		return PACKET_FRAGMENT;
	if (!are_options_sound(bytes_slice(packet, IPV4_HEADER_LEN, header_len - IPV4_HEADER_LEN)))
		return PACKET_MALFORMED;

	*header = (struct ip_header){ .source = address_of(4, source.data),
		                      .destination = address_of(4, destination.data),
		                      .payload_offset = header_len,
		                      .payload_len = total_len - header_len };
	return PACKET_OK;
}

/*
 * Hop-by-hop options. *jumbo_at and *jumbo_len stay as they are without a jumbo payload option (RFC
 * 2675).
 */
static bool parse_hop_by_hop(size_t *jumbo_at, uint32_t *jumbo_len, struct bytes extension)
{
	struct cursor options = cursor_over(extension);

	cursor_skip(&options, 2); /* next header and length */
	while (cursor_left(&options) > 0) {
		size_t at = options.at;
		uint8_t type = cursor_u8(&options);
		uint8_t len;

		if (type == OPTION_PAD1)
			continue;
		len = cursor_u8(&options);
		if (type == OPTION_JUMBO && len == JUMBO_LEN && *jumbo_at == 0) {
			*jumbo_at = at;
			*jumbo_len = cursor_u32(&options);
		} else if (type == OPTION_JUMBO) {
			return false;
		} else {
			cursor_skip(&options, len);
		}
	}
	return !options.failed;
}

static bool is_extension(uint8_t next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_FRAGMENT ||
	       next == NEXT_AUTHENTICATION || next == NEXT_DESTINATION_OPTIONS;
}

/* The whole extension header at the cursor, which moves behind it. */
static struct bytes take_extension(struct cursor *chain, uint8_t type)
{
	struct cursor ahead = *chain;
	size_t units;

	cursor_skip(&ahead, 1); /* next header */
	units = cursor_u8(&ahead);
	if (type == NEXT_FRAGMENT)
		return cursor_bytes(chain, 8);
	if (type == NEXT_AUTHENTICATION)
		return cursor_bytes(chain, (units + 2) * 4);
	return cursor_bytes(chain, (units + 1) * 8);
}

/* Walks to the wanted protocol. The cursor stands behind the IPv6 header or its hop-by-hop options. */
static enum packet_result walk_extensions(struct cursor *chain, uint8_t next, uint8_t wanted)
{
	for (int count = 0; is_extension(next); count++) {
		struct bytes extension = take_extension(chain, next);
		struct cursor fields = cursor_over(extension);
		uint8_t type = next;

		/* Hop-by-hop options stand at the very front or nowhere. */
		if (chain->failed || type == NEXT_HOP_BY_HOP || count == IP_EXTENSIONS_MAX)
			return PACKET_MALFORMED;
		next = cursor_u8(&fields);
		cursor_skip(&fields, 1);
		if (type == NEXT_FRAGMENT && (cursor_u16(&fields) & IPV6_FRAGMENT_BITS) != 0)
			return next == wanted || is_extension(next) ? PACKET_FRAGMENT
			                                            : PACKET_NOT_TCP;
		cursor_skip(&fields, 1); /* routing type */
		/*
		 * Still on its way to another address than the one it shows: not judged by this
		 * one.
		 */
		if (type == NEXT_ROUTING && cursor_u8(&fields) != 0)
			return PACKET_MALFORMED;
	}
	return next == wanted ? PACKET_OK : PACKET_NOT_TCP;
}

static enum packet_result parse_ipv6(struct ip_header *header, struct bytes packet,
                                     bool checksum_ready, uint8_t wanted)
{
	struct cursor fields = cursor_over(packet);
	struct ip_header parsed = { 0 };
	struct cursor chain;
	struct bytes source;
	struct bytes destination;
	struct bytes hop_by_hop = { 0 };
	size_t len;
	uint32_t jumbo_len = 0;
	uint8_t next;
	enum packet_result result;

	cursor_skip(&fields, 4); /* version, class, flow label */
	len = cursor_u16(&fields);
	next = cursor_u8(&fields);
	cursor_skip(&fields, 1); /* hop limit */
	source = cursor_bytes(&fields, 16);
	destination = cursor_bytes(&fields, 16);
	if (fields.failed)
		return PACKET_MALFORMED;

	if (next == NEXT_HOP_BY_HOP) {
		hop_by_hop = take_extension(&fields, next);
		if (fields.failed || !parse_hop_by_hop(&parsed.jumbo_at, &jumbo_len, hop_by_hop))
			return PACKET_MALFORMED;
		next = hop_by_hop.data[0];
	}
	if (parsed.jumbo_at > 0) {
		/*
		 * As with IPv4: only the kernel's own big segments are longer than 16 bits can say.
		 */
		if (len != 0 || jumbo_len <= UINT16_MAX || checksum_ready)
			return PACKET_MALFORMED;
		len = jumbo_len;
		parsed.jumbo_at += IPV6_HEADER_LEN;
	}
	if (len > packet.len - IPV6_HEADER_LEN || len < hop_by_hop.len)
		return PACKET_MALFORMED;

	chain = cursor_over(bytes_slice(packet, 0, IPV6_HEADER_LEN + len));
	cursor_skip(&chain, IPV6_HEADER_LEN + hop_by_hop.len);
	result = walk_extensions(&chain, next, wanted);
	if (result != PACKET_OK)
		return result;

	parsed.source = address_of(6, source.data);
	parsed.destination = address_of(6, destination.data);
	/* IPv4-mapped addresses never stand in a packet; they would pose as another connection. */
	if (parsed.source.family != 6 || parsed.destination.family != 6)
		return PACKET_MALFORMED;
	parsed.payload_offset = chain.at;
	parsed.payload_len = cursor_left(&chain);
	*header = parsed;
	return PACKET_OK;
}

static enum packet_result parse(struct ip_header *header, struct bytes packet, bool checksum_ready,
                                uint8_t wanted)
{
	struct cursor first = cursor_over(packet);

	switch (cursor_u8(&first) >> 4) {
	case 4:
		return parse_ipv4(header, packet, checksum_ready, wanted);
	case 6:
		return parse_ipv6(header, packet, checksum_ready, wanted);
	default:
		return PACKET_MALFORMED;
	}
}

enum packet_result ip_header_parse(struct ip_header *header, struct bytes packet,
                                   bool checksum_ready)
{
	return parse(header, packet, checksum_ready, NEXT_TCP);
}

enum packet_result ip_header_parse_udp(struct ip_header *header, struct bytes packet,
                                       bool checksum_ready)
{
	return parse(header, packet, checksum_ready, NEXT_UDP);
}
