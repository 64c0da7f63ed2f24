/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include <stdlib.h>
#include <string.h>

#include "parsed.h"

static void an_ipv6_segment_shows_its_fields(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV6_DATA);

	(void)state;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	check_addresses(&parsed, "[2001:db8::2]:40112", "[2001:db8:25::25]:25");
	assert_int_equal(parsed.tcp_offset, 40);
	assert_int_equal(parsed.payload_offset, 60);
	assert_int_equal(parsed.payload.len, 15);
	assert_int_equal(segment_span(&parsed), 15);
}

static void ipv6_extension_headers_lie_before_the_segment(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV6_CHAIN);

	(void)state;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	assert_int_equal(parsed.tcp_offset, CHAIN_TCP);
	assert_int_equal(parsed.payload_offset, 152);
	assert_int_equal(parsed.payload.len, 1);
	assert_int_equal(parsed.flags, TCP_URG | TCP_ACK);
	assert_int_equal(parsed.timestamp_value, 9);
	assert_int_equal(parsed.timestamp_echo, 8);

	/* Padding of one octet and of five in the place of hop-by-hop options. */
	memcpy(packet.octets + 42, (const uint8_t[]){ 0, 1, 3, 0, 0, 0 }, 6);
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	assert_int_equal(parsed.tcp_offset, CHAIN_TCP);
}

static void an_ipv6_fragment_is_told_apart_but_for_atomic_ones(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV6_CHAIN);

	(void)state;
	put_u16(packet.octets + 90, 0x0001); /* more follow */
	assert_int_equal(parse(&parsed, &packet, true), PACKET_FRAGMENT);
	put_u16(packet.octets + 90, 0x0008); /* not the first */
	assert_int_equal(parse(&parsed, &packet, true), PACKET_FRAGMENT);
	packet.octets[88] = 6;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_FRAGMENT);
	packet.octets[88] = 17;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_NOT_TCP);
	put_u16(packet.octets + 90, 0x0006); /* reserved bits are ignored */
	packet.octets[88] = 51;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
}

static void an_address_mapped_from_ipv4_is_malformed(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV6_DATA);

	(void)state;
	memset(packet.octets + 8, 0, 10);
	memset(packet.octets + 18, 0xff, 2);
	assert_int_equal(parse(&parsed, &packet, false), PACKET_MALFORMED);
	packet = packet_of(IPV6_DATA);
	memset(packet.octets + 24, 0, 10);
	memset(packet.octets + 34, 0xff, 2);
	assert_int_equal(parse(&parsed, &packet, false), PACKET_MALFORMED);
}

static void a_chain_of_extension_headers_is_bounded(void **state)
{
	struct segment parsed;
	struct packet plain = packet_of(IPV6_DATA);
	struct packet packet = plain;

	(void)state;
	for (size_t count = 0; count <= 9; count++) {
		uint8_t *at = packet.octets + IPV6_TCP;

		memcpy(packet.octets, plain.octets, IPV6_TCP);
		packet.len = plain.len + count * 8;
		put_u16(packet.octets + 4, (uint16_t)(packet.len - IPV6_TCP));
		if (count > 0)
			packet.octets[6] = 60;
		for (size_t i = 0; i < count; i++, at += 8) {
			static const uint8_t padding[8] = { 60, 0, 1, 4 };

			memcpy(at, padding, 8);
			if (i == count - 1)
				at[0] = 6;
		}
		memcpy(at, plain.octets + IPV6_TCP, plain.len - IPV6_TCP);
		assert_int_equal(parse(&parsed, &packet, true),
		                 count <= 8 ? PACKET_OK : PACKET_MALFORMED);
	}
}

/* A big segment as the kernel makes it: hop-by-hop options with the jumbo payload option. */
static size_t make_jumbo(uint8_t *octets, size_t payload_len)
{
	static const uint8_t hop_by_hop[8] = { 6, 0, 0xc2, 4 };
	struct packet plain = packet_of(IPV6_DATA);
	size_t len = 40 + 8 + 20 + payload_len;

	memcpy(octets, plain.octets, 40);
	octets[6] = 0;
	put_u16(octets + 4, 0);
	memcpy(octets + 40, hop_by_hop, 8);
	put_u32(octets + 44, (uint32_t)(len - 40));
	memcpy(octets + 48, plain.octets + 40, 20);
	memset(octets + 68, 'x', payload_len);
	return len;
}

static void a_jumbo_payload_is_the_kernels_own_alone(void **state)
{
	enum { PAYLOAD = 66000, ROOM = PAYLOAD + 200 };
	uint8_t *octets = malloc(ROOM);
	struct segment segment;
	size_t len;

	(void)state;
	assert_non_null(octets);
	len = make_jumbo(octets, PAYLOAD);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len), false), PACKET_OK);
	assert_int_equal(segment.tcp_offset, 48);
	assert_int_equal(segment.payload.len, PAYLOAD);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len), true), PACKET_MALFORMED);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len - 1), false),
	                 PACKET_MALFORMED);

	/* Together with a length in the header. */
	put_u16(octets + 4, 100);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len), false), PACKET_MALFORMED);
	put_u16(octets + 4, 0);

	/* A length that 16 bits can say. */
	put_u32(octets + 44, 65535);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len), false), PACKET_MALFORMED);
	put_u32(octets + 44, 65536);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len), false), PACKET_OK);
	assert_int_equal(segment.payload.len, 65536 - 28);
	free(octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv6_segment_shows_its_fields),
		cmocka_unit_test(ipv6_extension_headers_lie_before_the_segment),
		cmocka_unit_test(an_ipv6_fragment_is_told_apart_but_for_atomic_ones),
		cmocka_unit_test(an_address_mapped_from_ipv4_is_malformed),
		cmocka_unit_test(a_chain_of_extension_headers_is_bounded),
		cmocka_unit_test(a_jumbo_payload_is_the_kernels_own_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
