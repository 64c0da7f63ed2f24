/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DNS_SIGNATURE_H
#define HOPGUARD_POLICY_DNS_SIGNATURE_H

/* Signatures of an RRset as a DNS message from the wire carries them (RFC 4035 section 5.3), by ldns. */

#include <time.h>

#include "wire/dns_message.h"

enum {
	DNS_SIGNATURES_MAX = 8, /* over one RRset; a zone that changes its algorithm has four */
	DNS_RRSET_MAX = DNS_WALK_MAX,
	DNS_KEYS_MAX = 32,
};

/* An RRset of a message; the message outlives it. */
struct dns_rrset {
	const struct dns_message *message;
	enum dns_section section;
	const char *owner;
	uint16_t type;
};

enum dns_signature {
	DNS_SIGNATURE_ABSENT,
	DNS_SIGNATURE_GOOD, /* one of the keys made one of them, and its time is now */
	DNS_SIGNATURE_BAD,
	DNS_SIGNATURE_UNKNOWN, /* the algorithm cannot be computed here; or we are out of memory */
};

/* The zone that says it signed it. False: there is no signature over it, or several zones claim it. */
bool dns_signature_signer(char signer[DNS_NAME_TEXT_MAX], const struct dns_rrset *rrset);

/*
 * Of an RRset of A, AAAA, MX, CNAME, TLSA, NSEC or NSEC3; records of other types are none here. keys: a validated answer with the zone's DNSKEY RRset. Validity times have a slack of a tenth of their length, an hour to a day, as
 * resolvers have it: what they keep may outlive its signature by a little.
 */
enum dns_signature dns_signature_check(const struct dns_rrset *rrset,
                                       const struct dns_message *keys, time_t now);

#endif
