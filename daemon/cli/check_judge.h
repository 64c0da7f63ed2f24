/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_CLI_CHECK_JUDGE_H
#define HOPGUARD_CLI_CHECK_JUDGE_H

/* From what was seen of a domain to what is wrong with it. Pure: the same facts give the same findings. */

#include "cli/check_facts.h"
#include "cli/check_finding.h"

/* What mail to a place has, from bad to good. */
enum check_strength {
	STRENGTH_UNKNOWN, /* not seen, or nothing is delivered there */
	STRENGTH_CLEAR,
	STRENGTH_TLS,    /* TLS that nobody is bound to: it can be stripped */
	STRENGTH_POLICY, /* MTA-STS in mode enforce or a list: name and authority */
	STRENGTH_DANE,   /* a signed key */
};

/* Findings are empty before. */
void check_judge(struct check_findings *findings, const struct check_facts *facts);

/* Of a host, its weakest place counts. */
enum check_strength check_strength_of_host(const struct check_facts *facts, size_t host);
/* Of the domain: its weakest host. */
enum check_strength check_strength_of_domain(const struct check_facts *facts);
const char *check_strength_words(enum check_strength strength); /* "TLS that can be stripped" */

/* Whether a policy in mode enforce, or a list, asks an authority's certificate of that host. */
bool check_policy_binds(const struct check_facts *facts, size_t host);
/* "mx1.example.org 192.0.2.1" */
void check_place_text(char where[CHECK_WHERE_MAX], const struct check_facts *facts, size_t place);
/* The same; where the place shows two keys, with the kind of that one. */
void check_shown_text(char where[CHECK_WHERE_MAX], const struct check_facts *facts, size_t place,
                      size_t index);

/* The parts, in files of their own. */
void check_judge_names(struct check_findings *findings, const struct check_facts *facts);
void check_judge_place(struct check_findings *findings, const struct check_facts *facts,
                       size_t place);
void check_judge_certificate(struct check_findings *findings, const struct check_facts *facts,
                             size_t place);
void check_judge_records(struct check_findings *findings, const struct check_facts *facts);
void check_judge_policies(struct check_findings *findings, const struct check_facts *facts);

#endif
