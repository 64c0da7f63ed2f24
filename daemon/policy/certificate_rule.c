/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_private.h"

#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "policy/tlsa.h"

static void worsen(struct certificate_result *result, enum key_outcome outcome, const char *why)
{
	if (outcome <= result->outcome)
		return;
	result->outcome = outcome;
	text_copy(result->why, KEY_TEXT_MAX, why);
}

/* The next of names with ':' between them. */
static bool next_name(struct bytes *name, struct bytes *rest)
{
	size_t len = bytes_find(*rest, ':');

	if (rest->len == 0)
		return false;
	*name = bytes_slice(*rest, 0, len);
	*rest = bytes_after(*rest, len + 1);
	return true;
}

/*
 * RFC 6125 section 6.4: a wildcard is the whole first label, and stands for one. As Postfix has it: the subject's common name counts
 * where no DNS name stands among the alternative names. *matched is the certificate's.
 */
static bool has_name_of(char matched[KEY_TEXT_MAX], X509 *leaf, struct bytes names)
{
	struct bytes name;

	while (next_name(&name, &names)) {
		char *found = NULL;

		if (name.len == 0 ||
		    X509_check_host(leaf, (const char *)name.data, name.len,
		                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, &found) != 1)
			continue;
		if (matched && found)
			certificate_add_text(matched, KEY_TEXT_MAX, bytes_of_string(found));
		OPENSSL_free(found);
		return true;
	}
	return false;
}

static void hold_names(struct certificate_result *result, const struct certificate_check *check,
                       const struct key_rule *rule, char *matched)
{
	char why[KEY_TEXT_MAX];

	if (check->chain.has_many_names) {
		(void)snprintf(why, sizeof(why),
		               "it has more than %d names, which are not looked at",
		               CERTIFICATE_NAMES_MAX);
		worsen(result, KEY_NAME_MISMATCH, why);
		return;
	}
	if (has_name_of(matched, check->chain.leaf, rule->names))
		return;
	/* Where there is no name to ask for, what is wrong without one comes first. */
	if (rule->names.len == 0 && result->outcome != KEY_MET)
		return;
	(void)snprintf(why, sizeof(why), "for %.120s, not for %.*s",
	               check->seen->names[0] ? check->seen->names : "no host",
	               rule->names.len < 100 ? (int)rule->names.len : 100,
	               rule->names.len > 0 ? (const char *)rule->names.data : "");
	worsen(result, KEY_NAME_MISMATCH, why);
}

static void walk_to_anchor(struct certificate_check *check, X509_STORE_CTX *store_context)
{
	struct certificate_walk walk = { .now_s = check->query->now_s, .why = check->pkix_why };
	STACK_OF(X509) * chain;
	X509 *anchor;

	if (!certificate_walk(&walk, store_context))
		return;
	check->pkix_outcome = walk.outcome;
	if (walk.outcome == KEY_UNTRUSTED)
		return;
	chain = X509_STORE_CTX_get0_chain(store_context);
	anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
	check->seen->has_anchor = anchor && certificate_spki_digest(check->seen->anchor_digest,
	                                                            X509_get_X509_PUBKEY(anchor));
}

/* OpenSSL looks among the anchors before it follows what was sent: an expired cross-signature does not lead astray. */
static void find_anchor(struct certificate_check *check)
{
	X509_STORE_CTX *store_context = X509_STORE_CTX_new();

	check->pkix_outcome = KEY_UNREADABLE;
	text_copy(check->pkix_why, KEY_TEXT_MAX, "out of memory");
	if (store_context && X509_STORE_CTX_init(store_context, check->query->anchors->store,
	                                         check->chain.leaf, check->chain.others))
		walk_to_anchor(check, store_context);
	/* Our trouble, not theirs. */
	if (check->query->anchors->count == 0 && check->pkix_outcome == KEY_UNTRUSTED) {
		check->pkix_outcome = KEY_UNJUDGED;
		text_copy(check->pkix_why, KEY_TEXT_MAX,
		          "no authority is known here (tls.ca-file)");
	}
	X509_STORE_CTX_free(store_context);
}

static void hold_pkix(struct certificate_result *result, struct certificate_check *check,
                      const struct key_rule *rule)
{
	if (check->pkix_outcome == KEY_UNKNOWN)
		find_anchor(check);
	worsen(result, check->pkix_outcome, check->pkix_why);
	hold_names(result, check, rule, result->matched);
}

static void hold_tlsa(struct certificate_result *result, struct certificate_check *check,
                      const struct key_rule *rule)
{
	bool names_count;

	certificate_hold_tlsa(result, check, rule, &names_count);
	if (names_count)
		hold_names(result, check, rule, NULL);
}

static void hold_fingerprint(struct certificate_result *result, struct certificate_check *check,
                             const struct key_rule *rule)
{
	uint8_t digest[KEY_DIGEST_LEN] = { 0 };
	bool is_digested = X509_digest(check->chain.leaf, EVP_sha256(), digest, NULL) == 1;

	for (size_t i = 0; i < rule->record_count; i++) {
		struct bytes want = rule->records[i].data;
		const struct tlsa shown = { .data = want };
		char text[TLSA_TEXT_MAX];

		if ((!is_digested || !bytes_equal(want, bytes_of(digest, sizeof(digest)))) &&
		    (!check->seen->has_leaf ||
		     !bytes_equal(want, bytes_of(check->seen->leaf_digest, KEY_DIGEST_LEN))))
			continue;
		/* Behind the three fields, which a fingerprint does not have. */
		(void)snprintf(result->matched, KEY_TEXT_MAX, "fingerprint %s",
		               tlsa_format(text, &shown) + sizeof("0 0 0"));
		return;
	}
	worsen(result, KEY_MISMATCH, "neither the certificate nor its key has that fingerprint");
}

void certificate_hold_rule(struct certificate_result *result, struct certificate_check *check,
                           const struct key_rule *rule)
{
	*result = (struct certificate_result){
		.outcome = KEY_MET,
		.source = rule->source,
		.group = rule->group,
	};
	/* Without a certificate there is nothing to hold. */
	if (check->chain.is_raw && rule->kind != KEY_RULE_FINGERPRINT) {
		certificate_hold_raw(result, check, rule);
	} else if (check->chain.leaf && check->leaf_fault != CERTIFICATE_KEY_BEYOND) {
		switch (rule->kind) {
		case KEY_RULE_TLSA:
			hold_tlsa(result, check, rule);
			break;
		case KEY_RULE_PKIX:
			hold_pkix(result, check, rule);
			break;
		case KEY_RULE_FINGERPRINT:
			hold_fingerprint(result, check, rule);
			break;
		}
	}
	if (check->leaf_fault == CERTIFICATE_KEY_WEAK)
		worsen(result, KEY_UNTRUSTED, check->leaf_what);
	worsen(result, check->floor, check->floor_why);
	if (result->outcome > KEY_NAME_MISMATCH)
		result->matched[0] = '\0';
}
