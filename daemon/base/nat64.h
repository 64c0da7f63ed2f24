/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_BASE_NAT64_H
#define HOPGUARD_BASE_NAT64_H

/*
 * IPv4 addresses that a NAT64 translator and its DNS64 show to hosts without IPv4 (RFC 6052): behind the well-known prefix
 * 64:ff9b::/96, and behind prefixes of the site's own.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

/* A site has one translator, or a few. */
enum { NAT64_PREFIXES_MAX = 8 };

/* The site's own ones, each an IPv6 network of which nat64_is_prefix() holds. All zero: none. */
struct nat64 {
	struct network prefixes[NAT64_PREFIXES_MAX];
	size_t prefix_count;
};

/* 32, 40, 48, 56, 64 or 96 bits of IPv6 (RFC 6052 section 2.2). */
bool nat64_is_prefix(const struct network *network);
/* The IPv4 address in one of NAT64's; any other as it is. */
struct address nat64_behind(const struct nat64 *nat64, const struct address *address);
/* Whether `ipv6` can be `ipv4` behind some prefix, whatever that may be. */
bool nat64_may_stand_for(const struct address *ipv6, const struct address *ipv4);

#endif
