/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_DNS_CHECK_H
#define HOPGUARD_POLICY_DNS_CHECK_H

/*
 * Whether a DNS answer heard on the wire is provably forged: our own look-up of the name is secure, and
 *
 *   - the signatures that it carries do not verify by any validated key of the zone that signed it, or
 *   - it came with the DO bit (RFC 3225), so it should carry signatures, and has none, or
 *   - it has records, without good signatures, where ours is a signed denial.
 *
 * An answer that merely differs is none: resolvers in other places get others. Nor is an answer with none but local
 * addresses (a view of one's own), or with IPv6 addresses that hold the domain's IPv4 addresses (DNS64, RFC 6147).
 */

#include <time.h>

#include "policy/resolver.h"
#include "wire/dns_message.h"

enum { DNS_CHECK_TEXT_MAX = 256 };

enum dns_finding {
	DNS_FINDING_NONE,
	DNS_FINDING_UNKNOWN, /* a look-up that was needed failed */
	DNS_FINDING_FORGED,
	DNS_FINDING_BOGUS, /* our own look-up does not validate: nothing can be said of what was heard */
	/* Nor does what was heard, though its zone has valid keys: a zone that is broken, or both were forged. */
	DNS_FINDING_BOGUS_TOO,
};

struct dns_check;

/* text: one line, empty for NONE and UNKNOWN. The check is gone after it. */
typedef void (*dns_check_fn)(void *owner, enum dns_finding finding, const char *text);

/* The octets are copied. now: wall clock, for the times of signatures. Never calls back from within. NULL: out of memory, or no message that can be checked. */
struct dns_check *dns_check_begin(struct resolver *resolver, struct bytes octets, time_t now,
                                  dns_check_fn fn, void *owner);
/* No callback comes. Only before it came. */
void dns_check_cancel(struct dns_check *check);

#endif
