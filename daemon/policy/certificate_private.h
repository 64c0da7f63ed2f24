/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_CERTIFICATE_PRIVATE_H
#define HOPGUARD_POLICY_CERTIFICATE_PRIVATE_H

/* What the certificate_*.c files share; nobody else includes it. */

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/certificate.h"
#include "verdict/key_finding.h"
#include "verdict/key_rule.h"

struct certificate_anchors {
	X509_STORE *store;
	SSL_CTX *context; /* of the objects that DANE's records are kept in */
	size_t count;
};

/* As a server sent them. */
struct certificate_chain {
	X509 *leaf; /* of a raw key nothing but that */
	bool is_raw;
	bool has_many_names; /* more than CERTIFICATE_NAMES_MAX, which are not looked at */
	STACK_OF(X509) *
		others; /* in their order, without those whose key is beyond a bound, up to TLS_CERTIFICATES_MAX */
};

enum certificate_key_fault {
	CERTIFICATE_KEY_FIT,
	CERTIFICATE_KEY_WEAK, /* whoever wants it has it */
	CERTIFICATE_KEY_BEYOND, /* too large, of explicit parameters, or of a kind that signs no handshake */
};

/* False: malformed, or beyond a bound; why says what. */
bool certificate_chain_read(struct certificate_chain *chain, struct bytes octets,
                            char why[KEY_TEXT_MAX]);
void certificate_chain_free(struct certificate_chain *chain);

/* Other than FIT, what says why. */
enum certificate_key_fault certificate_key_fault(const X509 *certificate, char what[KEY_TEXT_MAX]);
/* By a hash that collisions are sold for (MD5 and older). */
bool certificate_signature_is_weak(X509 *certificate);

bool certificate_spki_digest(uint8_t digest[KEY_DIGEST_LEN], const X509_PUBKEY *key);
/* Fills all but the anchor. */
void certificate_tell_seen(struct key_seen *seen, X509 *leaf);
/* Seconds since 1970; 0: no time. */
int64_t certificate_time_s(const ASN1_TIME *time);
/* Appends what may be shown of the octets, '?' for all that is not in a host name. */
void certificate_add_text(char *text, size_t room, struct bytes octets);

/* Everything that one check holds. */
struct certificate_check {
	const struct certificate_query *query;
	struct certificate_chain chain;
	struct key_seen *seen;
	enum certificate_key_fault leaf_fault;
	char leaf_what[KEY_TEXT_MAX];
	/* Other than KEY_UNKNOWN: what every rule comes to at best, and why. */
	enum key_outcome floor;
	const char *floor_why;
	/* The chain to an authority is the same for every rule that asks for one: made once. KEY_UNKNOWN: not yet. */
	enum key_outcome pkix_outcome;
	char pkix_why[KEY_TEXT_MAX];
};

/* What came of one rule. */
struct certificate_result {
	enum key_outcome outcome;
	enum promise_source source;
	uint8_t group;
	char matched[KEY_TEXT_MAX];
	char why[KEY_TEXT_MAX];
};

void certificate_hold_rule(struct certificate_result *result, struct certificate_check *check,
                           const struct key_rule *rule);

/* The leaf against a host's TLSA records, without names. */
void certificate_hold_tlsa(struct certificate_result *result, struct certificate_check *check,
                           const struct key_rule *rule, bool *names_count);

/* certificate_raw.c */
/* What holds nothing but that SubjectPublicKeyInfo; the caller frees it. NULL: the octets are none, or out of memory. */
X509 *certificate_of_raw_key(struct bytes octets);
void certificate_tell_raw(struct key_seen *seen, struct bytes key);
/* The key of check->query->chain against TLSA records, or a rule that asks for a certificate. */
void certificate_hold_raw(struct certificate_result *result, const struct certificate_check *check,
                          const struct key_rule *rule);

/* One walk along the chain; records may be NULL. */
struct certificate_walk {
	int64_t now_s;
	bool is_dane;
	enum key_outcome outcome; /* the worst that was met with */
	char *why;                /* KEY_TEXT_MAX */
};

/* False: nothing could be looked at (out of memory). store_context is the caller's to prepare, and to free. */
bool certificate_walk(struct certificate_walk *walk, X509_STORE_CTX *store_context);

#endif
