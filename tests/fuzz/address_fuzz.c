/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text as an address, a network, or a literal of SMTP: what is taken is written and read again as the same, a network holds itself, and an
 * address behind NAT64 is the one that stands in it.
 */

#include "require.h"

#include "base/nat64.h"
#include "policy/peer_names.h"

static void check_address(const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	struct address again;

	REQUIRE(address->family == 4 || address->family == 6);
	REQUIRE(address_parse(&again, address_format(text, address)));
	REQUIRE(address_equal(&again, address));
}

static void check_network(const struct network *network)
{
	char text[NETWORK_TEXT_MAX];
	struct network again;

	REQUIRE(network->prefix_len <= 8 * address_len(&network->address));
	REQUIRE(network_contains(network, &network->address));
	REQUIRE(network_parse(&again, network_format(text, network)));
	REQUIRE(network_equal(&again, network));
}

/* RFC 6052 section 2.2: four octets behind the prefix, but none at 8. */
static struct address compose(const struct network *prefix, const uint8_t ipv4[4])
{
	uint8_t octets[16] = { 0 };
	size_t at = prefix->prefix_len / 8;

	memcpy(octets, prefix->address.octets, at);
	for (size_t i = 0; i < 4; i++, at++) {
		at += at == 8;
		octets[at] = ipv4[i];
	}
	return address_of(6, octets);
}

static void check_nat64(const struct network *network)
{
	static const uint8_t ipv4[4] = { 198, 51, 100, 7 };
	static const struct network well_known = { { 6, { 0x00, 0x64, 0xff, 0x9b } }, 96 };
	const struct nat64 nat64 = { .prefixes = { *network }, .prefix_count = 1 };
	struct address ipv6, behind;

	if (!nat64_is_prefix(network))
		return;
	ipv6 = compose(network, ipv4);
	behind = nat64_behind(&nat64, &ipv6);
	if (!network_contains(&well_known, &ipv6))
		REQUIRE(behind.family == 4 && memcmp(behind.octets, ipv4, sizeof(ipv4)) == 0);
	behind = address_of(4, ipv4);
	REQUIRE(nat64_may_stand_for(&ipv6, &behind));
	ipv6 = network->address;
	behind = nat64_behind(&nat64, &ipv6);
	REQUIRE(behind.family == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct address address;
	struct network network, cleared;

	REQUIRE(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (address_parse(&address, text))
		check_address(&address);
	if (peer_name_literal(&address, text))
		check_address(&address);
	if (network_parse_any(&cleared, text))
		check_network(&cleared);
	if (network_parse(&network, text)) {
		REQUIRE(network_parse_any(&cleared, text) && network_equal(&network, &cleared));
		check_nat64(&network);
	}
	free(text);
	return 0;
}
