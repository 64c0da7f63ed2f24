/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include <string.h>

#include "parsed.h"
#include "wire/checksum.h"

static void mend_ipv4_checksum(struct packet *packet)
{
	size_t len = (size_t)(packet->octets[0] & 0x0f) * 4;

	put_u16(packet->octets + 10, 0);
	put_u16(packet->octets + 10, checksum_of(bytes_of(packet->octets, len)));
}

static void an_ipv4_segment_shows_its_fields(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_DATA);

	(void)state;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	check_addresses(&parsed, "192.0.2.2:40112", "198.51.100.25:25");
	assert_int_equal(parsed.seq, 0xfffffff0);
	assert_int_equal(parsed.ack, 0x01020304);
	assert_int_equal(parsed.window, 501);
	assert_int_equal(parsed.flags, TCP_PSH | TCP_ACK);
	assert_int_equal(parsed.tcp_offset, 20);
	assert_int_equal(parsed.payload_offset, 52);
	assert_int_equal(parsed.payload.len, 8);
	assert_true(parsed.has_timestamps);
	assert_int_equal(parsed.timestamp_value, 0x11223344);
	assert_int_equal(parsed.timestamp_echo, 0x55667788);
	assert_false(parsed.has_forbidden_options);
}

static void ipv4_options_lie_before_the_segment(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_OPTIONS);

	(void)state;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	assert_int_equal(parsed.tcp_offset, 28);
	assert_int_equal(parsed.payload_offset, 48);
	assert_int_equal(parsed.payload.len, 7);
	assert_int_equal(parsed.flags, TCP_FIN | TCP_PSH | TCP_ACK);
	assert_false(parsed.has_timestamps);
	assert_int_equal(segment_span(&parsed), 8);
}

static void ipv4_options_that_lead_elsewhere_or_lie_are_malformed(void **state)
{
	static const struct {
		uint8_t octets[8];
		enum packet_result want;
	} options[] = {
		{ { 0x94, 4, 0, 0, 1, 1, 1, 0 }, PACKET_OK },
		{ { 7, 7, 4, 0, 0, 0, 0, 0 }, PACKET_OK },
		{ { 0, 131, 7, 4, 9, 9, 9, 9 }, PACKET_OK }, /* behind the end of the list */
		{ { 131, 7, 4, 9, 9, 9, 9, 0 }, PACKET_MALFORMED },
		{ { 131, 7, 8, 9, 9, 9, 9, 0 }, PACKET_MALFORMED },
		{ { 1, 137, 7, 4, 9, 9, 9, 9 }, PACKET_MALFORMED },
		{ { 7, 9, 4, 0, 0, 0, 0, 0 }, PACKET_MALFORMED },
		{ { 7, 0, 1, 1, 1, 1, 1, 1 }, PACKET_MALFORMED },
		{ { 7, 1, 1, 1, 1, 1, 1, 1 }, PACKET_MALFORMED },
		{ { 1, 1, 1, 1, 1, 1, 1, 7 }, PACKET_MALFORMED },
	};
	struct packet packet = packet_of(IPV4_OPTIONS);
	struct segment parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		memcpy(packet.octets + 20, options[i].octets, sizeof(options[i].octets));
		mend_ipv4_checksum(&packet);
		if (parse(&parsed, &packet, true) != options[i].want)
			fail_msg("case %zu", i);
	}
}

