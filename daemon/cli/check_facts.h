/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_FACTS_H
#define HOPGUARD_CLI_CHECK_FACTS_H

/*
 * What `hopguard check` saw of a mail domain, before anybody judges it. Plain values; zeroed, nothing is known. Texts are printable
 * ASCII.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "active/starttls_result.h"
#include "policy/mx_pattern.h"
#include "policy/resolver.h"
#include "policy/tlsa.h"
#include "verdict/key_finding.h"
#include "verdict/promise.h"
#include "wire/mtasts_text.h"
#include "wire/tlsrpt_text.h"

enum {
	CHECK_WHY_MAX = 256,
	CHECK_STS_WHY_MAX = 320,
	CHECK_ZONES_MAX = 16, /* between the root and a domain; few have more than five */
	CHECK_ASKED_MAX =
		8, /* zones whose name servers are asked: the domain's, and those of its hosts */
	CHECK_SERVERS_MAX = 64,           /* addresses of the name servers of all of them */
	CHECK_RECORDS_MAX = 32,           /* TLSA records of one host; as many as a rule takes */
	CHECK_RECORD_OCTETS_MAX = 16384,  /* of their data */
	CHECK_PATTERNS_MAX = 32,          /* mx lines of a policy that are shown */
	CHECK_SOON_S = 14 * 24 * 60 * 60, /* a certificate with less left is told of */
	CHECK_AGE_MIN_S =
		24 * 60 *
		60, /* a policy that lives shorter protects nobody who writes once a day */
};

/* One step of the chain of trust. Of the zone `name` ("" is the root), or of the name where the walk ended. */
struct check_zone {
	char name[DOMAIN_NAME_MAX];
	enum dns_security security;
	char why[CHECK_WHY_MAX]; /* of what is neither secure nor plainly insecure */
};

/* From the root down; it ends with the first that is not secure, or at the name that it leads to. */
struct check_chain {
	size_t count;
	struct check_zone zones[CHECK_ZONES_MAX];
};

enum check_server_state {
	SERVER_UNASKED, /* not to be reached from here, or all were silent to us */
	SERVER_GOOD,
	SERVER_SILENT,
	SERVER_WRONG, /* an error, another zone, no or bad signatures: why says which */
};

/* An address of a name server of the domain's zone, or of that of an MX host. */
struct check_server {
	uint8_t zone; /* of facts->zones */
	char name[DOMAIN_NAME_MAX];
	struct address address;
	enum check_server_state state;
	char why[CHECK_WHY_MAX];
};

/* A zone whose name servers are asked one by one. */
struct check_asked {
	char name[DOMAIN_NAME_MAX];
	uint16_t iterations; /* of NSEC3 beyond the first (RFC 5155 section 4.1.3) */
};

struct check_record {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching;
	bool is_usable;
	size_t at; /* of its data in the host's octets */
	size_t len;
	char text[TLSA_TEXT_MAX];
};

/* TLSA records as they stand in DNS, usable or not, secure or not. */
struct check_records {
	char name[DOMAIN_NAME_MAX + 16]; /* "_25._tcp.mx1.example.org"; empty: none was asked for */
	char base[DOMAIN_NAME_MAX];
	enum dns_security security;
	char why[CHECK_WHY_MAX];
	size_t count;
	struct check_record records[CHECK_RECORDS_MAX];
	size_t octets_len;
	uint8_t octets[CHECK_RECORD_OCTETS_MAX];
};

/* An MX host; name, preference, security of its addresses and DANE's promise stand in destination.hosts. */
struct check_host {
	bool is_alias;
	char target[DOMAIN_NAME_MAX]; /* end of the alias */
	bool is_missing;              /* its name does not exist */
	struct check_chain chain;     /* to its addresses, where they are not secure */
	struct check_records tlsa;
	bool is_in_policy; /* the MTA-STS policy names it */
	bool is_in_list;   /* the policy list does */
};

/* What a connection without a server name showed, beside one with it. */
enum check_nameless {
	NAMELESS_UNTRIED,
	NAMELESS_SAME,  /* the same key */
	NAMELESS_MEETS, /* another one, that is as good */
	NAMELESS_OTHER, /* one that does not meet what the host promised, or is for another name */
	NAMELESS_FAILED,
};

/* What the certificates that a server showed come to. */
struct check_key {
	struct key_finding
		pkix; /* by the host's name and the machine's authorities; KEY_UNKNOWN: no certificate */
	enum key_outcome records[CHECK_RECORDS_MAX]; /* each TLSA record by itself */
	/* Of those with usage 2 that are not met: it is the anchor's, which is known here and was not sent (RFC 7671 section 5.2.2). */
	bool is_unsent[CHECK_RECORDS_MAX];
	char record_why[KEY_TEXT_MAX]; /* of the last that was not met */
	bool is_tlsa_met; /* by all of them together: of several digests the strongest counts (RFC 7671 section 9) */
};

