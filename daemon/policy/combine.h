/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_POLICY_COMBINE_H
#define HOPGUARD_POLICY_COMBINE_H

/*
 * What several sources say of one destination becomes one promise for each of its hosts, and one of the domain wherever its mail
 * goes. A pure function; the rules:
 *
 *   - the operator's table stands above all others;
 *   - DANE takes the place of a policy only where the MX RRset is secure (RFC 8461 section 2): else whoever forges the MX names a host
 *     with TLSA records of his own, so that the host must be named by the policy, and meet policy and TLSA records both;
 *   - a policy never overrides a failing DANE look-up;
 *   - of MTA-STS and a list the first that is enforced counts, else the first that is there.
 */

#include <stdbool.h>
#include <stddef.h>

#include "policy/mx_pattern.h"
#include "verdict/promise.h"

/* A policy that names the domain's hosts: of MTA-STS, or of a list. */
struct domain_policy {
	enum promise_source source;
	enum mx_policy_mode mode;
	bool is_expired;    /* told, not enforced */
	const char *detail; /* evidence in one line */
	bool (*allows)(const void *owner, const char *host);
	const void *owner;
};

/* What the operator's table asks. */
enum table_demand {
	TABLE_SILENT,    /* no entry */
	TABLE_FIXED,     /* `promise`, whatever others say */
	TABLE_DANE,      /* DANE where there is some, else nothing */
	TABLE_DANE_ONLY, /* usable TLSA records, or no mail */
};

struct table_entry {
	enum table_demand demand;
	/* FIXED: all of it. DANE and DANE_ONLY: only_alerts, and detail, where DANE says nothing. */
	struct promise promise;
};

/* `destination` has what DANE says of each host, and leaves with what counts. */
void combine(struct destination *destination, const struct table_entry *table,
             const struct domain_policy *policies, size_t count);

#endif