static void options_that_carry_data_past_us_are_noticed(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_SYN);
	static const struct {
		uint8_t octets[12];
		bool is_forbidden;
	} options[] = {
		{ { 30, 12, 0x00, 0x81 }, true },
		{ { 30, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, true },
		{ { 34, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, true },
		{ { 69, 12 }, true },
		{ { 254, 12, 0xf9, 0x89 }, true },
		{ { 254, 4, 0xf9, 0x89, 0 }, true },
		{ { 253, 12, 0xf9, 0x89 }, true },
		{ { 253, 12, 0x45, 0x4e }, true },
		{ { 254, 12, 0xe2, 0xd4, 0xc3, 0xd9 }, true },
		{ { 254, 12, 0xf9, 0x88 }, false },
		{ { 254, 3, 0xf9, 0x89, 3, 3 }, false },
		{ { 254, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, false },
		{ { 5, 10, 30, 30, 30, 30, 34, 34, 34, 34, 1, 1 }, false },
		{ { 0, 12, 30, 12, 34, 34 }, false },
		{ { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 30, 2 }, true },
	};

	(void)state;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	assert_true(parsed.has_forbidden_options);
	assert_true(parsed.has_timestamps);
	assert_int_equal(segment_span(&parsed), 9);

	/* The Fast Open option goes, MPTCP's place takes each of the others. */
	memset(packet.octets + 72, 1, 8);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		memcpy(packet.octets + 60, options[i].octets, sizeof(options[i].octets));
		assert_int_equal(parse(&parsed, &packet, false), PACKET_OK);
		if (parsed.has_forbidden_options != options[i].is_forbidden)
			fail_msg("kind %u, case %zu", options[i].octets[0], i);
	}
}

static void options_of_impossible_length_are_malformed(void **state)
{
	struct segment parsed;
	static const uint8_t wrong[][12] = {
		{ 2, 0 },
		{ 2, 1 },
		{ 2, 13 },
		{ 99, 255 },
		{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8 },
		{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8, 3 },
		{ 8, 9 },
		{ 8, 11 },
		{ 8, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
		{ 2, 4, 5, 180, 3, 0 },
	};
	struct packet packet = packet_of(IPV4_DATA);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(packet.octets + IPV4_TCP + TCP_OPTIONS, wrong[i], 12);
		if (parse(&parsed, &packet, false) != PACKET_MALFORMED)
			fail_msg("case %zu", i);
	}
}

static void a_packet_cut_anywhere_is_malformed(void **state)
{
	struct segment parsed;
	static const char *const vectors[] = { IPV4_DATA, IPV4_OPTIONS, IPV4_SYN, IPV6_DATA,
		                               IPV6_CHAIN };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct packet packet = packet_of(vectors[i]);

		for (packet.len--; packet.len > 0; packet.len--) {
			assert_int_equal(parse(&parsed, &packet, true), PACKET_MALFORMED);
			assert_int_equal(parse(&parsed, &packet, false), PACKET_MALFORMED);
		}
		assert_int_equal(parse(&parsed, &packet, true), PACKET_MALFORMED);
	}
}

static void an_ip_length_cut_anywhere_is_never_taken_for_whole(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_DATA);
	uint16_t whole = (uint16_t)packet.len;

	(void)state;
	for (uint16_t len = 1; len < whole; len++) {
		put_u16(packet.octets + 2, len);
		mend_ipv4_checksum(&packet);
		assert_int_equal(parse(&parsed, &packet, true),
		                 len < 52 ? PACKET_MALFORMED : PACKET_BAD_CHECKSUM);
		assert_int_equal(parse(&parsed, &packet, false),
		                 len < 52 ? PACKET_MALFORMED : PACKET_OK);
	}

	packet = packet_of(IPV6_CHAIN);
	for (uint16_t len = 1; len < 112; len++) {
		put_u16(packet.octets + 4, len);
		assert_int_equal(parse(&parsed, &packet, false), PACKET_MALFORMED);
	}
}

static void padding_behind_the_ip_length_is_no_payload(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_DATA);

	(void)state;
	memset(packet.octets + packet.len, 0xee, 6);
	packet.len += 6;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	assert_int_equal(parsed.payload.len, 8);

	packet = packet_of(IPV6_DATA);
	memset(packet.octets + packet.len, 0xee, 6);
	packet.len += 6;
	assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	assert_int_equal(parsed.payload.len, 15);
}

