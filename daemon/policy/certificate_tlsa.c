/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_private.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>

#include "policy/tlsa.h"

/*
 * OpenSSL keeps DANE's records in an object of a connection, and its verification is told of them: matching, the order and agility of
 * digests (RFC 7671 section 9), and anchors that only the records have (`2 0 0`, `2 1 0`) are its own.
 */
struct tlsa_match {
	SSL *connection;
	size_t usable;
	struct certificate_walk walk;
	char text[TLSA_TEXT_MAX]; /* of the record that matched */
	bool is_matched;
	bool is_anchor;
};

static bool open_match(struct tlsa_match *match, const struct certificate_check *check,
                       const struct key_rule *rule)
{
	match->connection = SSL_new(check->query->anchors->context);
	if (!match->connection || SSL_dane_enable(match->connection, NULL) <= 0)
		return false;
	for (size_t i = 0; i < rule->record_count; i++) {
		const struct key_record *record = &rule->records[i];
		const struct tlsa tlsa = { record->usage, record->selector, record->matching,
			                   record->data };

		int added;

		/* Whoever asks leaves the others out; that a full certificate is none shows only here. */
		if (!tlsa_is_usable(&tlsa))
			continue;
		added = SSL_dane_tlsa_add(match->connection, record->usage, record->selector,
		                          record->matching, record->data.data, record->data.len);
		/* One that there is no memory for is none that nobody can use. */
		if (added < 0)
			return false;
		match->usable += added > 0;
	}
	return true;
}

static void tell_match(struct tlsa_match *match)
{
	struct tlsa tlsa;
	const unsigned char *data;
	size_t len;

	match->is_matched = SSL_get0_dane_tlsa(match->connection, &tlsa.usage, &tlsa.selector,
	                                       &tlsa.matching, &data, &len) >= 0;
	if (!match->is_matched)
		return;
	tlsa.data = bytes_of(data, len);
	match->is_anchor = tlsa.usage == TLSA_DANE_TA;
	(void)tlsa_format(match->text, &tlsa);
}

/* With `2 1 0` it need not be a certificate of the chain. */
static void tell_anchor(struct tlsa_match *match, struct certificate_check *check,
                        X509_STORE_CTX *store_context)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store_context);
	X509 *anchor = NULL;
	EVP_PKEY *bare = NULL;
	X509_PUBKEY *key = NULL;

	if (!match->is_anchor || SSL_get0_dane_authority(match->connection, &anchor, &bare) < 0)
		return;
	if (bare && X509_PUBKEY_set(&key, bare)) {
		check->seen->has_anchor = certificate_spki_digest(check->seen->anchor_digest, key);
		/* Its signature by the bare key is the top of the chain. */
		if (certificate_signature_is_weak(sk_X509_value(chain, sk_X509_num(chain) - 1)) &&
		    match->walk.outcome < KEY_UNTRUSTED) {
			match->walk.outcome = KEY_UNTRUSTED;
			(void)snprintf(match->walk.why, KEY_TEXT_MAX,
			               "the chain is signed by a broken hash function");
		}
	} else if (anchor) {
		check->seen->has_anchor = certificate_spki_digest(check->seen->anchor_digest,
		                                                  X509_get_X509_PUBKEY(anchor));
	}
	X509_PUBKEY_free(key);
}

static bool walk(struct tlsa_match *match, struct certificate_check *check)
{
	X509_STORE_CTX *store_context = X509_STORE_CTX_new();
	bool is_walked = false;

	if (store_context && X509_STORE_CTX_init(store_context, check->query->anchors->store,
	                                         check->chain.leaf, check->chain.others)) {
		X509_STORE_CTX_set0_dane(store_context, SSL_get0_dane(match->connection));
		is_walked = certificate_walk(&match->walk, store_context);
		tell_match(match);
		tell_anchor(match, check, store_context);
	}
	X509_STORE_CTX_free(store_context);
	return is_walked;
}

static void tell_mismatch(struct certificate_result *result, const struct key_rule *rule,
                          size_t usable)
{
	result->outcome = KEY_MISMATCH;
	if (usable == 1 && rule->record_count == 1) {
		const struct key_record *record = &rule->records[0];
		const struct tlsa tlsa = { record->usage, record->selector, record->matching,
			                   record->data };
		char text[TLSA_TEXT_MAX];

		(void)snprintf(result->why, KEY_TEXT_MAX, "the TLSA record %s does not match",
		               tlsa_format(text, &tlsa));
	} else {
		(void)snprintf(result->why, KEY_TEXT_MAX, "none of %zu TLSA records matches",
		               usable);
	}
}

static void conclude(struct certificate_result *result, const struct tlsa_match *match,
                     const struct key_rule *rule)
{
	if (match->is_matched) {
		result->outcome = match->walk.outcome;
		text_copy(result->matched, KEY_TEXT_MAX, match->text);
	} else if (match->usable == 0 && rule->record_count > 0) {
		/* RFC 7672 section 2.2: TLS, but no key. */
		result->outcome = KEY_MET;
		result->why[0] = '\0';
		text_copy(result->matched, KEY_TEXT_MAX, "no TLSA record is usable");
	} else {
		tell_mismatch(result, rule, match->usable);
	}
}

void certificate_hold_tlsa(struct certificate_result *result, struct certificate_check *check,
                           const struct key_rule *rule, bool *names_count)
{
	struct tlsa_match match = { .walk = { .now_s = check->query->now_s, .why = result->why } };

	result->outcome = KEY_UNREADABLE;
	text_copy(result->why, KEY_TEXT_MAX, "out of memory");
	if (open_match(&match, check, rule) && (match.usable == 0 || walk(&match, check)))
		conclude(result, &match, rule);
	*names_count = match.is_matched && match.is_anchor;
	SSL_free(match.connection);
}
