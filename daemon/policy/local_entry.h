/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_LOCAL_ENTRY_H
#define HOPGUARD_POLICY_LOCAL_ENTRY_H

/*
 * What the operator says of one destination, in the configuration or in a table of Postfix: plain values, and what they promise.
 * Levels have Postfix's names and meaning.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verdict/evidence.h"
#include "verdict/promise.h"

enum {
	LOCAL_MATCH_MAX = 512,       /* a dozen names */
	LOCAL_FINGERPRINTS_MAX = 16, /* servers behind one name, and their next keys */
	LOCAL_FINGERPRINT_LEN = 32,  /* SHA-256 */
	LOCAL_REASON_MAX = 160,
	LOCAL_ORIGIN_MAX = 64,
};

enum local_scope {
	LOCAL_DOMAIN,     /* "example.org": a mail domain */
	LOCAL_SUBDOMAINS, /* ".example.org": those below it, at any depth, and not itself */
	LOCAL_HOST, /* "[mail.example.org]", "[192.0.2.1]": a next hop, found without its MX */
};

enum local_level {
	LOCAL_UNSET, /* what the destination promised by itself */
	LOCAL_NONE,
	LOCAL_MAY,
	LOCAL_ENCRYPT,
	LOCAL_DANE,
	LOCAL_DANE_ONLY,
	LOCAL_FINGERPRINT,
	LOCAL_VERIFY,
	LOCAL_SECURE,
};

struct local_entry {
	enum local_scope scope;
	char name
		[DOMAIN_NAME_MAX]; /* lower case A-labels; without dot or brackets; of a host also an address */
	enum local_level level;
	/* Of verify and secure, ':' between them: nexthop, dot-nexthop, hostname, names, ".names". Empty: the level's default. */
	char match[LOCAL_MATCH_MAX];
	/* Of fingerprint: SHA-256 of the certificate or of its SubjectPublicKeyInfo, one of them suffices. */
	uint8_t fingerprint_count;
	uint8_t fingerprints[LOCAL_FINGERPRINTS_MAX][LOCAL_FINGERPRINT_LEN];
	char next_hop
		[DOMAIN_NAME_MAX]; /* host or address that mail for it goes to; empty: its MX */
	bool only_alerts;
	uint64_t until_ms; /* wall clock, since 1970; 0: has no end */
	char reason[LOCAL_REASON_MAX];
	char origin[LOCAL_ORIGIN_MAX]; /* "hopguard.conf:12", "tls_policy:3" */
};

/* In upper or lower case, as Postfix takes them. LOCAL_UNSET has no name: "". */
bool local_level_parse(enum local_level *level, const char *text);
const char *local_level_name(enum local_level level);
/* Less than a destination may have promised: none, may, or nothing but alerts. */
bool local_is_exception(const struct local_entry *entry);
/* "example.org", ".example.org", "[mail.example.org]". */
const char *local_name_print(char text[DOMAIN_NAME_MAX + 2], const struct local_entry *entry);
/* "2026-12-31T23:59:59Z". */
const char *local_time_print(char text[32], uint64_t time_ms);
/* The names that verify and secure ask for, the level's default included; "" at other levels. */
const char *local_match(const struct local_entry *entry);

/*
 * What the entry makes of a host that promised `dane` (SOURCE_DANE, or PROMISE_UNKNOWN as long as that was not asked). Levels dane and
 * dane-only pass it on where it holds, so that it stays the host's own; dane-only with nothing usable is PROMISE_UNAVAILABLE.
 * PROMISE_UNKNOWN: nothing was said (LOCAL_UNSET), other sources count.
 */
struct promise local_promise(const struct local_entry *entry, const struct promise *dane);
/* The same for `hopguard explain`: origin, name, level, until when and why. */
struct evidence local_evidence(const struct local_entry *entry, uint64_t now_ms);

#endif
