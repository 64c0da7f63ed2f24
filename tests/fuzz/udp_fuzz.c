/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any octets as an IP packet with UDP: what parses lies inside, ends where its header says, is no TCP, and is none any more once an octet of
 * its end is missing.
 */

#include "require.h"

#include "wire/packet.h"
#include "wire/udp.h"

enum { HEADER_LEN = 8, CUTS_MAX = 48 };

static void check_datagram(const struct datagram *datagram, struct bytes packet)
{
	struct segment segment;
	struct cursor header;
	size_t end;

	REQUIRE(datagram->source.address.family == 4 || datagram->source.address.family == 6);
	REQUIRE(datagram->source.address.family == datagram->destination.address.family);
	REQUIRE(packet_parse(&segment, packet, false) != PACKET_OK);
	if (datagram->payload.len == 0)
		return;
	REQUIRE(datagram->payload.data >= packet.data + HEADER_LEN);
	end = (size_t)(datagram->payload.data - packet.data) + datagram->payload.len;
	REQUIRE(end <= packet.len);
	header = cursor_over(
		bytes_slice(packet, end - datagram->payload.len - HEADER_LEN, HEADER_LEN));
	REQUIRE(cursor_u16(&header) == datagram->source.port);
	REQUIRE(cursor_u16(&header) == datagram->destination.port);
	REQUIRE(cursor_u16(&header) == HEADER_LEN + datagram->payload.len);
	for (size_t cut = 0; cut < end; cut += 1 + end / CUTS_MAX) {
		struct datagram part;

		REQUIRE(udp_parse(&part, exact_cut(packet, cut)) != PACKET_OK);
	}
	(void)exact_cut(packet, packet.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes packet = exact_copy(bytes_of(data, len));
	struct datagram datagram = { 0 };

	if (udp_parse(&datagram, packet) == PACKET_OK)
		check_datagram(&datagram, packet);
	exact_free(packet);
	return 0;
}
