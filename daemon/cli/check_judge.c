/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_judge.h"

#include <stdio.h>
#include <string.h>

enum { HELO_TAKEN = 250 };

void check_place_text(char where[CHECK_WHERE_MAX], const struct check_facts *facts, size_t place)
{
	const struct mx_place *at = &facts->destination.places[place];
	char address[ADDRESS_TEXT_MAX];

	snprintf(where, CHECK_WHERE_MAX, "%s %s", facts->destination.hosts[at->host].name,
	         address_format(address, &at->address));
}

void check_shown_text(char where[CHECK_WHERE_MAX], const struct check_facts *facts, size_t place,
                      size_t index)
{
	struct check_shown shown;
	size_t len;

	check_place_text(where, facts, place);
	len = strlen(where);
	if (facts->places[place].second_seen && check_shown(&shown, &facts->places[place], index))
		snprintf(where + len, CHECK_WHERE_MAX - len, " (%s)",
		         starttls_key_name(shown.seen->leaf_key));
}

bool check_policy_binds(const struct check_facts *facts, size_t host)
{
	return (facts->sts.state == STS_POLICY && facts->sts.mode == MX_POLICY_ENFORCE &&
	        facts->hosts[host].is_in_policy) ||
	       (facts->list.state == CHECK_LISTED_ENFORCE && facts->hosts[host].is_in_list);
}

static bool has_answered_starttls(const struct starttls_result *seen)
{
	return seen->outcome == VISIT_DONE && (seen->is_offered || seen->is_masked);
}

/* Whether a sender without any promise would deliver in the clear. */
static bool goes_in_clear(const struct starttls_result *seen)
{
	switch (seen->outcome) {
	case VISIT_NOT_OFFERED:
	case VISIT_MASKED:
	case VISIT_TLS_FAILED:
		return true;
	case VISIT_DONE:
		return !seen->is_offered;
	case VISIT_REPLIED:
		/* EHLO refused, or STARTTLS; at the banner nothing is delivered. */
		return seen->step == VISIT_AT_STARTTLS ||
		       (seen->step == VISIT_AT_EHLO && seen->helo_code == HELO_TAKEN);
	default:
		return seen->step == VISIT_AT_HANDSHAKE;
	}
}

/* Every key that it shows. */
static bool is_tlsa_met(const struct check_place *place)
{
	struct check_shown shown;
	bool is_met = place->key.is_tlsa_met;

	for (size_t i = 0; check_shown(&shown, place, i); i++)
		is_met &= shown.key->is_tlsa_met;
	return is_met;
}

static bool is_trusted(const struct check_place *place)
{
	struct check_shown shown;
	bool is_met = place->key.pkix.outcome == KEY_MET;

	for (size_t i = 0; check_shown(&shown, place, i); i++)
		is_met &= shown.key->pkix.outcome == KEY_MET;
	return is_met;
}

static enum check_strength strength_of_place(const struct check_facts *facts, size_t place)
{
	size_t host = facts->destination.places[place].host;
	const struct promise *promise = &facts->destination.hosts[host].promise;
	const struct check_place *at = &facts->places[place];

	if (!at->seen)
		return STRENGTH_UNKNOWN;
	if (promise->state == PROMISE_KEY && facts->destination.mx_security == DNS_SECURE)
		return is_tlsa_met(at) && has_answered_starttls(at->seen) ? STRENGTH_DANE
		                                                          : STRENGTH_UNKNOWN;
	if (check_policy_binds(facts, host))
		return is_trusted(at) && has_answered_starttls(at->seen) ? STRENGTH_POLICY
		                                                         : STRENGTH_UNKNOWN;
	if ((at->anonymous_cipher && at->seen->outcome != VISIT_DONE) ||
	    has_answered_starttls(at->seen))
		return STRENGTH_TLS;
	return goes_in_clear(at->seen) ? STRENGTH_CLEAR : STRENGTH_UNKNOWN;
}

static enum check_strength weaker(enum check_strength a, enum check_strength b)
{
	if (a == STRENGTH_UNKNOWN || b == STRENGTH_UNKNOWN)
		return a == STRENGTH_UNKNOWN ? b : a;
	return a < b ? a : b;
}

enum check_strength check_strength_of_host(const struct check_facts *facts, size_t host)
{
	enum check_strength strength = STRENGTH_UNKNOWN;

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		if (facts->destination.places[i].host == host)
			strength = weaker(strength, strength_of_place(facts, i));
	}
	return strength;
}

enum check_strength check_strength_of_domain(const struct check_facts *facts)
{
	enum check_strength strength = STRENGTH_UNKNOWN;

	for (size_t i = 0; i < facts->destination.host_count; i++)
		strength = weaker(strength, check_strength_of_host(facts, i));
	return strength;
}

const char *check_strength_words(enum check_strength strength)
{
	switch (strength) {
	case STRENGTH_UNKNOWN:
		return "not known";
	case STRENGTH_CLEAR:
		return "clear text";
	case STRENGTH_TLS:
		return "TLS that can be stripped";
	case STRENGTH_POLICY:
		return "TLS promised by a policy";
	case STRENGTH_DANE:
		return "TLS with a signed key";
	}
	return "not known";
}

