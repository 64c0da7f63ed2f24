/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { IPV4_LEN = 4, IPV6_LEN = 16, MAPPED_PREFIX_LEN = 96 };

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2. */
static const uint8_t mapped_prefix[MAPPED_PREFIX_LEN / 8] = { [10] = 0xff, [11] = 0xff };

struct address address_of(uint8_t family, const uint8_t *octets)
{
	struct address address = { .family = family };

	assert(family == 4 || family == 6);
	if (family == 6 && memcmp(octets, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		address.family = 4;
		octets += sizeof(mapped_prefix);
	}
	memcpy(address.octets, octets, address_len(&address));
	return address;
}

bool address_parse(struct address *parsed, const char *text)
{
	uint8_t octets[IPV6_LEN];

	if (inet_pton(AF_INET, text, octets) == 1)
		*parsed = address_of(4, octets);
	else if (inet_pton(AF_INET6, text, octets) == 1)
		*parsed = address_of(6, octets);
	else
		return false;
	return true;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

bool network_equal(const struct network *a, const struct network *b)
{
	return a->prefix_len == b->prefix_len && address_equal(&a->address, &b->address);
}

size_t address_len(const struct address *address)
{
	return address->family == 6 ? IPV6_LEN : IPV4_LEN;
}

const char *address_format(char text[ADDRESS_TEXT_MAX], const struct address *address)
{
	int family = address->family == 6 ? AF_INET6 : AF_INET;

	if (address->family == 0 ||
	    !inet_ntop(family, address->octets, text, (socklen_t)ADDRESS_TEXT_MAX))
		strcpy(text, "-");
	return text;
}

const char *endpoint_format(char text[ENDPOINT_TEXT_MAX], const struct endpoint *endpoint)
{
	char address[ADDRESS_TEXT_MAX];

	address_format(address, &endpoint->address);
	if (endpoint->address.family == 0)
		strcpy(text, address);
	else if (endpoint->address.family == 6)
		snprintf(text, ENDPOINT_TEXT_MAX, "[%s]:%u", address, endpoint->port);
	else
		snprintf(text, ENDPOINT_TEXT_MAX, "%s:%u", address, endpoint->port);
	return text;
}

/* Decimal, 0 to max, no sign, no superfluous zero in front. */
static bool parse_prefix_len(uint8_t *parsed, const char *text, unsigned max)
{
	unsigned value = 0;
	size_t i;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '9' || i == 3)
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value > max)
		return false;
	*parsed = (uint8_t)value;
	return true;
}

static uint8_t prefix_mask(uint8_t prefix_len, size_t octet)
{
	if (prefix_len >= 8 * (octet + 1))
		return 0xff;
	if (prefix_len <= 8 * octet)
		return 0;
	return (uint8_t)(0xff << (8 * (octet + 1) - prefix_len));
}

static struct address masked(const struct address *address, uint8_t prefix_len)
{
	struct address network = *address;
	size_t i;

	for (i = 0; i < address_len(address); i++)
		network.octets[i] &= prefix_mask(prefix_len, i);
	return network;
}

bool network_parse_any(struct network *parsed, const char *text)
{
	char address_text[ADDRESS_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct address address;
	bool is_ipv6_text;
	uint8_t prefix_len;
	unsigned max;

	if (len >= sizeof(address_text))
		return false;
	memcpy(address_text, text, len);
	address_text[len] = '\0';
	if (!address_parse(&address, address_text))
		return false;

	is_ipv6_text = strchr(address_text, ':') != NULL;
	max = is_ipv6_text ? 8 * IPV6_LEN : 8 * IPV4_LEN;
	prefix_len = (uint8_t)max;
	if (slash && !parse_prefix_len(&prefix_len, slash + 1, max))
		return false;
	if (is_ipv6_text && address.family == 4) {
		if (prefix_len < MAPPED_PREFIX_LEN)
			return false;
		prefix_len = (uint8_t)(prefix_len - MAPPED_PREFIX_LEN);
	}
	parsed->address = masked(&address, prefix_len);
	parsed->prefix_len = prefix_len;
	return true;
}

bool network_parse(struct network *parsed, const char *text)
{
	char address_text[NETWORK_TEXT_MAX];
	struct network network;
	struct address address;
	size_t len = strcspn(text, "/");

	if (!network_parse_any(&network, text))
		return false;
	memcpy(address_text, text, len);
	address_text[len] = '\0';
	if (!address_parse(&address, address_text) || !address_equal(&address, &network.address))
		return false;
	*parsed = network;
	return true;
}

const char *network_format(char text[NETWORK_TEXT_MAX], const struct network *network)
{
	char address[ADDRESS_TEXT_MAX];

	if (network->address.family == 0)
		strcpy(text, "-");
	else
		snprintf(text, NETWORK_TEXT_MAX, "%s/%u",
		         address_format(address, &network->address), network->prefix_len);
	return text;
}

bool network_contains(const struct network *network, const struct address *address)
{
	struct address place;

	if (address->family == 0 || address->family != network->address.family)
		return false;
	place = masked(address, network->prefix_len);
	return address_equal(&place, &network->address);
}

bool address_is_local(const struct address *address)
{
	static const struct {
		uint8_t family, prefix_len, octets[2];
	} local[] = {
		{ 4, 8, { 127 } },       { 4, 8, { 10 } },          { 4, 12, { 172, 16 } },
		{ 4, 16, { 192, 168 } }, { 4, 10, { 100, 64 } },    { 4, 16, { 169, 254 } },
		{ 6, 7, { 0xfc } },      { 6, 10, { 0xfe, 0x80 } },
	};
	static const struct address loopback = { .family = 6, .octets = { [15] = 1 } };
	size_t i;

	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		struct network network = { .address = { .family = local[i].family },
			                   .prefix_len = local[i].prefix_len };

		memcpy(network.address.octets, local[i].octets, sizeof(local[i].octets));
		if (network_contains(&network, address))
			return true;
	}
	return address_equal(address, &loopback);
}