/* An address of a host; in the order of destination.places. */
struct check_place {
	bool is_nolisting;            /* the best MX is closed, and a worse one is open */
	struct starttls_result *seen; /* owned by the facts; NULL: nobody went there */
	struct check_key key;
	/* Owned: what those are shown who do not take the first key's kind (RSA, ECDSA); NULL: no other key. */
	struct starttls_result *second_seen;
	struct check_key second;
	/* To a connection after the first: come back later. What the others would have shown is not known. 0: to none. */
	uint16_t put_off_code;
	char put_off_reply[STARTTLS_TEXT_MAX];
	uint16_t
		anonymous_cipher; /* taken where it finds no other, or beside a certificate; 0: none */
	char anonymous_name[STARTTLS_KEYWORD_MAX];
	bool is_new_only;     /* TLS 1.3, and nothing older */
	uint16_t old_version; /* below TLS 1.2, taken beside a newer one; 0: none */
	struct starttls_result *nameless_seen; /* owned; NULL unless it showed another key */
	enum check_nameless nameless;
	char nameless_names[KEY_TEXT_MAX];
};

enum check_sts_state {
	STS_UNKNOWN,
	STS_OFF,  /* by the configuration */
	STS_NONE, /* no record */
	STS_NO_LOOKUP,
	STS_WRONG_RECORD, /* which counts as none */
	STS_NO_POLICY,    /* promised, and not to be had */
	STS_POLICY,
};

struct check_sts {
	enum check_sts_state state;
	char why[CHECK_STS_WHY_MAX];
	char id[MTASTS_ID_MAX + 1];
	enum mx_policy_mode mode;
	uint32_t max_age_s;
	size_t pattern_count;
	struct check_pattern {
		char text[DOMAIN_NAME_MAX];
		bool is_used; /* some MX host matches it */
	} patterns[CHECK_PATTERNS_MAX];
};

struct check_tlsrpt {
	enum dns_security security; /* UNKNOWN: not looked up */
	bool is_unknown; /* the look-up failed: the state means nothing, and why says why */
	enum tlsrpt_state state;
	char why[CHECK_WHY_MAX];
	char rua[CHECK_WHY_MAX]; /* where reports go */
};

enum check_listed {
	CHECK_NOT_LISTED,
	CHECK_LISTED_TESTING,
	CHECK_LISTED_ENFORCE,
	CHECK_LISTED_EXPIRED
};

struct check_list {
	size_t count; /* lists that were read */
	enum check_listed state;
	char path[CHECK_WHY_MAX];    /* of the list that names it */
	char trouble[CHECK_WHY_MAX]; /* of one that cannot be used; else empty */
};

struct check_facts {
	int64_t now_s;
	struct destination destination;
	bool has_null_mx;         /* alone or beside others */
	struct check_chain chain; /* to the domain */
	size_t zone_count;
	struct check_asked zones[CHECK_ASKED_MAX]; /* the domain's own first */
	size_t server_count;
	struct check_server servers[CHECK_SERVERS_MAX];
	struct check_host hosts[MX_HOSTS_MAX];
	struct check_place places[MX_PLACES_MAX];
	struct check_sts sts;
	struct check_tlsrpt tlsrpt;
	struct check_list list;
	uint32_t took_ms;
	bool is_out_of_time; /* not everything was looked at */
};

enum { CHECK_SHOWN_MAX = 2 };

/* One of the keys that an address shows. Borrowed. */
struct check_shown {
	const struct starttls_result *seen;
	const struct check_key *key;
};

/* The index-th of them, from 0 on. False: it has no more. */
bool check_shown(struct check_shown *shown, const struct check_place *place, size_t index);
/* Some address of the host showed a key, so that a record that matches none of them is one that does not match. */
bool check_key_is_seen(const struct check_facts *facts, size_t host);
/* Of the host's TLSA records that one, by any of its keys. */
bool check_record_is_met(const struct check_place *place, size_t record);

/* The server is to be reached at all from here: an IPv6 address is not where there is no IPv6. */
bool check_place_has_route(const struct check_place *place);
const char *check_version_name(uint16_t version); /* "TLS 1.3" */
/* A copy, which the facts own; in the place of what was kept there. Without memory it stays away. */
void check_keep_seen(struct starttls_result **kept, const struct starttls_result *result);
/* What hangs from them; not themselves. */
void check_facts_clear(struct check_facts *facts);

#endif
