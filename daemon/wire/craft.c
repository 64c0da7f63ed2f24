/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/craft.h"

#include "wire/checksum.h"
#include "wire/ip_header.h"
#include "wire/tcp_option.h"

enum { IP_VERSION_4 = 4, IP_TTL = 64, IP_PROTOCOL_TCP = 6, IP_DONT_FRAGMENT = 0x4000 };

/* Fields of the IPv4, IPv6 and TCP headers by offset. */
enum {
	IPV4_TOTAL_LEN = 2,
	IPV4_FRAGMENT = 6,
	IPV4_TTL = 8,
	IPV4_PROTOCOL = 9,
	IPV4_CHECKSUM = 10,
	IPV4_SOURCE = 12,
	IPV4_DESTINATION = 16,
	IPV6_PAYLOAD_LEN = 4,
	IPV6_NEXT_HEADER = 6,
	IPV6_HOP_LIMIT = 7,
	IPV6_SOURCE = 8,
	IPV6_DESTINATION = 24,
	TCP_SEQ = 4,
	TCP_ACKNOWLEDGEMENT = 8,
	TCP_DATA_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_CHECKSUM = 16,
	TCP_URGENT = 18,
	TCP_HEADER_LEN = 20,
};

/* NOP NOP timestamps, as everybody writes them (RFC 7323 appendix A). */
enum { TIMESTAMPS_PADDED_LEN = 12 };

enum { IPV6_OPTION_PADN = 1 };

static bool is_ipv4(const uint8_t *packet)
{
	return packet[0] >> 4 == IP_VERSION_4;
}

/* The longest packet that the IP header can say. */
static size_t packet_len_max(bool is_v4)
{
	return is_v4 ? UINT16_MAX : IPV6_HEADER_LEN + UINT16_MAX;
}

/* What was rewritten is small again: its jumbo payload option becomes padding (RFC 2675). */
static void drop_jumbo_option(uint8_t *packet, const struct segment *segment)
{
	size_t len = segment->payload_offset + segment->payload.len;
	struct ip_header header;

	if (is_ipv4(packet) || packet[IPV6_PAYLOAD_LEN] != 0 || packet[IPV6_PAYLOAD_LEN + 1] != 0)
		return;
	if (ip_header_parse(&header, bytes_of(packet, len), false) == PACKET_OK &&
	    header.jumbo_at > 0) {
		packet[header.jumbo_at] = IPV6_OPTION_PADN;
		put_u32(packet + header.jumbo_at + 2, 0);
	}
}

/* Writes lengths and checksums of a packet of `len` octets, last of all. */
static void seal(uint8_t *packet, size_t len, const struct segment *segment)
{
	uint8_t *tcp = packet + segment->tcp_offset;

	if (is_ipv4(packet)) {
		size_t header_len = (size_t)(packet[0] & 0x0f) * 4;

		put_u16(packet + IPV4_TOTAL_LEN, (uint16_t)len);
		put_u16(packet + IPV4_CHECKSUM, 0);
		put_u16(packet + IPV4_CHECKSUM, checksum_of(bytes_of(packet, header_len)));
	} else {
		put_u16(packet + IPV6_PAYLOAD_LEN, (uint16_t)(len - IPV6_HEADER_LEN));
	}
	put_u16(tcp + TCP_CHECKSUM, 0);
	put_u16(tcp + TCP_CHECKSUM,
	        checksum_of_tcp(&segment->source.address, &segment->destination.address,
	                        bytes_of(tcp, len - segment->tcp_offset)));
}

static void write_ip_header(uint8_t *packet, const struct craft *craft)
{
	const uint8_t *source = craft->source.address.octets;
	const uint8_t *destination = craft->destination.address.octets;

	if (craft->source.address.family == IP_VERSION_4) {
		memset(packet, 0, IPV4_HEADER_LEN);
		packet[0] = IP_VERSION_4 << 4 | IPV4_HEADER_LEN / 4;
		put_u16(packet + IPV4_FRAGMENT, IP_DONT_FRAGMENT);
		packet[IPV4_TTL] = IP_TTL;
		packet[IPV4_PROTOCOL] = IP_PROTOCOL_TCP;
		memcpy(packet + IPV4_SOURCE, source, 4);
		memcpy(packet + IPV4_DESTINATION, destination, 4);
		return;
	}
	memset(packet, 0, IPV6_HEADER_LEN);
	packet[0] = 6 << 4;
	packet[IPV6_NEXT_HEADER] = IP_PROTOCOL_TCP;
	packet[IPV6_HOP_LIMIT] = IP_TTL;
	memcpy(packet + IPV6_SOURCE, source, 16);
	memcpy(packet + IPV6_DESTINATION, destination, 16);
}