static void an_ipv4_length_of_zero_is_the_kernels_own_alone(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_DATA);

	(void)state;
	put_u16(packet.octets + 2, 0);
	mend_ipv4_checksum(&packet);
	assert_int_equal(parse(&parsed, &packet, true), PACKET_MALFORMED);
	assert_int_equal(parse(&parsed, &packet, false), PACKET_OK);
	assert_int_equal(parsed.payload.len, 8);
}

static void each_damaged_octet_is_a_bad_checksum_or_malformed(void **state)
{
	struct segment parsed;
	static const char *const vectors[] = { IPV4_DATA, IPV4_OPTIONS, IPV4_SYN, IPV6_DATA };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct packet packet = packet_of(vectors[i]);

		for (size_t at = 0; at < packet.len; at++) {
			/* IPv6 itself has no checksum: only what the pseudo-header covers. */
			if (packet.octets[0] >> 4 == 6 && (at < 8 && at != 6))
				continue;
			packet.octets[at] ^= 0x5a;
			assert_int_not_equal(parse(&parsed, &packet, true), PACKET_OK);
			packet.octets[at] ^= 0x5a;
		}
		assert_int_equal(parse(&parsed, &packet, true), PACKET_OK);
	}
}

static void checksums_are_not_looked_at_before_they_are_ready(void **state)
{
	struct segment parsed;
	struct packet packet = packet_of(IPV4_DATA);

	(void)state;
	packet.octets[IPV4_TCP + 16] ^= 1;
	assert_int_equal(parse(&parsed, &packet, false), PACKET_OK);
	assert_int_equal(parse(&parsed, &packet, true), PACKET_BAD_CHECKSUM);

	packet = packet_of(IPV4_DATA);
	packet.octets[10] ^= 1;
	assert_int_equal(parse(&parsed, &packet, false), PACKET_OK);
	assert_int_equal(parse(&parsed, &packet, true), PACKET_BAD_CHECKSUM);
}

