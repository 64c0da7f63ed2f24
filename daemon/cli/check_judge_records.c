/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/check_judge.h"

/* A place's certificate counts for its host's records. */
static bool has_certificate(const struct check_facts *facts, size_t place, size_t host)
{
	const struct check_place *at = &facts->places[place];

	return facts->destination.places[place].host == host && at->seen &&
	       at->seen->outcome == VISIT_DONE && at->seen->has_leaf;
}

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

/* What the record that came closest lacks. */
static enum check_kind kind_of_mismatch(const struct check_place *place, size_t count)
{
	enum key_outcome best = KEY_UNREADABLE;

	for (size_t i = 0; i < count; i++) {
		if (place->records[i] > KEY_MET && place->records[i] < best)
			best = place->records[i];
	}
	if (best == KEY_EXPIRED)
		return CHECK_TLSA_EXPIRED;
	return best == KEY_NAME_MISMATCH ? CHECK_TLSA_NAME : CHECK_TLSA_MISMATCH;
}

static void judge_places(struct check_findings *findings, const struct check_facts *facts,
                         size_t host)
{
	const struct check_records *records = &facts->hosts[host].tlsa;
	char where[CHECK_WHERE_MAX], digest[2 * STARTTLS_DIGEST_LEN + 1];

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		const struct check_place *place = &facts->places[i];

		if (!has_certificate(facts, i, host) || place->is_tlsa_met)
			continue;
		for (size_t j = 0; j < STARTTLS_DIGEST_LEN; j++)
			snprintf(digest + 2 * j, 3, "%02x", place->seen->leaf_digest[j]);
		check_place_text(where, facts, i);
		check_add(findings, kind_of_mismatch(place, records->count), CHECK_BAD, where,
		          "%s; its key would be 3 1 1 %s", place->record_why, digest);
	}
}

/* Where some record is met everywhere, one that is met nowhere is left over. */
static void judge_stale(struct check_findings *findings, const struct check_facts *facts,
                        size_t host)
{
	const struct check_records *records = &facts->hosts[host].tlsa;

	for (size_t i = 0; i < records->count; i++) {
		bool is_met = false, is_held = false, is_host_met = true;

		for (size_t j = 0; j < facts->destination.place_count; j++) {
			if (!has_certificate(facts, j, host))
				continue;
			is_held = true;
			is_met |= facts->places[j].records[i] == KEY_MET;
			is_host_met &= facts->places[j].is_tlsa_met;
		}
		if (records->records[i].is_usable && is_held && is_host_met && !is_met)
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
