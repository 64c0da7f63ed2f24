/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/craft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"
#include "packet_vectors.h"

static const char *const vectors[] = { IPV4_DATA, IPV4_OPTIONS, IPV4_SYN, IPV6_DATA, IPV6_CHAIN };

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static struct endpoint endpoint_of(const char *address, uint16_t port)
{
	struct endpoint endpoint = { .port = port };

	assert_true(address_parse(&endpoint.address, address));
	return endpoint;
}

/* Parses the whole of a crafted packet: nothing may lie behind it. */
static struct segment parse_whole(const uint8_t *packet, size_t len)
{
	struct segment segment = { 0 };

	assert_int_equal(packet_parse(&segment, bytes_of(packet, len), true), PACKET_OK);
	assert_int_equal(segment.payload_offset + segment.payload.len, len);
	return segment;
}

static void check_crafted(const struct craft *craft, size_t headers)
{
	struct guarded page = guarded_new();
	size_t len = headers + craft->payload.len;
	uint8_t *packet = page.start + GUARDED_ROOM - len;
	struct segment segment;

	assert_int_equal(craft_segment(packet, len - 1, craft), 0);
	assert_int_equal(craft_segment(packet, len, craft), len);
	segment = parse_whole(packet, len);
	assert_int_equal(segment.seq, craft->seq);
	assert_int_equal(segment.ack, craft->flags & TCP_ACK ? craft->ack : 0);
	assert_int_equal(segment.flags, craft->flags);
	assert_int_equal(segment.window, craft->window);
	assert_int_equal(segment.has_timestamps, craft->has_timestamps);
	if (craft->has_timestamps) {
		assert_int_equal(segment.timestamp_value, craft->timestamp_value);
		assert_int_equal(segment.timestamp_echo, craft->timestamp_echo);
	}
	assert_true(address_equal(&segment.source.address, &craft->source.address));
	assert_true(address_equal(&segment.destination.address, &craft->destination.address));
	assert_int_equal(segment.source.port, craft->source.port);
	assert_int_equal(segment.destination.port, craft->destination.port);
	assert_true(bytes_equal(segment.payload, craft->payload));
	guarded_free(&page);
}

static void a_crafted_segment_parses_to_what_was_asked(void **state)
{
	static const char *const texts[] = { "", "4", "421 4.7.4 no TLS\r\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct craft craft = { .source = endpoint_of("198.51.100.25", 25),
			               .destination = endpoint_of("192.0.2.2", 40112),
			               .seq = 0xfffffff8,
			               .ack = 0x01020304,
			               .window = 1234,
			               .flags = TCP_ACK | TCP_PSH | TCP_FIN,
			               .timestamp_value = 0x11223344,
			               .timestamp_echo = 0x55667788,
			               .payload = bytes_of_string(texts[i]) };

		check_crafted(&craft, 40);
		craft.has_timestamps = true;
		check_crafted(&craft, 52);
		craft.flags = TCP_RST;
		check_crafted(&craft, 52);
		craft.source = endpoint_of("2001:db8:25::25", 25);
		craft.destination = endpoint_of("2001:db8::2", 40112);
		check_crafted(&craft, CRAFT_HEADERS_MAX);
		craft.has_timestamps = false;
		check_crafted(&craft, 60);
	}
}

static void a_crafted_segment_is_never_longer_than_ip_can_say(void **state)
{
	enum { ROOM = 66000 };
	uint8_t *packet = malloc(ROOM);
	uint8_t *payload = calloc(1, ROOM);
	struct craft craft = { .source = endpoint_of("198.51.100.25", 25),
		               .destination = endpoint_of("192.0.2.2", 40112) };

	(void)state;
	assert_non_null(packet);
	assert_non_null(payload);
	craft.payload = bytes_of(payload, 65535 - 40);
	assert_int_equal(craft_segment(packet, ROOM, &craft), 65535);
	parse_whole(packet, 65535);
	craft.payload.len++;
	assert_int_equal(craft_segment(packet, ROOM, &craft), 0);

	craft.source = endpoint_of("2001:db8:25::25", 25);
	craft.destination = endpoint_of("2001:db8::2", 40112);
	craft.payload.len = 65535 - 20;
	assert_int_equal(craft_segment(packet, ROOM, &craft), 65535 + 40);
	parse_whole(packet, 65535 + 40);
	craft.payload.len++;
	assert_int_equal(craft_segment(packet, ROOM, &craft), 0);
	free(payload);
	free(packet);
}

