/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/check_judge.h"
#include "policy/tlsa.h"

enum { DAY_S = 24 * 60 * 60, DATE_TEXT_MAX = 16 };

/* How OpenSSL's words begin where an issuer's certificate is missing: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT and its kin. */
static const char no_issuer[] = "unable to";

static const char *date_text(char text[DATE_TEXT_MAX], int64_t time_s)
{
	time_t when = (time_t)time_s;
	struct tm parts;

	if (!gmtime_r(&when, &parts) || strftime(text, DATE_TEXT_MAX, "%Y-%m-%d", &parts) == 0)
		return "?";
	return text;
}

/*
 * Names, dates and authorities: what a policy asks for is bad when it is missing; what DANE's usage 3 does not look at is a note, since
 * others may; where nobody promised anything it is worth mending.
 */
static enum check_severity severity_of(const struct check_facts *facts, size_t place)
{
	size_t host = facts->destination.places[place].host;

	if (check_policy_binds(facts, host))
		return CHECK_BAD;
	if (facts->destination.hosts[host].promise.state == PROMISE_KEY)
		return CHECK_NOTE;
	return CHECK_WARNING;
}

/* One of the keys of a place while it is judged. */
struct judged {
	struct check_findings *findings;
	const struct check_facts *facts;
	const struct starttls_result *seen;
	const struct key_finding *pkix;
	enum check_severity severity;
	size_t host;
	char where[CHECK_WHERE_MAX];
};

/* DANE looks at them where no record has usage 3 (RFC 7671 section 5.1). */
static bool dates_count(const struct judged *judged)
{
	const struct check_records *records = &judged->facts->hosts[judged->host].tlsa;
	bool has_usable = false;

	if (judged->severity != CHECK_NOTE)
		return true;
	for (size_t i = 0; i < records->count; i++) {
		if (records->records[i].is_usable && records->records[i].usage == TLSA_DANE_EE)
			return false;
		has_usable |= records->records[i].is_usable;
	}
	return has_usable;
}

static void judge_dates(const struct judged *judged)
{
	const struct key_seen *seen = &judged->pkix->seen;
	int64_t left_s = seen->not_after_s - judged->facts->now_s;
	enum check_severity severity = judged->severity;
	char date[DATE_TEXT_MAX];

	if (left_s < 0)
		check_add(judged->findings, CHECK_CERT_EXPIRED, severity, judged->where,
		          "on %s, %lld days ago", date_text(date, seen->not_after_s),
		          -(long long)left_s / DAY_S);
	else if (seen->not_before_s > judged->facts->now_s)
		check_add(judged->findings, CHECK_CERT_NOT_YET, severity, judged->where,
		          "before %s", date_text(date, seen->not_before_s));
	else if (judged->pkix->outcome == KEY_EXPIRED)
		check_add(judged->findings, CHECK_CERT_EXPIRED, severity, judged->where,
		          "the server's own is valid, but %s", judged->pkix->why);
	else if (left_s < CHECK_SOON_S)
		check_add(judged->findings, CHECK_CERT_SOON,
		          dates_count(judged) ? CHECK_WARNING : CHECK_NOTE, judged->where,
		          "on %s, in %lld days", date_text(date, seen->not_after_s),
		          (long long)left_s / DAY_S);
}

/* Where the chain ends before an authority: one that was not sent, or one that nobody knows here. */
static void judge_trust(const struct judged *judged)
{
	const struct key_finding *pkix = judged->pkix;
	const struct starttls_result *seen = judged->seen;
	bool is_unfinished =
		seen->is_root_missing && strncmp(pkix->why, no_issuer, strlen(no_issuer)) == 0;

	if (seen->is_self_issued)
		check_add(judged->findings, CHECK_CERT_SELF_SIGNED, judged->severity, judged->where,
		          "%s", pkix->seen.names);
	else if (is_unfinished && (seen->certificate_count == 1 || seen->has_strangers))
		check_add(judged->findings, CHECK_CHAIN_INCOMPLETE, judged->severity, judged->where,
		          "that of %s is missing; it sends %zu", seen->missing_issuer,
		          seen->certificate_count);
	else if (is_unfinished)
		check_add(judged->findings, CHECK_CERT_UNTRUSTED, judged->severity, judged->where,
		          "the chain ends below %s, which is neither sent nor known here",
		          seen->missing_issuer);
	else
		check_add(judged->findings, CHECK_CERT_UNTRUSTED, judged->severity, judged->where,
		          "%s; issued by %s", pkix->why, pkix->seen.issuer);
}

/* Those who have the authority's certificate find their way all the same; others may not. */
static void judge_order(const struct judged *judged)
{
	if (judged->seen->is_disordered)
		check_add(judged->findings, CHECK_CHAIN_ORDER, CHECK_WARNING, judged->where, "%s",
		          "an issuer stands before what it issued");
	else if (judged->seen->has_strangers && judged->pkix->outcome != KEY_UNTRUSTED &&
	         judged->pkix->outcome != KEY_UNJUDGED)
		check_add(judged->findings, CHECK_CHAIN_ORDER, CHECK_NOTE, judged->where,
		          "one of %zu issued none of the others", judged->seen->certificate_count);
}

static void judge_key(const struct judged *judged)
{
	const struct key_finding *pkix = judged->pkix;

	if (pkix->outcome == KEY_UNREADABLE) {
		check_add(judged->findings, CHECK_CERT_UNTRUSTED, CHECK_BAD, judged->where, "%s",
		          pkix->why);
		return;
	}
	judge_dates(judged);
	if (pkix->outcome == KEY_UNTRUSTED || pkix->outcome == KEY_UNJUDGED)
		judge_trust(judged);
	if (pkix->outcome == KEY_NAME_MISMATCH)
		check_add(judged->findings, CHECK_CERT_NAME, judged->severity, judged->where,
		          "it names %s", pkix->seen.names[0] ? pkix->seen.names : "no host");
	judge_order(judged);
}

void check_judge_certificate(struct check_findings *findings, const struct check_facts *facts,
                             size_t place)
{
	struct judged judged = {
		.findings = findings,
		.facts = facts,
		.severity = severity_of(facts, place),
		.host = facts->destination.places[place].host,
	};
	struct check_shown shown;

	for (size_t i = 0; check_shown(&shown, &facts->places[place], i); i++) {
		judged.seen = shown.seen;
		judged.pkix = &shown.key->pkix;
		check_shown_text(judged.where, facts, place, i);
		if (judged.pkix->outcome != KEY_UNKNOWN)
			judge_key(&judged);
	}
}
