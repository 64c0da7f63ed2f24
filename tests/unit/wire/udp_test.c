/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t ipv4[] = {
	0x45, 0,  0,    32,   0,   1,  0, 0, 64,  17,  0,   0,
	198,  51, 100,  1,    192, 0,  2, 2, /* IP */
	0,    53, 0x9c, 0x40, 0,   12, 0, 0, 'd', 'n', 's', '!',
};

static const uint8_t ipv6[] = {
	0x60, 0,  0,    0,    0, 20, 60, 64, /* destination options first */
	0x20, 1,  0x0d, 0xb8, 0, 0,  0,  0,  0,   0,   0,   0,   0, 0, 0, 1, /* source */
	0x20, 1,  0x0d, 0xb8, 0, 0,  0,  0,  0,   0,   0,   0,   0, 0, 0, 2, /* destination */
	17,   0,  1,    4,    0, 0,  0,  0,                                  /* options */
	0,    53, 0x9c, 0x40, 0, 12, 0,  0,  'd', 'n', 's', '!',
};

/* In memory of just its size, so that a sanitizer sees a read behind it. */
static enum packet_result parse(struct datagram *datagram, const uint8_t *octets, size_t len)
{
	static uint8_t *packet;
	enum packet_result result;

	free(packet);
	packet = malloc(len > 0 ? len : 1);
	assert_non_null(packet);
	memcpy(packet, octets, len);
	result = udp_parse(datagram, bytes_of(packet, len));
	return result;
}

static void check(const struct datagram *datagram, const char *source, const char *destination)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_string_equal(endpoint_format(text, &datagram->source), source);
	assert_string_equal(endpoint_format(text, &datagram->destination), destination);
	assert_true(bytes_equal(datagram->payload, bytes_of_string("dns!")));
}

static void a_datagram_is_read_in_either_family(void **state)
{
	struct datagram datagram;
	uint8_t longer[sizeof(ipv6) + 6];

	(void)state;
	assert_int_equal(parse(&datagram, ipv4, sizeof(ipv4)), PACKET_OK);
	check(&datagram, "198.51.100.1:53", "192.0.2.2:40000");
	memcpy(longer, ipv6, sizeof(ipv6));
	longer[5] += 8;
	assert_int_equal(parse(&datagram, longer, sizeof(ipv6)), PACKET_MALFORMED);
	longer[5] = 8 + 12;
	assert_int_equal(parse(&datagram, longer, sizeof(ipv6)), PACKET_OK);
	check(&datagram, "[2001:db8::1]:53", "[2001:db8::2]:40000");
	/* Padding of the link is no part of it. */
	memset(longer + sizeof(ipv6), 0xaa, 6);
	assert_int_equal(parse(&datagram, longer, sizeof(longer)), PACKET_OK);
	check(&datagram, "[2001:db8::1]:53", "[2001:db8::2]:40000");
}

static void a_packet_cut_anywhere_is_none(void **state)
{
	struct datagram datagram;
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(ipv4); len++)
		assert_int_not_equal(parse(&datagram, ipv4, len), PACKET_OK);
	for (len = 0; len < sizeof(ipv6); len++)
		assert_int_not_equal(parse(&datagram, ipv6, len), PACKET_OK);
}

static void a_length_that_lies_is_malformed(void **state)
{
	uint8_t packet[sizeof(ipv4)];
	struct datagram datagram;

	(void)state;
	memcpy(packet, ipv4, sizeof(packet));
	packet[25] = 13;
	assert_int_equal(parse(&datagram, packet, sizeof(packet)), PACKET_MALFORMED);
	packet[25] = 7;
	assert_int_equal(parse(&datagram, packet, sizeof(packet)), PACKET_MALFORMED);
	packet[25] = 8;
	assert_int_equal(parse(&datagram, packet, sizeof(packet)), PACKET_OK);
	assert_int_equal(datagram.payload.len, 0);
}

static void fragments_and_other_protocols_are_told_apart(void **state)
{
	uint8_t packet[sizeof(ipv4)];
	struct datagram datagram;

	(void)state;
	memcpy(packet, ipv4, sizeof(packet));
	packet[6] = 0x20;
	assert_int_equal(parse(&datagram, packet, sizeof(packet)), PACKET_FRAGMENT);
	packet[9] = 6;
	assert_int_equal(parse(&datagram, packet, sizeof(packet)), PACKET_NOT_TCP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_read_in_either_family),
		cmocka_unit_test(a_packet_cut_anywhere_is_none),
		cmocka_unit_test(a_length_that_lies_is_malformed),
		cmocka_unit_test(fragments_and_other_protocols_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