static void a_new_payload_leaves_all_else_as_it_was(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		for (size_t len = 0; len < 60; len++) {
			uint8_t octets[VECTOR_MAX];
			uint8_t before[VECTOR_MAX];
			size_t whole = vector_read(octets, vectors[i]);
			struct bytes payload = guarded_bytes(
				&page, bytes_slice(bytes_of(octets, sizeof(octets)), 3, len));
			struct segment old = parse_whole(octets, whole);
			struct segment new;
			size_t tcp = old.tcp_offset;
			size_t written;

			memcpy(before, octets, sizeof(before));
			written = craft_replace_payload(octets, old.payload_offset + len, &old, 77,
			                                payload, true);
			assert_int_equal(written, old.payload_offset + len);
			new = parse_whole(octets, written);
			assert_true(bytes_equal(new.payload, payload));
			assert_int_equal(new.seq, 77);
			assert_int_equal(new.flags, old.flags & ~TCP_URG);
			assert_int_equal(octets[tcp + 18] << 8 | octets[tcp + 19], 0);

			/* All octets but lengths, checksums, sequence number, flags and urgent pointer. */
			memcpy(before + (octets[0] >> 4 == 4 ? 2 : 4),
			       octets + (octets[0] >> 4 == 4 ? 2 : 4), 2);
			if (octets[0] >> 4 == 4)
				memcpy(before + 10, octets + 10, 2);
			memcpy(before + tcp + 4, octets + tcp + 4, 4);
			before[tcp + 13] = octets[tcp + 13];
			memcpy(before + tcp + 16, octets + tcp + 16, 4);
			assert_memory_equal(before, octets, old.payload_offset);
		}
	}
	guarded_free(&page);
}

static void fin_stays_only_if_it_may(void **state)
{
	uint8_t octets[VECTOR_MAX];
	struct bytes none = { 0 };

	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		size_t len = vector_read(octets, IPV4_OPTIONS);
		struct segment segment = parse_whole(octets, len);

		len = craft_replace_payload(octets, sizeof(octets), &segment, segment.seq, none,
		                            keep);
		segment = parse_whole(octets, len);
		assert_int_equal(segment.flags & TCP_FIN, keep ? TCP_FIN : 0);
	}
}

static void a_packet_may_keep_a_part_of_its_own_payload(void **state)
{
	uint8_t octets[VECTOR_MAX];
	size_t len = vector_read(octets, IPV6_DATA);
	struct segment segment = parse_whole(octets, len);

	(void)state;
	len = craft_replace_payload(octets, len, &segment, segment.seq + 5,
	                            bytes_after(segment.payload, 5), false);
	segment = parse_whole(octets, len);
	assert_true(bytes_equal(segment.payload, bytes_of_string("TO:<a@b>\r\n")));
}

static void a_payload_that_does_not_fit_changes_nothing(void **state)
{
	static const uint8_t payload[66000];
	uint8_t octets[VECTOR_MAX];
	uint8_t before[VECTOR_MAX];
	size_t len = vector_read(octets, IPV4_DATA);
	struct segment segment = parse_whole(octets, len);

	(void)state;
	memcpy(before, octets, sizeof(before));
	assert_int_equal(
		craft_replace_payload(octets, len, &segment, 1, bytes_of(payload, 9), true), 0);
	assert_int_equal(craft_replace_payload(octets, 70000, &segment, 1,
	                                       bytes_of(payload, 65535 - 51), true),
	                 0);
	assert_memory_equal(before, octets, len);
}

