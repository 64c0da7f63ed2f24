/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nat64.h"

#include <stdint.h>
#include <string.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { IPV4_LEN = 4, IPV6_LEN = 16, RESERVED_OCTET = 8 };

static const uint8_t prefix_lens[] = { 32, 40, 48, 56, 64, 96 };

static const struct network well_known = {
	.address = { .family = 6, .octets = { 0x00, 0x64, 0xff, 0x9b } },
	.prefix_len = 96,
};

bool nat64_is_prefix(const struct network *network)
{
	return network->address.family == 6 &&
	       memchr(prefix_lens, network->prefix_len, sizeof(prefix_lens));
}

/* What stands behind a prefix of that length; bits 64 to 71 are left out. Returns the first octet behind it. */
static size_t extract(struct address *ipv4, const struct address *ipv6, uint8_t prefix_len)
{
	uint8_t octets[IPV4_LEN];
	size_t at = prefix_len / 8;

	for (size_t i = 0; i < IPV4_LEN; i++, at++) {
		if (at == RESERVED_OCTET)
			at++;
		octets[i] = ipv6->octets[at];
	}
	*ipv4 = address_of(4, octets);
	return at;
}

struct address nat64_behind(const struct nat64 *nat64, const struct address *address)
{
	struct address ipv4;

	if (network_contains(&well_known, address)) {
		extract(&ipv4, address, well_known.prefix_len);
		return ipv4;
	}
	for (size_t i = 0; i < nat64->prefix_count; i++) {
		const struct network *prefix = &nat64->prefixes[i];

		if (!network_contains(prefix, address))
			continue;
		extract(&ipv4, address, prefix->prefix_len);
		return ipv4;
	}
	return *address;
}

/* Octets that a translator leaves zero: the reserved one in the midst, and all behind. */
static bool has_zeros(const struct address *ipv6, uint8_t prefix_len, size_t end)
{
	if (prefix_len <= 8 * RESERVED_OCTET && ipv6->octets[RESERVED_OCTET] != 0)
		return false;
	for (size_t i = end; i < IPV6_LEN; i++) {
		if (ipv6->octets[i] != 0)
			return false;
	}
	return true;
}

bool nat64_may_stand_for(const struct address *ipv6, const struct address *ipv4)
{
	for (size_t i = 0; ipv6->family == 6 && i < ARRAY_COUNT(prefix_lens); i++) {
		struct address behind;
		size_t end = extract(&behind, ipv6, prefix_lens[i]);

		if (address_equal(&behind, ipv4) && has_zeros(ipv6, prefix_lens[i], end))
			return true;
	}
	return false;
}
