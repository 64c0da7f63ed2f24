/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/check_judge.h"

static bool is_any_usable(const struct check_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		if (records->records[i].is_usable)
			return true;
	}
	return false;
}

static void judge_usability(struct check_findings *findings, const struct check_records *records)
{
	bool has_others = is_any_usable(records);

	for (size_t i = 0; i < records->count; i++) {
		const struct check_record *record = &records->records[i];
		const char *reason =
			"its digest, key or certificate is damaged or of an unknown kind";

		if (record->is_usable)
			continue;
		if (record->usage == TLSA_PKIX_TA || record->usage == TLSA_PKIX_EE)
			reason = "usages 0 and 1 are for web browsers";
		check_add(findings, CHECK_TLSA_UNUSABLE, has_others ? CHECK_WARNING : CHECK_BAD,
		          records->name, "%s: %s%s", record->text, reason,
		          has_others ? "" : "; no other record is usable");
	}
}

/* A server's key while it is held against its host's records. */
struct judged {
	struct check_findings *findings;
	const struct check_facts *facts;
	const struct check_records *records;
	struct check_shown shown;
	bool has_good_key; /* another one of that address is met */
	char where[CHECK_WHERE_MAX];
};

/* The first record that comes to that; NULL: none. */
static const struct check_record *find_record(const struct judged *judged, enum key_outcome outcome)
{
	for (size_t i = 0; i < judged->records->count; i++) {
		if (judged->shown.key->records[i] == outcome)
			return &judged->records->records[i];
	}
	return NULL;
}

/* A digest of the anchor is right, and nobody can tell, since the anchor is not sent. */
static const struct check_record *find_unsent_anchor(const struct judged *judged)
{
	for (size_t i = 0; i < judged->records->count; i++) {
		if (judged->shown.key->is_unsent[i])
			return &judged->records->records[i];
	}
	return NULL;
}

/* The chain ends below somebody who is not known here either: a digest may be of that one, or of nobody. */
static const struct check_record *find_unknown_anchor(const struct judged *judged)
{
	if (judged->shown.key->pkix.seen.has_anchor || !judged->shown.seen->is_root_missing)
		return NULL;
	for (size_t i = 0; i < judged->records->count; i++) {
		const struct check_record *record = &judged->records->records[i];

		if (record->usage == TLSA_DANE_TA && record->matching != TLSA_FULL &&
		    judged->shown.key->records[i] == KEY_MISMATCH)
			return record;
	}
	return NULL;
}

static void add_mismatch(const struct judged *judged, enum check_kind kind)
{
	char digest[2 * STARTTLS_DIGEST_LEN + 1];

	for (size_t i = 0; i < STARTTLS_DIGEST_LEN; i++)
		snprintf(digest + 2 * i, 3, "%02x", judged->shown.seen->leaf_digest[i]);
	check_add(judged->findings, kind, CHECK_BAD, judged->where, "%s; its key would be 3 1 1 %s",
	          judged->shown.key->record_why, digest);
}

/* What the record that came closest lacks. */
static void judge_mismatch(const struct judged *judged)
{
	const struct check_record *met = find_record(judged, KEY_MET);
	const struct check_record *anchor = find_unsent_anchor(judged);
	const struct check_record *unknown = find_unknown_anchor(judged);

	if (met)
		check_add(judged->findings, CHECK_TLSA_DIGEST, CHECK_BAD, judged->where,
		          "%s matches; %s", met->text, judged->shown.key->record_why);
	else if (find_record(judged, KEY_EXPIRED))
		add_mismatch(judged, CHECK_TLSA_EXPIRED);
	else if (find_record(judged, KEY_NAME_MISMATCH))
		add_mismatch(judged, CHECK_TLSA_NAME);
	else if (anchor)
		check_add(judged->findings, CHECK_TLSA_ANCHOR, CHECK_BAD, judged->where,
		          "%s is that of the chain's anchor, which is known here", anchor->text);
	else if (unknown)
		check_add(judged->findings, CHECK_TLSA_ANCHOR, CHECK_BAD, judged->where,
		          "%s is that of no certificate in the chain: either of %.120s, who is "
		          "neither sent nor known here, or wrong",
		          unknown->text, judged->shown.seen->missing_issuer);
	else
		add_mismatch(judged,
		             judged->has_good_key ? CHECK_TLSA_SECOND : CHECK_TLSA_MISMATCH);
}

