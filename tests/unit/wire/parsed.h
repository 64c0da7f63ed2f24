/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_WIRE_PARSED_H
#define HOPGUARD_TESTS_UNIT_WIRE_PARSED_H

/* A packet of the vectors, changed or not, and parsed where an octet read too far is a fault. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"
#include "packet_vectors.h"
#include "wire/packet.h"

/* Offsets into the vectors. */
enum { IPV4_TCP = 20, IPV6_TCP = 40, TCP_OPTIONS = 20, CHAIN_TCP = 120 };

struct packet {
	uint8_t octets[VECTOR_MAX];
	size_t len;
};

static inline struct packet packet_of(const char *hexadecimal)
{
	struct packet packet;

	packet.len = vector_read(packet.octets, hexadecimal);
	return packet;
}

static inline enum packet_result parse(struct segment *parsed, const struct packet *packet,
                                       bool checksum_ready)
{
	struct guarded page = guarded_new();
	enum packet_result result =
		packet_parse(parsed, guarded_bytes(&page, bytes_of(packet->octets, packet->len)),
	                     checksum_ready);

	/* What is borrowed from the page goes with it. */
	parsed->payload.data = NULL;
	guarded_free(&page);
	return result;
}

static inline void check_addresses(const struct segment *parsed, const char *source,
                                   const char *destination)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_string_equal(endpoint_format(text, &parsed->source), source);
	assert_string_equal(endpoint_format(text, &parsed->destination), destination);
}

#endif
