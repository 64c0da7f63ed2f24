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

/* What a group of rules came to: the worst of those that bind, and of those that are only told. */
struct group {
	const struct certificate_result *worst;      /* NULL: none binds */
	const struct certificate_result *worst_told; /* NULL: none is only told */
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

static struct group group_of(const struct results *results, uint8_t number)
{
	struct group group = { 0 };

	for (size_t i = 0; i < results->count; i++) {
		const struct certificate_result *result = &results->results[i];

		if (result->group != number)
			continue;
		if (result->is_told_only)
			group.worst_told = worse(group.worst_told, result);
		else
			group.worst = worse(group.worst, result);
	}
	return group;
}

static enum key_outcome outcome_of(const struct certificate_result *result)
{
	return result ? result->outcome : KEY_MET;
}

static enum promise_source source_of(const struct group *group)
{
	return group->worst ? group->worst->source : group->worst_told->source;
}

/* Whether a came closer than b. */
static bool is_closer(const struct group *a, const struct group *b)
{
	if (outcome_of(a->worst) != outcome_of(b->worst))
		return outcome_of(a->worst) < outcome_of(b->worst);
	if (outcome_of(a->worst_told) != outcome_of(b->worst_told))
		return outcome_of(a->worst_told) < outcome_of(b->worst_told);
	return rank(source_of(a)) < rank(source_of(b));
}

static struct group closest_of(const struct results *results)
{
	struct group closest = group_of(results, results->results[0].group);

	for (size_t i = 1; i < results->count; i++) {
		struct group group = group_of(results, results->results[i].group);

		if (is_closer(&group, &closest))
			closest = group;
	}
	return closest;
}

static void conclude(struct key_finding *finding, const struct results *results)
{
	struct group closest = closest_of(results);
	const struct certificate_result *decides =
		closest.worst ? closest.worst : closest.worst_told;

	finding->outcome = outcome_of(closest.worst);
	finding->source = decides->source;
	text_copy(finding->matched, sizeof(finding->matched), decides->matched);
	if (outcome_of(closest.worst_told) != KEY_MET) {
		finding->told_outcome = closest.worst_told->outcome;
		text_copy(finding->why, sizeof(finding->why), closest.worst_told->why);
	}
	if (finding->outcome != KEY_MET)
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
		conclude(finding, &results);
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
