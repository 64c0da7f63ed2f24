/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_keys.h"

#include <stdio.h>
#include <string.h>

#include "verdict/key_rule.h"

struct holding {
	const struct check_facts *facts;
	const struct certificate_anchors *anchors;
	const struct mx_host *mx;
	const struct check_host *host;
	struct key_rules rules;
};

static void hold(struct key_finding *finding, struct holding *holding,
                 const struct starttls_result *seen, const struct key_rule *rule)
{
	struct certificate_query query = {
		.chain = bytes_of(seen->chain, seen->chain_len),
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

static void hold_name(struct key_finding *finding, struct holding *holding,
                      const struct starttls_result *seen)
{
	const struct key_rule rule = {
		.kind = KEY_RULE_PKIX,
		.source = SOURCE_MTA_STS,
		.names = bytes_of_string(holding->mx->name),
	};

	hold(finding, holding, seen, &rule);
}

/* With usage 2: the host itself, and the domain where a signed MX record leads here (RFC 7672 section 3.2.2). */
static void put_names(char *names, size_t room, const struct holding *holding)
{
	bool is_signed = holding->facts->destination.mx_security == DNS_SECURE;

	snprintf(names, room, "%s%s%s", holding->host->tlsa.base, is_signed ? ":" : "",
	         is_signed ? holding->facts->destination.name : "");
}

static void hold_record(struct key_finding *finding, struct holding *holding,
                        const struct starttls_result *seen, const struct check_record *record)
{
	char names[2 * DOMAIN_NAME_MAX + 2];
	struct key_rule rule = { .kind = KEY_RULE_TLSA, .source = SOURCE_DANE, .record_count = 1 };

	put_names(names, sizeof(names), holding);
	rule.names = bytes_of_string(names);
	rule.records[0] = (struct key_record){
		.usage = record->usage,
		.selector = record->selector,
		.matching = record->matching,
		.data = bytes_of(holding->host->tlsa.octets + record->at, record->len),
	};
	hold(finding, holding, seen, &rule);
}

static void hold_records(struct check_place *place, struct holding *holding)
{
	const struct check_records *records = &holding->host->tlsa;
	struct key_finding finding;

	for (size_t i = 0; i < records->count; i++) {
		if (!records->records[i].is_usable)
			continue;
		hold_record(&finding, holding, place->seen, &records->records[i]);
		place->records[i] = finding.outcome;
		if (finding.outcome == KEY_MET)
			place->is_tlsa_met = true;
		else
			text_copy(place->record_why, sizeof(place->record_why), finding.why);
	}
}

static bool meets_some_record(struct holding *holding, const struct starttls_result *seen)
{
	const struct check_records *records = &holding->host->tlsa;
	struct key_finding finding;

	for (size_t i = 0; i < records->count; i++) {
		if (!records->records[i].is_usable)
			continue;
		hold_record(&finding, holding, seen, &records->records[i]);
		if (finding.outcome == KEY_MET)
			return true;
	}
	return false;
}

/* Another key for those who give no name: does it serve, too? */
static void hold_nameless(struct check_place *place, struct holding *holding)
{
	struct key_finding finding;
	bool is_as_good;

	hold_name(&finding, holding, place->nameless_seen);
	is_as_good = finding.outcome <= place->pkix.outcome;
	if (holding->mx->promise.state == PROMISE_KEY)
		is_as_good = meets_some_record(holding, place->nameless_seen);
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
		hold_name(&place->pkix, &holding, place->seen);
		hold_records(place, &holding);
		if (place->nameless_seen)
			hold_nameless(place, &holding);
	}
}
