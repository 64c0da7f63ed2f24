/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_PEER_NAMES_H
#define HOPGUARD_POLICY_PEER_NAMES_H

/* Names from the wire into the one form that everything compares by. */

#include <stdbool.h>

#include "verdict/promise.h"

/*
 * Lower case, U-labels to A-labels (libidn2, IDNA2008 with non-transitional UTS #46), no final dot. False when it is no domain name: empty, a label
 * over 63 octets, more than 253 in all, forbidden characters. Underscores are allowed (they exist in the field).
 */
bool peer_name_normalise(char name[DOMAIN_NAME_MAX], const char *text);

/* Whether the name is the domain's own or one below it; both in that form. */
bool peer_name_is_within(const char *name, const char *domain);

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3). */
bool peer_name_literal(struct address *address, const char *text);

#endif