static void write_tcp_header(uint8_t *tcp, size_t len, const struct craft *craft)
{
	put_u16(tcp, craft->source.port);
	put_u16(tcp + 2, craft->destination.port);
	put_u32(tcp + TCP_SEQ, craft->seq);
	put_u32(tcp + TCP_ACKNOWLEDGEMENT, craft->flags & TCP_ACK ? craft->ack : 0);
	tcp[TCP_DATA_OFFSET] = (uint8_t)(len / 4 << 4);
	tcp[TCP_FLAGS] = craft->flags;
	put_u16(tcp + TCP_WINDOW, craft->window);
	put_u16(tcp + TCP_URGENT, 0);
	if (craft->has_timestamps) {
		uint8_t *option = tcp + TCP_HEADER_LEN;

		option[0] = TCP_OPTION_NOP;
		option[1] = TCP_OPTION_NOP;
		option[2] = TCP_OPTION_TIMESTAMPS;
		option[3] = TIMESTAMPS_PADDED_LEN - 2;
		put_u32(option + 4, craft->timestamp_value);
		put_u32(option + 8, craft->timestamp_echo);
	}
}

size_t craft_segment(uint8_t *packet, size_t room, const struct craft *craft)
{
	bool is_v4 = craft->source.address.family == IP_VERSION_4;
	size_t ip_len = is_v4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
	size_t headers = ip_len + TCP_HEADER_LEN;
	size_t len;
	struct segment segment = { .source = craft->source,
		                   .destination = craft->destination,
		                   .tcp_offset = (uint16_t)ip_len };

	if (craft->has_timestamps)
		headers += TIMESTAMPS_PADDED_LEN;
	len = headers + craft->payload.len;
	if (len > room || len > packet_len_max(is_v4))
		return 0;
	write_ip_header(packet, craft);
	write_tcp_header(packet + ip_len, headers - ip_len, craft);
	if (craft->payload.len > 0)
		memcpy(packet + headers, craft->payload.data, craft->payload.len);
	seal(packet, len, &segment);
	return len;
}

size_t craft_replace_payload(uint8_t *packet, size_t room, const struct segment *segment,
                             uint32_t seq, struct bytes payload, bool keep_fin)
{
	size_t len = segment->payload_offset + payload.len;
	uint8_t *tcp = packet + segment->tcp_offset;
	unsigned gone = keep_fin ? TCP_URG : TCP_URG | TCP_FIN;

	if (len > room || len > packet_len_max(is_ipv4(packet)))
		return 0;
	drop_jumbo_option(packet, segment);
	put_u32(tcp + TCP_SEQ, seq);
	tcp[TCP_FLAGS] = (uint8_t)(tcp[TCP_FLAGS] & ~gone);
	put_u16(tcp + TCP_URGENT, 0);
	if (payload.len > 0)
		memmove(packet + segment->payload_offset, payload.data, payload.len);
	seal(packet, len, segment);
	return len;
}

size_t craft_into_reset(uint8_t *packet, const struct segment *segment, uint32_t seq)
{
	size_t len = (size_t)segment->tcp_offset + TCP_HEADER_LEN;
	uint8_t *tcp = packet + segment->tcp_offset;

	drop_jumbo_option(packet, segment);
	put_u32(tcp + TCP_SEQ, seq);
	put_u32(tcp + TCP_ACKNOWLEDGEMENT, 0);
	tcp[TCP_DATA_OFFSET] = TCP_HEADER_LEN / 4 << 4;
	tcp[TCP_FLAGS] = TCP_RST;
	put_u16(tcp + TCP_WINDOW, 0);
	put_u16(tcp + TCP_URGENT, 0);
	seal(packet, len, segment);
	return len;
}

size_t craft_clean_syn(uint8_t *packet, const struct segment *segment)
{
	uint8_t *list = packet + segment->tcp_offset + TCP_HEADER_LEN;
	struct cursor options = cursor_over(bytes_of(
		list, (size_t)segment->payload_offset - segment->tcp_offset - TCP_HEADER_LEN));
	struct tcp_option option;

	drop_jumbo_option(packet, segment);
	packet[segment->tcp_offset + TCP_FLAGS] &= (uint8_t)~TCP_URG;
	put_u16(packet + segment->tcp_offset + TCP_URGENT, 0);
	while (tcp_option_next(&option, &options)) {
		if (tcp_option_is_forbidden(&option))
			memset(list + option.at, TCP_OPTION_NOP, option.len);
	}
	seal(packet, segment->payload_offset, segment);
	return segment->payload_offset;
}
