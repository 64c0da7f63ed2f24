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

#include "policy/local_entry.h"
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

/* `destination` has what DANE says of each host, and leaves with what counts. entry: the operator's; NULL: there is none. */
void combine(struct destination *destination, const struct local_entry *entry,
             const struct domain_policy *policies, size_t count);
/* Whether an enforced policy counts for the domain, and does not name this host. */
bool combine_excludes(const struct local_entry *entry, const struct domain_policy *policies,
                      size_t count, const char *host);
/* Whether a policy counts for the domain, and names this host. */
bool combine_names(const struct local_entry *entry, const struct domain_policy *policies,
                   size_t count, const char *host);

#endif
