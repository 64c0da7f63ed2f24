/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any octets as a packet; the first one says whether checksums are ready. What parses keeps inside
 * the packet, and each rewriting of it parses again, checksums included, to what was asked for.
 */

#include "require.h"

#include "wire/craft.h"

enum { PAYLOAD_MAX = 600 };

static bool has_same_ends(const struct segment *a, const struct segment *b)
{
	return address_equal(&a->source.address, &b->source.address) &&
	       address_equal(&a->destination.address, &b->destination.address) &&
	       a->source.port == b->source.port && a->destination.port == b->destination.port;
}

static struct segment reparse(const uint8_t *packet, size_t len, const struct segment *old)
{
	struct segment segment;

	REQUIRE(packet_parse(&segment, bytes_of(packet, len), true) == PACKET_OK);
	REQUIRE(has_same_ends(&segment, old));
	REQUIRE(segment.payload_offset + segment.payload.len == len);
	REQUIRE(segment.tcp_offset == old->tcp_offset);
	return segment;
}

static void check_replace(struct bytes packet, const struct segment *old)
{
	struct bytes payload = bytes_slice(packet, 1, packet.len % PAYLOAD_MAX);
	size_t room = old->payload_offset + payload.len;
	uint8_t *octets = malloc(room);
	bool keep_fin = packet.len % 2;
	struct segment new;

	REQUIRE(octets);
	memcpy(octets, packet.data, old->payload_offset);
	REQUIRE(craft_replace_payload(octets, room - 1, old, 77, payload, keep_fin) == 0);
	REQUIRE(craft_replace_payload(octets, room, old, 77, payload, keep_fin) == room);
	new = reparse(octets, room, old);
	REQUIRE(bytes_equal(new.payload, payload));
	REQUIRE(new.seq == 77 && new.ack == old->ack &&new.window == old->window);
	REQUIRE(new.flags == (old->flags & ~(TCP_URG | (keep_fin ? 0 : TCP_FIN))));
	REQUIRE(new.has_timestamps == old->has_timestamps);
	REQUIRE(new.timestamp_value == old->timestamp_value);
	free(octets);
}

static void check_headers_only(struct bytes packet, const struct segment *old)
{
	struct bytes copy = exact_copy(bytes_slice(packet, 0, old->payload_offset));
	uint8_t *octets = (uint8_t *)(uintptr_t)copy.data;
	struct segment new;
	size_t len = craft_clean_syn(octets, old);

	REQUIRE(len == old->payload_offset);
	new = reparse(octets, len, old);
	REQUIRE(!new.has_forbidden_options &&new.seq == old->seq);
	REQUIRE(new.flags == (old->flags & ~TCP_URG));
	REQUIRE(new.has_timestamps == old->has_timestamps);

	memcpy(octets, packet.data, copy.len);
	len = craft_into_reset(octets, old, 99);
	REQUIRE(len <= copy.len);
	new = reparse(octets, len, old);
	REQUIRE(new.flags == TCP_RST &&new.seq == 99 && new.payload.len == 0);
	exact_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct segment segment = { 0 };
	struct bytes packet;
	bool checksum_ready;

	if (len == 0)
		return 0;
	checksum_ready = data[0] & 1;
	packet = exact_copy(bytes_of(data + 1, len - 1));
	if (packet_parse(&segment, packet, checksum_ready) == PACKET_OK) {
		REQUIRE(segment.tcp_offset >= 20);
		REQUIRE(segment.payload_offset >= segment.tcp_offset + 20);
		REQUIRE(segment.payload_offset + segment.payload.len <= packet.len);
		REQUIRE(segment.payload.len == 0 ||
		        segment.payload.data == packet.data + segment.payload_offset);
		check_replace(packet, &segment);
		check_headers_only(packet, &segment);
	}
	exact_free(packet);
	return 0;
}
