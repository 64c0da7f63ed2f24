/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_ADDRESS_H
#define HOPGUARD_BASE_ADDRESS_H

/* Internet addresses as plain values, in network byte order; ports in host order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the text with its NUL. */
enum { ADDRESS_TEXT_MAX = 46, ENDPOINT_TEXT_MAX = 54, NETWORK_TEXT_MAX = 50 };

/* family is 4 or 6, or 0 for "no address". IPv4 fills the first four octets, the rest is 0. */
struct address {
	uint8_t family;
	uint8_t octets[16];
};

struct endpoint {
	struct address address;
	uint16_t port;
};

struct network {
	struct address address;
	uint8_t prefix_len;
};

/* An IPv4-mapped IPv6 address (::ffff:0:0/96) becomes the IPv4 address. False: not an address. */
bool address_parse(struct address *parsed, const char *text);
/* family 4 or 6 with that many octets at `octets`. */
struct address address_of(uint8_t family, const uint8_t *octets);
bool address_equal(const struct address *a, const struct address *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
bool network_equal(const struct network *a, const struct network *b);
/* Loopback, private, shared and link-local ones: nowhere on the Internet (RFC 1918, 6598, 3927, 4193, 4291). */
bool address_is_local(const struct address *address);
/* 4 or 16: octets used. */
size_t address_len(const struct address *address);
/* Each returns `text`. "-" for no address. An IPv6 endpoint is written [2001:db8::1]:25. */
const char *address_format(char text[ADDRESS_TEXT_MAX], const struct address *address);
const char *endpoint_format(char text[ENDPOINT_TEXT_MAX], const struct endpoint *endpoint);

/* "192.0.2.0/24" or a single address. False when bits behind the prefix are set, or no network. */
bool network_parse(struct network *parsed, const char *text);
/* The same, but bits behind the prefix are cleared: "192.0.2.7/24" becomes 192.0.2.0/24. */
bool network_parse_any(struct network *parsed, const char *text);
const char *network_format(char text[NETWORK_TEXT_MAX], const struct network *network);
bool network_contains(const struct network *network, const struct address *address);

#endif
