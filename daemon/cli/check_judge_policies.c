/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cli/check_judge.h"

static void where_of(char where[CHECK_WHERE_MAX], const char *label,
                     const struct check_facts *facts)
{
	snprintf(where, CHECK_WHERE_MAX, "%s.%s", label, facts->destination.name);
}

static void judge_sts_hosts(struct check_findings *findings, const struct check_facts *facts)
{
	bool binds = facts->sts.mode == MX_POLICY_ENFORCE;
	char where[CHECK_WHERE_MAX];

	if (facts->destination.mx_state != MX_FOUND && facts->destination.mx_state != MX_IMPLICIT)
		return;
	for (size_t i = 0; i < facts->destination.host_count; i++) {
		if (!facts->hosts[i].is_in_policy)
			check_add(findings, CHECK_STS_MX, binds ? CHECK_BAD : CHECK_WARNING,
			          facts->destination.hosts[i].name, "%s",
			          binds ? "" : "the mode is testing, so they only report it");
	}
	where_of(where, "mta-sts", facts);
	for (size_t i = 0; i < facts->sts.pattern_count; i++) {
		if (!facts->sts.patterns[i].is_used)
			check_add(findings, CHECK_STS_PATTERN, CHECK_NOTE, where, "mx: %s",
			          facts->sts.patterns[i].text);
	}
}

static void judge_sts_policy(struct check_findings *findings, const struct check_facts *facts)
{
	const struct check_sts *sts = &facts->sts;
	char where[CHECK_WHERE_MAX];

	where_of(where, "mta-sts", facts);
	if (sts->mode == MX_POLICY_NONE) {
		check_add(findings, CHECK_STS_MODE_NONE, CHECK_NOTE, where, "%s", "");
		return;
	}
	if (sts->mode == MX_POLICY_TESTING)
		check_add(findings, CHECK_STS_TESTING, CHECK_WARNING, where, "%s", "");
	if (sts->max_age_s < CHECK_AGE_MIN_S)
		check_add(findings, CHECK_STS_AGE, CHECK_WARNING, where, "max_age: %u",
		          sts->max_age_s);
	judge_sts_hosts(findings, facts);
}

static void judge_sts(struct check_findings *findings, const struct check_facts *facts)
{
	char where[CHECK_WHERE_MAX];

	where_of(where, "_mta-sts", facts);
	switch (facts->sts.state) {
	case STS_UNKNOWN:
	case STS_OFF:
	case STS_NONE:
		break;
	case STS_NO_LOOKUP:
		/* Where not even the MX record can be had, that is the finding. */
		if (facts->destination.mx_state == MX_UNAVAILABLE)
			break;
		check_add(findings, CHECK_STS_UNKNOWN, CHECK_WARNING, where, "%s", facts->sts.why);
		break;
	case STS_WRONG_RECORD:
		check_add(findings, CHECK_STS_RECORD, CHECK_BAD, where, "%s", facts->sts.why);
		break;
	case STS_NO_POLICY:
		where_of(where, "mta-sts", facts);
		check_add(findings, CHECK_STS_POLICY, CHECK_BAD, where, "%s", facts->sts.why);
		break;
	case STS_POLICY:
		judge_sts_policy(findings, facts);
		break;
	}
}

static void judge_tlsrpt(struct check_findings *findings, const struct check_facts *facts)
{
	char where[CHECK_WHERE_MAX];

	where_of(where, "_smtp._tls", facts);
	/* Where not even the MX record can be had, that is the finding. */
	if (facts->tlsrpt.is_unknown && facts->destination.mx_state != MX_UNAVAILABLE)
		check_add(findings, CHECK_TLSRPT_UNKNOWN, CHECK_WARNING, where, "%s",
		          facts->tlsrpt.why);
	else if (facts->tlsrpt.state == TLSRPT_INVALID)
		check_add(findings, CHECK_TLSRPT_RECORD, CHECK_WARNING, where, "%s",
		          facts->tlsrpt.why);
	else if (facts->tlsrpt.state == TLSRPT_NONE &&
	         (facts->tlsrpt.security == DNS_SECURE || facts->tlsrpt.security == DNS_INSECURE) &&
	         facts->destination.place_count > 0)
		check_add(findings, CHECK_TLSRPT_MISSING, CHECK_NOTE, where, "%s", "");
}

static void judge_list(struct check_findings *findings, const struct check_facts *facts)
{
	bool binds = facts->list.state == CHECK_LISTED_ENFORCE;

	if (facts->list.trouble[0])
		check_add(findings, CHECK_LIST_UNUSABLE, CHECK_NOTE, "policy-list", "%s",
		          facts->list.trouble);
	if (facts->list.state == CHECK_LISTED_EXPIRED)
		check_add(findings, CHECK_LIST_EXPIRED, CHECK_NOTE, facts->list.path, "%s", "");
	if (!binds && facts->list.state != CHECK_LISTED_TESTING)
		return;
	for (size_t i = 0; i < facts->destination.host_count; i++) {
		if (!facts->hosts[i].is_in_list)
			check_add(findings, CHECK_LIST_MX, binds ? CHECK_BAD : CHECK_WARNING,
			          facts->destination.hosts[i].name, "%s", facts->list.path);
	}
}

void check_judge_policies(struct check_findings *findings, const struct check_facts *facts)
{
	judge_sts(findings, facts);
	judge_tlsrpt(findings, facts);
	judge_list(findings, facts);
}