static bool is_some_key_met(const struct check_place *place)
{
	struct check_shown shown;

	for (size_t i = 0; check_shown(&shown, place, i); i++) {
		if (shown.key->is_tlsa_met)
			return true;
	}
	return false;
}

static void judge_places(struct check_findings *findings, const struct check_facts *facts,
                         size_t host)
{
	struct judged judged = {
		.findings = findings,
		.facts = facts,
		.records = &facts->hosts[host].tlsa,
	};

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		const struct check_place *place = &facts->places[i];

		if (facts->destination.places[i].host != host)
			continue;
		judged.has_good_key = is_some_key_met(place);
		for (size_t j = 0; check_shown(&judged.shown, place, j); j++) {
			check_shown_text(judged.where, facts, i, j);
			if (!judged.shown.key->is_tlsa_met)
				judge_mismatch(&judged);
		}
	}
}

/* Where some record is met everywhere, one that is met nowhere is left over. */
static bool is_stale(const struct check_facts *facts, size_t host, size_t record)
{
	bool is_met = false, is_held = false, is_host_met = true;
	struct check_shown shown;

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		if (facts->destination.places[i].host != host)
			continue;
		for (size_t j = 0; check_shown(&shown, &facts->places[i], j); j++) {
			is_held = true;
			is_met |= shown.key->records[record] == KEY_MET;
			is_host_met &= shown.key->is_tlsa_met;
		}
	}
	return is_held && is_host_met && !is_met;
}

static void judge_stale(struct check_findings *findings, const struct check_facts *facts,
                        size_t host)
{
	const struct check_records *records = &facts->hosts[host].tlsa;

	for (size_t i = 0; i < records->count; i++) {
		if (records->records[i].is_usable && is_stale(facts, host, i))
			check_add(findings, CHECK_TLSA_STALE, CHECK_NOTE, records->name, "%s",
			          records->records[i].text);
	}
}

static bool is_answered(enum dns_security security)
{
	return security == DNS_SECURE || security == DNS_INSECURE;
}

/* The look-up of an insecure host's records may fail: nobody asks. */
static void judge_host(struct check_findings *findings, const struct check_facts *facts,
                       size_t index)
{
	const struct mx_host *mx = &facts->destination.hosts[index];
	const struct check_records *records = &facts->hosts[index].tlsa;

	if (!is_answered(mx->address_security))
		return;
	if (mx->promise.state == PROMISE_UNAVAILABLE) {
		check_add(findings, CHECK_TLSA_UNKNOWN, CHECK_BAD, mx->name, "%s",
		          mx->promise.detail);
		return;
	}
	if (records->count == 0)
		return;
	if (mx->promise.state != PROMISE_KEY && mx->promise.state != PROMISE_TLS) {
		check_add(findings, CHECK_TLSA_INSECURE, CHECK_WARNING, records->name,
		          "%zu records, %s", records->count,
		          mx->address_security == DNS_INSECURE
		                  ? "the host's addresses are not signed"
		                  : "they are not signed");
		return;
	}
	judge_usability(findings, records);
	if (mx->promise.state == PROMISE_KEY) {
		judge_places(findings, facts, index);
		judge_stale(findings, facts, index);
	}
}

void check_judge_records(struct check_findings *findings, const struct check_facts *facts)
{
	for (size_t i = 0; i < facts->destination.host_count; i++)
		judge_host(findings, facts, i);
}
