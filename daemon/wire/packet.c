/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include "wire/checksum.h"
#include "wire/ip_header.h"
#include "wire/tcp_option.h"

enum { TCP_HEADER_LEN = 20, TIMESTAMPS_LEN = 10 };

/* False: no list of options. */
static bool parse_options(struct segment *segment, struct bytes list)
{
	struct cursor options = cursor_over(list);
	struct tcp_option option;

	while (tcp_option_next(&option, &options)) {
		struct cursor body = cursor_over(option.body);

		if (tcp_option_is_forbidden(&option))
			segment->has_forbidden_options = true;
		if (option.kind != TCP_OPTION_TIMESTAMPS)
			continue;
		if (option.len != TIMESTAMPS_LEN)
			return false;
		segment->has_timestamps = true;
		segment->timestamp_value = cursor_u32(&body);
		segment->timestamp_echo = cursor_u32(&body);
	}
	return !options.failed;
}

/* RFC 9293 section 3.1. */
static enum packet_result parse_tcp(struct segment *segment, const struct ip_header *ip,
                                    struct bytes tcp, bool checksum_ready)
{
	struct cursor header = cursor_over(tcp);
	size_t header_len;
	struct bytes options;

	segment->source = (struct endpoint){ .address = ip->source };
	segment->destination = (struct endpoint){ .address = ip->destination };
	segment->source.port = cursor_u16(&header);
	segment->destination.port = cursor_u16(&header);
	segment->seq = cursor_u32(&header);
	segment->ack = cursor_u32(&header);
	header_len = (size_t)(cursor_u8(&header) >> 4) * 4;
	segment->flags = cursor_u8(&header);
	segment->window = cursor_u16(&header);
	cursor_skip(&header, 4); /* checksum and urgent pointer */
	if (header.failed || header_len < TCP_HEADER_LEN)
		return PACKET_MALFORMED;
	options = cursor_bytes(&header, header_len - TCP_HEADER_LEN);
	if (header.failed)
		return PACKET_MALFORMED;

	if (checksum_ready && checksum_of_tcp(&ip->source, &ip->destination, tcp) != 0)
		return PACKET_BAD_CHECKSUM;
	if (!parse_options(segment, options))
		return PACKET_MALFORMED;

	segment->tcp_offset = (uint16_t)ip->payload_offset;
	segment->payload_offset = (uint16_t)(ip->payload_offset + header_len);
	segment->payload = bytes_after(tcp, header_len);
	return PACKET_OK;
}

enum packet_result packet_parse(struct segment *segment, struct bytes packet, bool checksum_ready)
{
	struct segment parsed = { 0 };
	struct ip_header ip;
	enum packet_result result = ip_header_parse(&ip, packet, checksum_ready);

	if (result != PACKET_OK)
		return result;
	result = parse_tcp(&parsed, &ip, bytes_slice(packet, ip.payload_offset, ip.payload_len),
	                   checksum_ready);
	if (result == PACKET_OK)
		*segment = parsed;
	return result;
}

uint32_t segment_span(const struct segment *segment)
{
	uint32_t span = (uint32_t)segment->payload.len;

	if (segment->flags & TCP_SYN)
		span++;
	if (segment->flags & TCP_FIN)
		span++;
	return span;
}

int32_t seq_distance(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}