static void a_reset_is_bare_and_never_grows(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t octets[VECTOR_MAX];
		size_t whole = vector_read(octets, vectors[i]);
		struct segment old = parse_whole(octets, whole);
		struct segment new;
		struct guarded page = guarded_new();
		/* A copy of the headers alone is enough. */
		uint8_t *headers = guarded_place(&page, bytes_of(octets, old.payload_offset));
		size_t len = craft_into_reset(headers, &old, 0x0badcafe);

		assert_int_equal(len, old.tcp_offset + 20);
		new = parse_whole(headers, len);
		assert_int_equal(new.flags, TCP_RST);
		assert_int_equal(new.seq, 0x0badcafe);
		assert_int_equal(new.ack, 0);
		assert_int_equal(new.window, 0);
		assert_int_equal(new.payload.len, 0);
		assert_false(new.has_timestamps);
		assert_int_equal(new.source.port, old.source.port);
		assert_int_equal(new.destination.port, old.destination.port);
		assert_true(address_equal(&new.source.address, &old.source.address));
		assert_true(address_equal(&new.destination.address, &old.destination.address));
		guarded_free(&page);
	}
}

static void a_clean_syn_keeps_its_other_options(void **state)
{
	static const uint8_t want[40] = { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0,
		                          0, 0, 1,    3,    3, 7, 1, 1,  1, 1, 1, 1, 1, 1,
		                          1, 1, 1,    1,    1, 1, 1, 1,  1, 1, 0, 0 };
	struct guarded page = guarded_new();
	uint8_t octets[VECTOR_MAX];
	size_t whole = vector_read(octets, IPV4_SYN);
	struct segment segment = parse_whole(octets, whole);
	uint8_t *headers = guarded_place(&page, bytes_of(octets, segment.payload_offset));
	size_t len;

	(void)state;
	assert_true(segment.has_forbidden_options);
	len = craft_clean_syn(headers, &segment);
	assert_int_equal(len, segment.payload_offset);
	segment = parse_whole(headers, len);
	assert_false(segment.has_forbidden_options);
	assert_true(segment.has_timestamps);
	assert_int_equal(segment.flags, TCP_SYN);
	assert_int_equal(segment.seq, 7);
	assert_int_equal(segment.payload.len, 0);
	assert_memory_equal(headers + 40, want, sizeof(want));
	guarded_free(&page);
}

static void a_big_segment_rewritten_has_an_ordinary_length(void **state)
{
	enum { PAYLOAD = 66000, ROOM = PAYLOAD + 68 };
	static const uint8_t hop_by_hop[8] = { 6, 0, 0xc2, 4 };
	uint8_t *octets = calloc(1, ROOM);
	struct segment segment;
	size_t len;

	(void)state;
	assert_non_null(octets);
	for (int act = 0; act < 2; act++) {
		uint8_t plain[VECTOR_MAX];

		vector_read(plain, IPV6_DATA);
		memcpy(octets, plain, 40);
		octets[6] = 0;
		put_u16(octets + 4, 0);
		memcpy(octets + 40, hop_by_hop, 8);
		put_u32(octets + 44, ROOM - 40);
		memcpy(octets + 48, plain + 40, 20);
		assert_int_equal(packet_parse(&segment, bytes_of(octets, ROOM), false), PACKET_OK);
		len = act ? craft_into_reset(octets, &segment, 5)
		          : craft_replace_payload(octets, ROOM, &segment, 5,
		                                  bytes_of_string("QUIT\r\n"), false);
		segment = parse_whole(octets, len);
		assert_int_equal(len, act ? 68 : 74);
	}
	/* The same of IPv4, where the length is 0. */
	len = vector_read(octets, IPV4_DATA);
	put_u16(octets + 2, 0);
	assert_int_equal(packet_parse(&segment, bytes_of(octets, len), false), PACKET_OK);
	len = craft_into_reset(octets, &segment, 5);
	parse_whole(octets, len);
	free(octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crafted_segment_parses_to_what_was_asked),
		cmocka_unit_test(a_crafted_segment_is_never_longer_than_ip_can_say),
		cmocka_unit_test(a_new_payload_leaves_all_else_as_it_was),
		cmocka_unit_test(fin_stays_only_if_it_may),
		cmocka_unit_test(a_packet_may_keep_a_part_of_its_own_payload),
		cmocka_unit_test(a_payload_that_does_not_fit_changes_nothing),
		cmocka_unit_test(a_reset_is_bare_and_never_grows),
		cmocka_unit_test(a_clean_syn_keeps_its_other_options),
		cmocka_unit_test(a_big_segment_rewritten_has_an_ordinary_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
