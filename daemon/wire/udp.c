/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/udp.h"

#include "wire/ip_header.h"

enum { UDP_HEADER_LEN = 8 };

enum packet_result udp_parse(struct datagram *datagram, struct bytes packet)
{
	struct ip_header ip;
	struct cursor cursor;
	uint16_t source, destination, len;
	struct bytes payload;
	enum packet_result result = ip_header_parse_udp(&ip, packet, false);

	if (result != PACKET_OK)
		return result;
	cursor = cursor_over(bytes_slice(packet, ip.payload_offset, ip.payload_len));
	source = cursor_u16(&cursor);
	destination = cursor_u16(&cursor);
	len = cursor_u16(&cursor);
	cursor_skip(&cursor, 2); /* checksum */
	if (len < UDP_HEADER_LEN)
		return PACKET_MALFORMED;
	payload = cursor_bytes(&cursor, (size_t)len - UDP_HEADER_LEN);
	if (cursor.failed)
		return PACKET_MALFORMED;
	*datagram = (struct datagram){ .source = { ip.source, source },
		                       .destination = { ip.destination, destination },
		                       .payload = payload };
	return PACKET_OK;
}
