/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/combine.h"

#include <stdio.h>
#include <string.h>

static bool is_enforced(const struct domain_policy *policy)
{
	return policy->mode == MX_POLICY_ENFORCE && !policy->is_expired;
}

/* NULL: none that says anything. */
static const struct domain_policy *choose_policy(const struct domain_policy *policies, size_t count)
{
	const struct domain_policy *chosen = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (is_enforced(&policies[i]))
			return &policies[i];
		if (!chosen && policies[i].mode != MX_POLICY_NONE)
			chosen = &policies[i];
	}
	return chosen;
}

static struct promise promise_of(const struct domain_policy *policy)
{
	struct promise promise = {
		.state = PROMISE_KEY,
		.source = policy->source,
		.only_alerts = !is_enforced(policy),
	};

	snprintf(promise.detail, sizeof(promise.detail), "%s", policy->detail);
	return promise;
}

static bool has_usable_keys(const struct promise *dane)
{
	return dane->state == PROMISE_KEY;
}

static void apply_table(struct promise *promise, const struct table_entry *table)
{
	switch (table->demand) {
	case TABLE_SILENT:
		return;
	case TABLE_FIXED:
		*promise = table->promise;
		return;
	case TABLE_DANE:
		promise->only_alerts = table->promise.only_alerts;
		if (promise->state != PROMISE_NONE)
			return;
		*promise = table->promise;
		promise->state = PROMISE_NONE;
		return;
	case TABLE_DANE_ONLY:
		promise->only_alerts = table->promise.only_alerts;
		if (has_usable_keys(promise) || promise->state == PROMISE_UNAVAILABLE)
			return;
		*promise = table->promise;
		promise->state = PROMISE_UNAVAILABLE;
		return;
	}
}

/* With an unsigned MX RRset the host's own TLSA records stand beside the policy, and both are to be met. */
static void add_dane(struct promise *promise, const struct promise *dane)
{
	size_t len = strlen(promise->detail);

	if (dane->state == PROMISE_TLS || dane->state == PROMISE_KEY)
		snprintf(promise->detail + len, sizeof(promise->detail) - len, "; and %s",
		         dane->detail);
}

static void apply_policy(struct mx_host *host, const struct domain_policy *policy, bool is_signed)
{
	struct promise dane = host->promise;

	if (dane.state == PROMISE_UNAVAILABLE || (is_signed && has_usable_keys(&dane)))
		return;
	/* What binds is not weakened by what is only told. */
	if (!is_enforced(policy) && dane.state != PROMISE_NONE)
		return;
	host->promise = promise_of(policy);
	add_dane(&host->promise, &dane);
	host->is_excluded = !policy->allows(policy->owner, host->name);
}

void combine(struct destination *destination, const struct table_entry *table,
             const struct domain_policy *policies, size_t count)
{
	const struct domain_policy *policy = choose_policy(policies, count);
	bool is_signed = destination->mx_security == DNS_SECURE;
	size_t i;

	for (i = 0; i < destination->host_count; i++) {
		if (table->demand != TABLE_SILENT)
			apply_table(&destination->hosts[i].promise, table);
		else if (policy)
			apply_policy(&destination->hosts[i], policy, is_signed);
	}
	if (table->demand == TABLE_FIXED)
		destination->promise = table->promise;
	else if (table->demand == TABLE_SILENT && policy)
		destination->promise = promise_of(policy);
}
