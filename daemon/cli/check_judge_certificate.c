/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/check_judge.h"

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

static void judge_dates(struct check_findings *findings, const struct check_facts *facts,
                        size_t place, const char *where)
{
	const struct key_seen *seen = &facts->places[place].pkix.seen;
	enum check_severity severity = severity_of(facts, place);
	char date[DATE_TEXT_MAX];

	if (seen->not_after_s < facts->now_s)
		check_add(findings, CHECK_CERT_EXPIRED, severity, where, "on %s, %lld days ago",
		          date_text(date, seen->not_after_s),
		          (long long)(facts->now_s - seen->not_after_s) / DAY_S);
	else if (seen->not_before_s > facts->now_s)
		check_add(findings, CHECK_CERT_NOT_YET, severity, where, "before %s",
		          date_text(date, seen->not_before_s));
	else if (seen->not_after_s - facts->now_s < CHECK_SOON_S)
		check_add(findings, CHECK_CERT_SOON,
		          severity == CHECK_NOTE ? CHECK_NOTE : CHECK_WARNING, where,
		          "on %s, in %lld days", date_text(date, seen->not_after_s),
		          (long long)(seen->not_after_s - facts->now_s) / DAY_S);
}

static void judge_trust(struct check_findings *findings, const struct check_facts *facts,
                        size_t place, const char *where)
{
	const struct key_finding *pkix = &facts->places[place].pkix;
	const struct starttls_result *seen = facts->places[place].seen;
	enum check_severity severity = severity_of(facts, place);

	if (seen->is_self_issued)
		check_add(findings, CHECK_CERT_SELF_SIGNED, severity, where, "%s",
		          pkix->seen.names);
	else if (seen->certificate_count == 1 &&
	         strncmp(pkix->why, no_issuer, strlen(no_issuer)) == 0)
		check_add(findings, CHECK_CHAIN_INCOMPLETE, severity, where,
		          "it sends one certificate, issued by %s", pkix->seen.issuer);
	else
		check_add(findings, CHECK_CERT_UNTRUSTED, severity, where, "%s; issued by %s",
		          pkix->why, pkix->seen.issuer);
}

void check_judge_certificate(struct check_findings *findings, const struct check_facts *facts,
                             size_t place)
{
	const struct check_place *at = &facts->places[place];
	char where[CHECK_WHERE_MAX];

	if (!at->seen || at->seen->outcome != VISIT_DONE || !at->seen->has_leaf ||
	    at->pkix.outcome == KEY_UNKNOWN)
		return;
	check_place_text(where, facts, place);
	if (at->pkix.outcome == KEY_UNREADABLE) {
		check_add(findings, CHECK_CERT_UNTRUSTED, CHECK_BAD, where, "%s", at->pkix.why);
		return;
	}
	judge_dates(findings, facts, place, where);
	if (at->pkix.outcome == KEY_UNTRUSTED || at->pkix.outcome == KEY_UNJUDGED)
		judge_trust(findings, facts, place, where);
	if (at->pkix.outcome == KEY_NAME_MISMATCH)
		check_add(findings, CHECK_CERT_NAME, severity_of(facts, place), where,
		          "it names %s", at->pkix.seen.names[0] ? at->pkix.seen.names : "no host");
}
