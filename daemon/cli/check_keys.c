/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdict/key_rule.h"

/* Of a certificate in a chain its length comes first (RFC 5246 section 7.4.2); those of authorities have 2 KiB at most. */
enum { LENGTH_LEN = 3, ANCHOR_MAX = 16 * 1024 };

struct holding {
	const struct check_facts *facts;
	const struct certificate_anchors *anchors;
	const struct mx_host *mx;
	const struct check_host *host;
	struct key_rules rules;
};

static void hold(struct key_finding *finding, struct holding *holding, struct bytes chain,
                 const struct key_rule *rule)
{
	struct certificate_query query = {
		.chain = chain,
		.now_s = holding->facts->now_s,
		.anchors = holding->anchors,
	};

	holding->rules.count = holding->rules.len = 0;
	memset(finding, 0, sizeof(*finding));
	finding->outcome = KEY_UNREADABLE;
	if (!key_rules_add(&holding->rules, rule))
		return;
	query.rules = bytes_of(holding->rules.octets, holding->rules.len);
	certificate_check(finding, &query);
}

static struct bytes chain_of(const struct starttls_result *seen)
{
	return bytes_of(seen->chain, seen->chain_len);
}

static void hold_name(struct key_finding *finding, struct holding *holding, struct bytes chain)
{
	const struct key_rule rule = {
		.kind = KEY_RULE_PKIX,
		.source = SOURCE_MTA_STS,
		.names = bytes_of_string(holding->mx->name),
	};

	hold(finding, holding, chain, &rule);
}

/* With usage 2: the host itself, and the domain where a signed MX record leads here (RFC 7672 section 3.2.2). */
static void put_names(char *names, size_t room, const struct holding *holding)
{
	bool is_signed = holding->facts->destination.mx_security == DNS_SECURE;

	snprintf(names, room, "%s%s%s", holding->host->tlsa.base, is_signed ? ":" : "",
	         is_signed ? holding->facts->destination.name : "");
}

static struct key_record record_of(const struct check_host *host, size_t index)
{
	const struct check_record *record = &host->tlsa.records[index];

	return (struct key_record){
		.usage = record->usage,
		.selector = record->selector,
		.matching = record->matching,
		.data = bytes_of(host->tlsa.octets + record->at, record->len),
	};
}

/* The usable ones of [from, to). */
static void hold_records(struct key_finding *finding, struct holding *holding, struct bytes chain,
                         size_t from, size_t to)
{
	struct key_rule rule = { .kind = KEY_RULE_TLSA, .source = SOURCE_DANE };
	char names[2 * DOMAIN_NAME_MAX + 2];

	put_names(names, sizeof(names), holding);
	rule.names = bytes_of_string(names);
	for (size_t i = from; i < to && rule.record_count < KEY_RECORDS_MAX; i++) {
		if (holding->host->tlsa.records[i].is_usable)
			rule.records[rule.record_count++] = record_of(holding->host, i);
	}
	hold(finding, holding, chain, &rule);
}

static bool has_usable_record(const struct check_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		if (records->records[i].is_usable)
			return true;
	}
	return false;
}

static bool meets_records(struct holding *holding, const struct starttls_result *seen)
{
	struct key_finding finding;

	if (!has_usable_record(&holding->host->tlsa))
		return false;
	hold_records(&finding, holding, chain_of(seen), 0, holding->host->tlsa.count);
	return finding.outcome == KEY_MET;
}

/* Whatever else it comes to: the record is that certificate's. */
static bool is_matched(enum key_outcome outcome)
{
	return outcome == KEY_MET || outcome == KEY_EXPIRED || outcome == KEY_NAME_MISMATCH;
}

/* As if the server had sent its authority's own certificate, too. */
static void hold_with_anchor(struct check_key *key, struct holding *holding,
                             const struct starttls_result *seen)
{
	const struct check_records *records = &holding->host->tlsa;
	uint8_t *chain = malloc(seen->chain_len + LENGTH_LEN + ANCHOR_MAX);
	struct key_finding finding;
	size_t len;

	if (!chain)
		return;
	memcpy(chain, seen->chain, seen->chain_len);
	len = certificate_anchors_find(chain + seen->chain_len + LENGTH_LEN, ANCHOR_MAX,
	                               holding->anchors, key->pkix.seen.anchor_digest);
	chain[seen->chain_len] = 0;
	put_u16(chain + seen->chain_len + 1, (uint16_t)len);
	for (size_t i = 0; len > 0 && i < records->count; i++) {
		if (records->records[i].usage != TLSA_DANE_TA || !records->records[i].is_usable ||
		    key->records[i] != KEY_MISMATCH)
			continue;
		hold_records(&finding, holding, bytes_of(chain, seen->chain_len + LENGTH_LEN + len),
		             i, i + 1);
		key->is_unsent[i] = is_matched(finding.outcome);
	}
	free(chain);
}

static void hold_key(struct check_key *key, struct holding *holding,
                     const struct starttls_result *seen)
{
	const struct check_records *records = &holding->host->tlsa;
	struct key_finding finding;

	hold_name(&key->pkix, holding, chain_of(seen));
	for (size_t i = 0; i < records->count; i++) {
		if (!records->records[i].is_usable)
			continue;
		hold_records(&finding, holding, chain_of(seen), i, i + 1);
		key->records[i] = finding.outcome;
		if (finding.outcome != KEY_MET)
			text_copy(key->record_why, sizeof(key->record_why), finding.why);
	}
	key->is_tlsa_met = meets_records(holding, seen);
	if (!key->is_tlsa_met && key->pkix.seen.has_anchor)
		hold_with_anchor(key, holding, seen);
}

/* Another key for those who give no name: does it serve, too? */
static void hold_nameless(struct check_place *place, struct holding *holding)
{
	struct key_finding finding;
	bool is_as_good;

	hold_name(&finding, holding, chain_of(place->nameless_seen));
	is_as_good = finding.outcome <= place->key.pkix.outcome;
	if (holding->mx->promise.state == PROMISE_KEY)
		is_as_good = meets_records(holding, place->nameless_seen);
	place->nameless = is_as_good ? NAMELESS_MEETS : NAMELESS_OTHER;
	text_copy(place->nameless_names, sizeof(place->nameless_names), finding.seen.names);
}

void check_keys(struct check_facts *facts, const struct certificate_anchors *anchors)
{
	for (size_t i = 0; i < facts->destination.place_count; i++) {
		size_t host = facts->destination.places[i].host;
		struct check_place *place = &facts->places[i];
		struct holding holding = {
			.facts = facts,
			.anchors = anchors,
			.mx = &facts->destination.hosts[host],
			.host = &facts->hosts[host],
		};

		if (!place->seen || place->seen->outcome != VISIT_DONE || !place->seen->has_leaf)
			continue;
		hold_key(&place->key, &holding, place->seen);
		if (place->second_seen)
			hold_key(&place->second, &holding, place->second_seen);
		if (place->nameless_seen)
			hold_nameless(place, &holding);
	}
}
