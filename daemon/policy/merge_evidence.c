/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "policy/local.h"
#include "policy/merge.h"
#include "policy/mtasts.h"
#include "policy/policy_lists.h"
#include "policy/seen.h"

/* Whether a promise by that source is part of what counts. */
static bool counts(const struct destination *destination, enum promise_source source)
{
	size_t i;

	for (i = 0; i < destination->host_count; i++) {
		if (destination->hosts[i].promise.source == source)
			return true;
	}
	return destination->host_count == 0 && destination->promise.source == source;
}

static void mark_overridden(struct evidence *evidence, const struct destination *destination)
{
	if ((evidence->state == EVIDENCE_BINDS || evidence->state == EVIDENCE_ALERTS) &&
	    !counts(destination, evidence->source))
		evidence->state = EVIDENCE_OVERRIDDEN;
}

static struct evidence evidence_of_table(const struct merge_sources *sources,
                                         const struct destination *destination)
{
	struct evidence evidence = { .source = SOURCE_LOCAL, .state = EVIDENCE_NONE };
	struct local_entry entry;
	bool is_host = destination->mx_state == MX_HOST;

	if (!sources->local)
		return evidence;
	if (is_host ? local_find_host(sources->local, &entry, destination->name, sources->time_ms())
	            : local_find(sources->local, &entry, destination->name, sources->time_ms()))
		evidence = local_evidence(&entry, sources->time_ms());
	return evidence;
}

/* What does not count any more is told all the same: somebody may wonder why. */
static size_t evidence_of_ended(struct evidence *evidence, const struct merge_sources *sources,
                                const struct destination *destination)
{
	struct local_entry entry;

	if (!sources->local ||
	    !local_find_ended(sources->local, &entry, destination->name,
	                      destination->mx_state == MX_HOST, sources->time_ms()))
		return 0;
	*evidence = local_evidence(&entry, sources->time_ms());
	return 1;
}

static struct evidence evidence_of_policy(const struct merge_sources *sources,
                                          const struct destination *destination)
{
	struct evidence evidence = { .source = SOURCE_MTA_STS, .state = EVIDENCE_NONE };

	if (sources->mtasts && !mtasts_evidence(&evidence, sources->mtasts, destination->name))
		evidence = (struct evidence){ .source = SOURCE_MTA_STS, .state = EVIDENCE_NONE };
	mark_overridden(&evidence, destination);
	return evidence;
}

static struct evidence evidence_of_list(const struct merge_sources *sources,
                                        const struct destination *destination)
{
	static const enum evidence_state states[] = {
		[LISTED_NOT] = EVIDENCE_NONE,
		[LISTED_TESTING] = EVIDENCE_ALERTS,
		[LISTED_ENFORCE] = EVIDENCE_BINDS,
		[LISTED_EXPIRED] = EVIDENCE_EXPIRED,
	};
	struct evidence evidence = { .source = SOURCE_LIST, .state = EVIDENCE_NONE };
	struct listed listed;
	const char *mx;
	size_t len;

	if (!sources->lists ||
	    !policy_lists_find(&listed, sources->lists, destination->name, sources->now_ms()))
		return evidence;
	evidence.state = states[listed.state];
	evidence.age_s = listed.age_s;
	evidence.left_s = listed.left_s;
	len = (size_t)snprintf(evidence.detail, sizeof(evidence.detail), "%.255s%s: %s, mx",
	                       listed.path, listed.is_signed ? " (signed)" : "",
	                       mx_policy_mode_name(listed.policy.mode));
	mx = listed.policy.mxs;
	for (uint32_t i = 0; i < listed.policy.mx_count && len < sizeof(evidence.detail); i++) {
		len += (size_t)snprintf(evidence.detail + len, sizeof(evidence.detail) - len, " %s",
		                        mx);
		mx += strlen(mx) + 1;
	}
	mark_overridden(&evidence, destination);
	return evidence;
}

static size_t evidence_of_memory(struct evidence *evidence, size_t room,
                                 const struct merge_sources *sources,
                                 const struct destination *destination)
{
	size_t count = 0;

	for (size_t i = 0; sources->seen && i < destination->host_count && count < room; i++) {
		if (seen_evidence(&evidence[count], sources->seen, destination->hosts[i].name,
		                  sources->time_ms()))
			count++;
	}
	if (count == 0 && room > 0)
		evidence[count++] = (struct evidence){ .source = SOURCE_SEEN };
	return count;
}

size_t merge_evidence(struct evidence evidence[EVIDENCE_MAX], const struct merge_sources *sources,
                      const struct destination *destination)
{
	size_t count = 0;

	evidence[count++] = evidence_of_table(sources, destination);
	count += evidence_of_ended(&evidence[count], sources, destination);
	if (destination->mx_state != MX_HOST) {
		evidence[count++] = evidence_of_policy(sources, destination);
		evidence[count++] = evidence_of_list(sources, destination);
	}
	return count +
	       evidence_of_memory(evidence + count, EVIDENCE_MAX - count, sources, destination);
}
