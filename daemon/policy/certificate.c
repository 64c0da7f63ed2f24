/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "policy/certificate_private.h"

enum { SECONDS_OF_MINUTE = 60 };

struct results {
	size_t count;
	struct certificate_result results[KEY_RULES_MAX];
};

/* What stands above the others comes first; a wish of our own last. */
static unsigned rank(enum promise_source source)
{
	return source == SOURCE_DEFAULT ? SOURCE_SEEN + 1 : (unsigned)source;
}

/* The worse of two; of those that are as bad, the one of the stronger source. */
static const struct certificate_result *worse(const struct certificate_result *a,
                                              const struct certificate_result *b)
{
	if (!a || b->outcome > a->outcome)
		return b;
	return b->outcome == a->outcome && rank(b->source) < rank(a->source) ? b : a;
}

/* What a group of rules came to: its worst. */
static const struct certificate_result *group_of(const struct results *results, uint8_t number)
{
	const struct certificate_result *worst = NULL;

	for (size_t i = 0; i < results->count; i++) {
		if (results->results[i].group == number)
			worst = worse(worst, &results->results[i]);
	}
	return worst;
}

/* Of all groups, what came closest. */
static const struct certificate_result *closest_of(const struct results *results)
{
	const struct certificate_result *closest = group_of(results, results->results[0].group);

	for (size_t i = 1; i < results->count; i++) {
		const struct certificate_result *group =
			group_of(results, results->results[i].group);

		if (group->outcome < closest->outcome ||
		    (group->outcome == closest->outcome &&
		     rank(group->source) < rank(closest->source)))
			closest = group;
	}
	return closest;
}

static void conclude(struct key_finding *finding, const struct certificate_result *decides)
{
	finding->outcome = decides->outcome;
	finding->source = decides->source;
	text_copy(finding->matched, sizeof(finding->matched), decides->matched);
	text_copy(finding->why, sizeof(finding->why), decides->why);
}

static void set_floor(struct certificate_check *check, enum key_outcome outcome, const char *why)
{
	if (outcome <= check->floor)
		return;
	check->floor = outcome;
	check->floor_why = why;
}

static void hold_all(struct key_finding *finding, struct certificate_check *check)
{
	struct cursor rest = cursor_over(check->query->rules);
	struct results results = { 0 };
	struct key_rule rule;

	while (results.count < KEY_RULES_MAX && key_rule_next(&rule, &rest))
		certificate_hold_rule(&results.results[results.count++], check, &rule);
	if (results.count > 0) {
		conclude(finding, closest_of(&results));
		return;
	}
	finding->outcome = check->floor == KEY_UNKNOWN ? KEY_MET : check->floor;
	if (check->floor != KEY_UNKNOWN)
		text_copy(finding->why, sizeof(finding->why), check->floor_why);
}

void certificate_check(struct key_finding *finding, const struct certificate_query *query)
{
	struct certificate_check check = { .query = query, .seen = &finding->seen };
	char unreadable[KEY_TEXT_MAX];

	memset(finding, 0, sizeof(*finding));
	set_floor(&check, query->handshake, query->handshake_why);
	if (certificate_chain_read(&check.chain, query->chain, unreadable)) {
		if (check.chain.is_raw)
			certificate_tell_raw(&finding->seen, query->chain);
		else
			certificate_tell_seen(&finding->seen, check.chain.leaf);
		check.leaf_fault = certificate_key_fault(check.chain.leaf, check.leaf_what);
		if (check.leaf_fault == CERTIFICATE_KEY_BEYOND)
			set_floor(&check, KEY_UNREADABLE, check.leaf_what);
	} else {
		set_floor(&check, KEY_UNREADABLE, unreadable);
	}
	hold_all(finding, &check);
	certificate_chain_free(&check.chain);
	/* What went wrong with one certificate is nobody else's error. */
	ERR_clear_error();
}

bool certificate_query_digest(uint8_t digest[CERTIFICATE_QUERY_DIGEST_LEN],
                              const struct certificate_query *query)
{
	const int64_t head[] = { query->now_s / SECONDS_OF_MINUTE, (int64_t)query->chain.len };
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool is_digested = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) &&
	                   EVP_DigestUpdate(hash, head, sizeof(head)) &&
	                   EVP_DigestUpdate(hash, query->chain.data, query->chain.len) &&
	                   EVP_DigestUpdate(hash, query->rules.data, query->rules.len) &&
	                   EVP_DigestFinal_ex(hash, digest, NULL);

	EVP_MD_CTX_free(hash);
	return is_digested;
}