static void an_ipv4_fragment_is_told_apart(void **state)
{
	struct segment parsed;
	static const struct {
		uint16_t fragment;
		enum packet_result want;
	} cases[] = {
		{ 0x0000, PACKET_OK },       { 0x4000, PACKET_OK },
		{ 0x8000, PACKET_OK },       { 0x2000, PACKET_FRAGMENT },
		{ 0x0001, PACKET_FRAGMENT }, { 0x1fff, PACKET_FRAGMENT },
		{ 0x6000, PACKET_FRAGMENT }, { 0x4001, PACKET_FRAGMENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet packet = packet_of(IPV4_DATA);

		put_u16(packet.octets + 6, cases[i].fragment);
		mend_ipv4_checksum(&packet);
		assert_int_equal(parse(&parsed, &packet, true), cases[i].want);
		packet.octets[9] = 17;
		mend_ipv4_checksum(&packet);
		assert_int_equal(parse(&parsed, &packet, true), PACKET_NOT_TCP);
	}
}

static void what_is_not_tcp_is_said_so(void **state)
{
	struct segment parsed;
	static const uint8_t protocols[] = { 1, 4, 17, 41, 47, 50, 51, 58, 59, 132, 135, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct packet packet = packet_of(IPV4_DATA);

		packet.octets[9] = protocols[i];
		mend_ipv4_checksum(&packet);
		assert_int_equal(parse(&parsed, &packet, true), PACKET_NOT_TCP);
		if (protocols[i] == 51)
			continue;
		packet = packet_of(IPV6_CHAIN);
		packet.octets[96] = protocols[i];
		assert_int_equal(parse(&parsed, &packet, true), PACKET_NOT_TCP);
	}
}

static void contradicting_headers_are_malformed(void **state)
{
	struct segment parsed;
	static const struct {
		const char *vector;
		size_t at;
		uint8_t octet;
	} cases[] = {
		{ IPV4_DATA, 0, 0x44 },             /* header of 16 octets */
		{ IPV4_DATA, 0, 0x4f },             /* header into the data offset: no TCP left */
		{ IPV4_DATA, 0, 0x55 },             /* version 5 */
		{ IPV4_DATA, 0, 0x05 },             /* version 0 */
		{ IPV4_DATA, 3, 0x3d },             /* longer than the packet */
		{ IPV4_DATA, IPV4_TCP + 12, 0x40 }, /* TCP header of 16 octets */
		{ IPV4_DATA, IPV4_TCP + 12, 0xf0 }, /* TCP header longer than the packet */
		{ IPV6_DATA, 5, 0x24 },             /* longer than the packet */
		{ IPV6_DATA, IPV6_TCP + 12, 0x40 },
		{ IPV6_DATA, IPV6_TCP + 12, 0x90 },
		{ IPV6_CHAIN, 48, 0 },   /* hop-by-hop options not in front */
		{ IPV6_CHAIN, 43, 200 }, /* an option longer than its header */
		{ IPV6_CHAIN, 41, 200 }, /* a header longer than the packet */
		{ IPV6_CHAIN, 49, 200 },
		{ IPV6_CHAIN, 97, 200 },
		{ IPV6_CHAIN, 67, 1 },    /* a routing header with a segment to go */
		{ IPV6_CHAIN, 42, 0xc2 }, /* a jumbo option of two octets */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet packet = packet_of(cases[i].vector);

		packet.octets[cases[i].at] = cases[i].octet;
		if (parse(&parsed, &packet, false) != PACKET_MALFORMED)
			fail_msg("case %zu: octet %zu", i, cases[i].at);
	}
}

static void a_header_too_short_is_malformed_whatever_it_carries(void **state)
{
	struct packet packet = packet_of(IPV4_DATA);
	struct segment parsed;

	(void)state;
	packet.octets[0] = 0x44;
	packet.octets[9] = 17;
	assert_int_equal(parse(&parsed, &packet, false), PACKET_MALFORMED);
}

static void sequence_numbers_wrap(void **state)
{
	(void)state;
	assert_int_equal(seq_distance(5, 3), 2);
	assert_int_equal(seq_distance(3, 5), -2);
	assert_int_equal(seq_distance(2, 0xfffffffe), 4);
	assert_int_equal(seq_distance(0xfffffffe, 2), -4);
	assert_int_equal(seq_distance(0x80000000, 1), INT32_MAX);
}

static void only_data_syn_and_fin_take_sequence_numbers(void **state)
{
	struct segment segment = { .payload = { .len = 10 } };

	(void)state;
	segment.flags = TCP_PSH | TCP_RST | TCP_ACK | TCP_URG | TCP_ECE | TCP_CWR;
	assert_int_equal(segment_span(&segment), 10);
	segment.flags = TCP_SYN;
	assert_int_equal(segment_span(&segment), 11);
	segment.flags = TCP_SYN | TCP_FIN;
	assert_int_equal(segment_span(&segment), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_segment_shows_its_fields),
		cmocka_unit_test(ipv4_options_lie_before_the_segment),
		cmocka_unit_test(ipv4_options_that_lead_elsewhere_or_lie_are_malformed),
		cmocka_unit_test(options_that_carry_data_past_us_are_noticed),
		cmocka_unit_test(options_of_impossible_length_are_malformed),
		cmocka_unit_test(a_packet_cut_anywhere_is_malformed),
		cmocka_unit_test(an_ip_length_cut_anywhere_is_never_taken_for_whole),
		cmocka_unit_test(padding_behind_the_ip_length_is_no_payload),
		cmocka_unit_test(an_ipv4_length_of_zero_is_the_kernels_own_alone),
		cmocka_unit_test(each_damaged_octet_is_a_bad_checksum_or_malformed),
		cmocka_unit_test(checksums_are_not_looked_at_before_they_are_ready),
		cmocka_unit_test(an_ipv4_fragment_is_told_apart),
		cmocka_unit_test(what_is_not_tcp_is_said_so),
		cmocka_unit_test(contradicting_headers_are_malformed),
		cmocka_unit_test(a_header_too_short_is_malformed_whatever_it_carries),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(only_data_syn_and_fin_take_sequence_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
