/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate_private.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "policy/tlsa.h"

/*
 * A bare key in the place of certificates (RFC 7250), which a sender may ask for, and which only a record of the server's own key can
 * match (RFC 7671 section 5.1). Its first octets are the length of no certificate that a message has room for, so that no list reads
 * as one.
 */

X509 *certificate_of_raw_key(struct bytes octets)
{
	const unsigned char *at = octets.data;
	EVP_PKEY *key = octets.len > 0 ? d2i_PUBKEY(NULL, &at, (long)octets.len) : NULL;
	X509 *bare = NULL;

	if (key && at == octets.data + octets.len)
		bare = X509_new();
	if (bare && X509_set_pubkey(bare, key) != 1) {
		X509_free(bare);
		bare = NULL;
	}
	EVP_PKEY_free(key);
	return bare;
}

static bool is_of_bare_key(const struct tlsa *tlsa)
{
	return tlsa_is_usable(tlsa) && tlsa->usage == TLSA_DANE_EE &&
	       tlsa->selector == TLSA_PUBLIC_KEY;
}

static struct tlsa tlsa_of(const struct key_record *record)
{
	return (struct tlsa){ record->usage, record->selector, record->matching, record->data };
}

/* RFC 7671 section 9: of digests the strongest, and full keys always. */
static unsigned strongest_digest(size_t *count, const struct key_rule *rule)
{
	unsigned strongest = TLSA_FULL;

	*count = 0;
	for (size_t i = 0; i < rule->record_count; i++) {
		const struct tlsa tlsa = tlsa_of(&rule->records[i]);

		if (!is_of_bare_key(&tlsa))
			continue;
		(*count)++;
		if (tlsa.matching > strongest)
			strongest = tlsa.matching;
	}
	return strongest;
}

static bool matches(const struct tlsa *tlsa, struct bytes key)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (tlsa->matching == TLSA_FULL)
		return bytes_equal(tlsa->data, key);
	return EVP_Digest(key.data, key.len, digest, &len,
	                  tlsa->matching == TLSA_SHA256 ? EVP_sha256() : EVP_sha512(), NULL) == 1 &&
	       bytes_equal(tlsa->data, bytes_of(digest, len));
}

static void hold_records(struct certificate_result *result, const struct certificate_check *check,
                         const struct key_rule *rule)
{
	size_t count;
	unsigned strongest = strongest_digest(&count, rule);
	char text[TLSA_TEXT_MAX];

	for (size_t i = 0; i < rule->record_count; i++) {
		const struct tlsa tlsa = tlsa_of(&rule->records[i]);

		if (!is_of_bare_key(&tlsa) ||
		    (tlsa.matching != TLSA_FULL && tlsa.matching != strongest) ||
		    !matches(&tlsa, check->query->chain))
			continue;
		text_copy(result->matched, KEY_TEXT_MAX, tlsa_format(text, &tlsa));
		return;
	}
	result->outcome = count > 0 ? KEY_MISMATCH : KEY_UNJUDGED;
	text_copy(result->why, KEY_TEXT_MAX,
	          count > 0
	                  ? "no TLSA record is of the raw key that was shown (RFC 7250)"
	                  : "a raw key was shown (RFC 7250), and no TLSA record is of a bare key");
}

void certificate_tell_raw(struct key_seen *seen, struct bytes key)
{
	seen->is_raw = true;
	seen->has_leaf =
		EVP_Digest(key.data, key.len, seen->leaf_digest, NULL, EVP_sha256(), NULL) == 1;
}

void certificate_hold_raw(struct certificate_result *result, const struct certificate_check *check,
                          const struct key_rule *rule)
{
	if (rule->kind == KEY_RULE_TLSA) {
		hold_records(result, check, rule);
		return;
	}
	result->outcome = KEY_UNJUDGED;
	text_copy(result->why, KEY_TEXT_MAX,
	          "a raw key was shown (RFC 7250), which no authority has signed");
}
