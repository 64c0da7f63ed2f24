/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verifier_judge.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/certificate.h"
#include "policy/key_exchange_signature.h"
#include "wire/tls_key_exchange.h"

_Static_assert((int)KEY_EXCHANGE_RANDOM_LEN == (int)CHECK_RANDOM_LEN, "one length of a random");

struct verifier_judge {
	struct certificate_anchors *anchors;
	struct table *cache; /* by the digest of a query, struct key_finding */
	struct verifier_counts counts;
};

struct verifier_judge *verifier_judge_new(struct certificate_anchors *anchors,
                                          const uint8_t secret[TABLE_SECRET_LEN])
{
	struct verifier_judge *judge = calloc(1, sizeof(*judge));

	if (!judge)
		return NULL;
	judge->cache = table_new(VERIFIER_CACHE_MAX, CERTIFICATE_QUERY_DIGEST_LEN,
	                         sizeof(struct key_finding), secret, NULL, NULL);
	if (!judge->cache) {
		free(judge);
		return NULL;
	}
	judge->anchors = anchors;
	return judge;
}

void verifier_judge_free(struct verifier_judge *judge)
{
	if (!judge)
		return;
	certificate_anchors_free(judge->anchors);
	table_free(judge->cache);
	free(judge);
}

void verifier_judge_trust(struct verifier_judge *judge, struct certificate_anchors *anchors)
{
	certificate_anchors_free(judge->anchors);
	judge->anchors = anchors;
	table_clear(judge->cache);
}

bool verifier_judge_trusts_any(const struct verifier_judge *judge)
{
	return certificate_anchors_count(judge->anchors) > 0;
}

/* The parts of a message's octets. */
struct parts {
	struct bytes rules;
	struct bytes chain;
	struct bytes exchange;
};

static bool take_apart(struct parts *parts, const struct message_check *check, size_t len)
{
	struct cursor octets;

	if (len < CHECK_HEAD_LEN || len > sizeof(*check) || check->rules_len > KEY_RULES_LEN_MAX ||
	    check->chain_len > CHECK_CHAIN_MAX || check->exchange_len > CHECK_EXCHANGE_MAX)
		return false;
	octets = cursor_over(bytes_of(check->octets, len - CHECK_HEAD_LEN));
	parts->rules = cursor_bytes(&octets, check->rules_len);
	parts->chain = cursor_bytes(&octets, check->chain_len);
	parts->exchange = cursor_bytes(&octets, check->exchange_len);
	return cursor_finished(&octets) && key_rules_are_sound(parts->rules);
}

/* KEY_UNKNOWN: it says nothing against the server. */
static enum key_outcome check_exchange(const struct message_check *check, const struct parts *parts,
                                       char why[KEY_TEXT_MAX])
{
	struct tls_key_exchange parsed;
	struct key_exchange_signed exchange = {
		.tls_version = check->tls_version,
		.client_random = check->client_random,
		.server_random = check->server_random,
	};
	enum key_outcome outcome;

	if (parts->exchange.len == 0)
		return KEY_UNKNOWN;
	if (tls_key_exchange_parse(&parsed, parts->exchange, check->tls_version,
	                           check->cipher_suite) != PARSE_OK) {
		(void)snprintf(why, KEY_TEXT_MAX, "the key exchange is malformed");
		return KEY_UNREADABLE;
	}
	exchange.params = parsed.params;
	exchange.signature_scheme = parsed.signature_algorithm;
	exchange.signature = parsed.signature;
	outcome = key_exchange_signature_check(&exchange, parts->chain, why);
	return outcome == KEY_MET ? KEY_UNKNOWN : outcome;
}

static void check_certificates(struct key_finding *finding, struct verifier_judge *judge,
                               const struct certificate_query *query)
{
	uint8_t digest[CERTIFICATE_QUERY_DIGEST_LEN];
	struct key_finding *kept = NULL;

	/* What a handshake lacked is of this handshake. */
	if (query->handshake != KEY_UNKNOWN || !certificate_query_digest(digest, query)) {
		certificate_check(finding, query);
		return;
	}
	kept = table_find(judge->cache, digest);
	if (kept) {
		judge->counts.cached++;
		*finding = *kept;
		return;
	}
	certificate_check(finding, query);
	kept = table_insert(judge->cache, digest);
	if (kept)
		*kept = *finding;
}

bool verifier_judge_check(struct key_finding *finding, struct verifier_judge *judge,
                          const struct message_check *check, size_t len, int64_t now_s)
{
	struct certificate_query query = { .now_s = now_s, .anchors = judge->anchors };
	struct parts parts;
	char why[KEY_TEXT_MAX] = "";

	if (!take_apart(&parts, check, len))
		return false;
	judge->counts.checks++;
	query.chain = parts.chain;
	query.rules = parts.rules;
	query.handshake = check_exchange(check, &parts, why);
	query.handshake_why = why;
	judge->counts.unproven += query.handshake == KEY_UNPROVEN;
	check_certificates(finding, judge, &query);
	return true;
}

struct verifier_counts verifier_judge_counts(const struct verifier_judge *judge)
{
	return judge->counts;
}
