/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_VERDICT_PROMISE_H
#define HOPGUARD_VERDICT_PROMISE_H

/* What a destination has promised about TLS, as plain values that travel between processes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum {
	DOMAIN_NAME_MAX = 256, /* RFC 1035 section 2.3.4, as text, with NUL */
	PROMISE_DETAIL_MAX = 256,
	OFFERED_BEFORE_MAX = 64,
	MX_HOSTS_MAX = 32,   /* the best preferences of a larger MX RRset; then is_truncated */
	MX_PLACES_MAX = 128, /* addresses over all hosts */
	/* Octets of packed rules over all hosts: a large domain has a dozen hosts of 200, one full certificate has 2000. */
	DESTINATION_KEYS_MAX = 16384,
};

/* In order of strength. */
enum promise_state {
	PROMISE_UNKNOWN,     /* not looked up yet */
	PROMISE_NONE,        /* looked up: nothing was promised */
	PROMISE_TLS,         /* TLS, but no key (RFC 7672 section 2.2: all TLSA records unusable) */
	PROMISE_KEY,         /* TLS with a key that can be told from others */
	PROMISE_UNAVAILABLE, /* the look-up failed or is bogus: mail waits (RFC 7672 section 2.1) */
};

enum promise_source {
	SOURCE_NONE,
	SOURCE_DEFAULT, /* default-level */
	SOURCE_LOCAL,
	SOURCE_DANE,
	SOURCE_MTA_STS,
	SOURCE_LIST,
	SOURCE_SEEN,
};

struct promise {
	enum promise_state state;
	enum promise_source source;
	/* Not to be enforced: a policy in testing, an expired list, a destination that the operator only watches. */
	bool only_alerts;
	/* The evidence in one line: "_25._tcp.mx1.example.org 3 1 1 60b875…", or why it is unavailable. */
	char detail[PROMISE_DETAIL_MAX];
};

/* RFC 4033 section 5; FAILED: SERVFAIL, timeout, no server to be reached. */
enum dns_security { DNS_UNKNOWN, DNS_SECURE, DNS_INSECURE, DNS_BOGUS, DNS_FAILED };

enum mx_state {
	MX_UNKNOWN,
	MX_FOUND,
	MX_IMPLICIT, /* no MX records: the domain's own addresses (RFC 5321 section 5.1) */
	MX_NULL,     /* RFC 7505 */
	MX_NXDOMAIN,
	MX_TABLE,       /* the operator's table names the host that takes the domain's mail */
	MX_UNAVAILABLE, /* bogus or failed: nothing is known, mail waits */
	MX_HOST,        /* not a domain: the question named a host (QUESTION_HOST) */
};

/* A part of struct destination's keys: packed rules (verdict/key_rule.h), all of which are to be met. */
struct key_slice {
	uint16_t at;
	uint16_t len;
};

struct mx_host {
	char name[DOMAIN_NAME_MAX]; /* lower case, A-labels, no final dot */
	uint16_t preference;
	enum dns_security address_security;
	struct promise promise;
	struct key_slice keys; /* empty, for PROMISE_KEY: there was no room for them */
	/* The domain has a policy that names its hosts, and not this one. */
	bool is_excluded;
	/* It offered STARTTLS before: when, as text; else empty. */
	char offered_before[OFFERED_BEFORE_MAX];
};

struct mx_place {
	struct address address;
	uint8_t host; /* index into hosts */
};

/* All that is known of a domain's mail hop (or of one host), as the scout answers it. */
struct destination {
	/* Of the domain, or of the host for MX_HOST; lower case A-labels. */
	char name[DOMAIN_NAME_MAX];
	enum mx_state mx_state;
	enum dns_security mx_security;
	/* What the domain promised wherever its mail goes (table, MTA-STS, list); PROMISE_UNKNOWN: nothing. */
	struct promise promise;
	struct key_slice
		keys_anywhere; /* what that asks of the key where no host of the domain is known */
	bool is_next_hop;      /* a smart host: whatever goes there is judged by this alone */
	bool is_established; /* the operator names the domain, or mail met its promise from here before */
	char why[PROMISE_DETAIL_MAX]; /* why it is bogus or failed; else empty */
	uint32_t ttl_s;               /* how long this may be kept */
	bool is_truncated;
	bool is_afresh; /* every source was asked again for it, where the policy is kept included */
	uint8_t host_count;
	uint8_t place_count;
	struct mx_host hosts[MX_HOSTS_MAX];
	struct mx_place places[MX_PLACES_MAX];
	uint16_t keys_len;
	uint8_t keys[DESTINATION_KEYS_MAX];
};

/* Which place of a destination a connection goes to. */
enum place {
	PLACE_UNKNOWN,   /* nothing is known of the destination */
	PLACE_MX,        /* one of its validated addresses */
	PLACE_UNRELATED, /* none of them */
	PLACE_EXCLUDED,  /* one of them, of a host that the domain's own policy does not name */
};

/* What one destination asks of a connection to one address. */
struct hop {
	/* Of the host at this address; for PLACE_UNRELATED the strongest of all hosts. */
	struct promise promise;
	enum place place;
	enum mx_state mx_state;
	enum dns_security mx_security;
	/* Where this host promises nothing: what another of the MX RRset does. Else, and where none does: all zero. */
	struct promise sibling_promise;
	bool is_established;                     /* as in struct destination */
	char offered_before[OFFERED_BEFORE_MAX]; /* as in struct mx_host */
	char domain[DOMAIN_NAME_MAX];
	char mx[DOMAIN_NAME_MAX]; /* host at this address; when PLACE_UNRELATED empty, or one that the domain's policy names */
};

/* Whether a promise by that source is the domain's, and holds wherever its mail goes; DANE's are the hosts'. */
bool promise_is_of_domain(enum promise_source source);
/* Whether it names hosts, and asks each for a certificate of its name. */
bool promise_is_of_policy(enum promise_source source);

/* Static words for events: "dane", "secure", "mx"… */
const char *promise_source_name(enum promise_source source);
const char *promise_state_name(enum promise_state state);
const char *dns_security_name(enum dns_security security);
const char *mx_state_name(enum mx_state state);
const char *place_name(enum place place);

#endif
