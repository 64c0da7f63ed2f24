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

	if (is_signed && has_usable_keys(&dane))
		return;
	/* A failing look-up stays one, and makes no host of whom the policy does not name: his zone may be the attacker's. */
	if (dane.state == PROMISE_UNAVAILABLE) {
		host->is_excluded = !is_signed && is_enforced(policy) &&
		                    !policy->allows(policy->owner, host->name);
		return;
	}
	/* What binds is not weakened by what is only told. */
	if (!is_enforced(policy) && dane.state != PROMISE_NONE)
		return;
	host->promise = promise_of(policy);
	add_dane(&host->promise, &dane);
	host->is_excluded = !policy->allows(policy->owner, host->name);
}

/* An entry without a level leaves the promise to others, and may still ask for no more than to be told. */
static bool is_decisive(const struct local_entry *entry)
{
	return entry && entry->level != LOCAL_UNSET;
}

static void only_alert(struct destination *destination)
{
	size_t i;

	for (i = 0; i < destination->host_count; i++)
		destination->hosts[i].promise.only_alerts = true;
	destination->promise.only_alerts = true;
}

void combine(struct destination *destination, const struct local_entry *entry,
             const struct domain_policy *policies, size_t count)
{
	const struct domain_policy *policy = choose_policy(policies, count);
	const struct promise unknown = { .state = PROMISE_UNKNOWN };
	bool is_signed = destination->mx_security == DNS_SECURE;
	size_t i;

	for (i = 0; i < destination->host_count; i++) {
		struct mx_host *host = &destination->hosts[i];

		if (is_decisive(entry))
			host->promise = local_promise(entry, &host->promise);
		else if (policy)
			apply_policy(host, policy, is_signed);
	}
	/* Nor is a failing look-up made good by what is only told. */
	if (is_decisive(entry))
		destination->promise = local_promise(entry, &unknown);
	else if (policy && (is_enforced(policy) || destination->mx_state != MX_UNAVAILABLE))
		destination->promise = promise_of(policy);
	if (entry && entry->only_alerts)
		only_alert(destination);
}

bool combine_excludes(const struct local_entry *entry, const struct domain_policy *policies,
                      size_t count, const char *host)
{
	const struct domain_policy *policy = choose_policy(policies, count);

	return !is_decisive(entry) && policy && is_enforced(policy) &&
	       !policy->allows(policy->owner, host);
}

bool combine_names(const struct local_entry *entry, const struct domain_policy *policies,
                   size_t count, const char *host)
{
	const struct domain_policy *policy = choose_policy(policies, count);

	return !is_decisive(entry) && policy && policy->allows(policy->owner, host);
}