/* What each host promises or shows by itself, so that a good key beside none is a downgrade even where a mismatch hides the rest. */
static enum check_strength promised_strength(const struct check_facts *facts, size_t host)
{
	if (facts->destination.hosts[host].promise.state == PROMISE_KEY &&
	    facts->destination.mx_security == DNS_SECURE)
		return STRENGTH_DANE;
	if (check_policy_binds(facts, host))
		return STRENGTH_POLICY;
	return check_strength_of_host(facts, host);
}

/* Two addresses of one host, of which one is the way round what the other has. */
static void judge_weak_places(struct check_findings *findings, const struct check_facts *facts,
                              size_t host)
{
	enum check_strength worst = check_strength_of_host(facts, host);
	enum check_strength best = STRENGTH_UNKNOWN;
	char where[CHECK_WHERE_MAX], strongest[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < facts->destination.place_count; i++) {
		if (facts->destination.places[i].host != host ||
		    strength_of_place(facts, i) <= best)
			continue;
		best = strength_of_place(facts, i);
		address_format(strongest, &facts->destination.places[i].address);
	}
	for (size_t i = 0; worst < best && i < facts->destination.place_count; i++) {
		if (facts->destination.places[i].host != host ||
		    strength_of_place(facts, i) != worst)
			continue;
		check_place_text(where, facts, i);
		check_add(findings, CHECK_WEAK_MX, CHECK_BAD, where, "%s; while %s has %s",
		          check_strength_words(worst), strongest, check_strength_words(best));
	}
}

static void judge_weakest(struct check_findings *findings, const struct check_facts *facts)
{
	const struct destination *destination = &facts->destination;
	enum check_strength best = STRENGTH_UNKNOWN;
	enum check_strength worst = STRENGTH_UNKNOWN;
	size_t strongest = 0;

	for (size_t i = 0; i < destination->host_count; i++) {
		enum check_strength strength = promised_strength(facts, i);

		worst = weaker(worst, strength);
		if (strength > best) {
			best = strength;
			strongest = i;
		}
	}
	for (size_t i = 0; i < destination->host_count; i++)
		judge_weak_places(findings, facts, i);
	if (worst == best)
		return;
	for (size_t i = 0; i < destination->host_count; i++) {
		if (promised_strength(facts, i) == worst)
			check_add(findings, CHECK_WEAK_MX, CHECK_BAD, destination->hosts[i].name,
			          "preference %u, %s; while %s has %s",
			          destination->hosts[i].preference, check_strength_words(worst),
			          destination->hosts[strongest].name, check_strength_words(best));
	}
}

static bool has_promise(const struct check_facts *facts)
{
	for (size_t i = 0; i < facts->destination.host_count; i++) {
		enum promise_state state = facts->destination.hosts[i].promise.state;

		if (state == PROMISE_KEY || state == PROMISE_TLS || state == PROMISE_UNAVAILABLE)
			return true;
	}
	return (facts->sts.state == STS_POLICY && facts->sts.mode == MX_POLICY_ENFORCE) ||
	       facts->list.state == CHECK_LISTED_ENFORCE;
}

static bool is_anything_seen(const struct check_facts *facts)
{
	for (size_t i = 0; i < facts->destination.place_count; i++) {
		const struct starttls_result *seen = facts->places[i].seen;

		if (seen && (seen->has_ehlo || goes_in_clear(seen)))
			return true;
	}
	return false;
}

/* Only who takes mail can lose it. */
static bool takes_mail(const struct destination *destination)
{
	return (destination->mx_state == MX_FOUND || destination->mx_state == MX_IMPLICIT) &&
	       destination->place_count > 0;
}

/* What is broken at the root is broken here. */
static bool has_dns(struct check_findings *findings, const struct check_facts *facts)
{
	const struct check_zone *root = &facts->chain.zones[0];

	if (facts->chain.count == 0 || root->security == DNS_SECURE)
		return true;
	check_add(findings, CHECK_DNS_DOWN, CHECK_BAD, facts->destination.name, "%s", root->why);
	return false;
}

void check_judge(struct check_findings *findings, const struct check_facts *facts)
{
	const struct destination *destination = &facts->destination;

	if (!has_dns(findings, facts))
		return;
	check_judge_names(findings, facts);
	for (size_t i = 0; i < destination->place_count; i++) {
		check_judge_place(findings, facts, i);
		check_judge_certificate(findings, facts, i);
	}
	check_judge_records(findings, facts);
	check_judge_policies(findings, facts);
	if (!takes_mail(destination))
		return;
	judge_weakest(findings, facts);
	if (!has_promise(facts))
		check_add(findings, CHECK_NO_PROMISE, CHECK_WARNING, destination->name, "%s", "");
	if (facts->is_out_of_time)
		check_add(findings, CHECK_UNPROVEN, CHECK_WARNING, destination->name, "%s",
		          "the time was over before every address was visited");
	else if (!is_anything_seen(facts))
		check_add(findings, CHECK_UNPROVEN, CHECK_WARNING, destination->name, "%s", "");
}
