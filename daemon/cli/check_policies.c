/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_policies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/mtasts_lookup.h"
#include "policy/policy_lists.h"
#include "policy/resolver.h"
#include "process.h"

struct asking {
	struct check_facts *facts;
	check_policies_fn fn;
	void *owner;
};

static void leave(struct asking *asking)
{
	asking->fn(asking->owner);
	free(asking);
}

static struct asking *new_asking(struct check_facts *facts, check_policies_fn fn, void *owner)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		return NULL;
	asking->facts = facts;
	asking->fn = fn;
	asking->owner = owner;
	return asking;
}

static enum mx_policy_mode mode_of(enum mtasts_mode mode)
{
	switch (mode) {
	case MTASTS_MODE_NONE:
		return MX_POLICY_NONE;
	case MTASTS_MODE_TESTING:
		return MX_POLICY_TESTING;
	case MTASTS_MODE_ENFORCE:
		return MX_POLICY_ENFORCE;
	}
	return MX_POLICY_NONE;
}

static void keep_policy(struct check_sts *sts, const struct mtasts_finding *finding)
{
	struct mtasts_mx_cursor cursor = mtasts_mx_over(finding->text);
	char text[DOMAIN_NAME_MAX];
	struct bytes pattern;

	sts->state = STS_POLICY;
	sts->mode = mode_of(finding->policy.mode);
	sts->max_age_s = finding->policy.max_age_s;
	while (mtasts_mx_next(&pattern, &cursor) && sts->pattern_count < CHECK_PATTERNS_MAX) {
		snprintf(text, sizeof(text), "%.*s", (int)pattern.len, (const char *)pattern.data);
		if (mx_pattern_normalise(sts->patterns[sts->pattern_count].text, text))
			sts->pattern_count++;
	}
}

/* Whether the record that counts as none was meant to be one. */
static bool is_meant(const char *why)
{
	return !strstr(why, "no such record") && !strstr(why, "no record starts");
}

static void on_sts(void *owner, const struct mtasts_finding *finding)
{
	struct asking *asking = owner;
	struct check_sts *sts = &asking->facts->sts;

	text_copy(sts->why, sizeof(sts->why), finding->why);
	text_copy(sts->id, sizeof(sts->id), finding->id);
	switch (finding->found) {
	case MTASTS_FOUND_FAILED:
		sts->state = STS_NO_LOOKUP;
		break;
	case MTASTS_FOUND_NOTHING:
		sts->state = is_meant(finding->why) ? STS_WRONG_RECORD : STS_NONE;
		break;
	case MTASTS_FOUND_SAME:
	case MTASTS_FOUND_BROKEN:
		sts->state = STS_NO_POLICY;
		break;
	case MTASTS_FOUND_POLICY:
		keep_policy(sts, finding);
		break;
	}
	leave(asking);
}

static void on_tlsrpt(void *owner, const struct lookup *lookup)
{
	struct asking *asking = owner;
	struct check_tlsrpt *kept = &asking->facts->tlsrpt;
	struct tlsrpt tlsrpt = { 0 };
	struct dns_record record;

	kept->security = lookup->security;
	for (size_t i = 0;
	     lookup->outcome == LOOKUP_FOUND && dns_answer_record(&record, &lookup->answer, i); i++)
		tlsrpt_add(&tlsrpt, record.data);
	kept->state = tlsrpt_state(&tlsrpt);
	kept->is_unknown = lookup->outcome == LOOKUP_UNKNOWN;
	text_copy(kept->why, sizeof(kept->why),
	          lookup->outcome == LOOKUP_UNKNOWN ? lookup->why : tlsrpt_why(&tlsrpt));
	text_copy(kept->rua, sizeof(kept->rua), tlsrpt.rua);
	leave(asking);
}

static bool ask_sts(struct check_world *world, struct check_facts *facts, const char *domain,
                    check_policies_fn fn, void *owner)
{
	struct asking *asking;

	if (!world->options.config->mta_sts_is_enabled) {
		facts->sts.state = STS_OFF;
		return false;
	}
	if (!mtasts_lookup_is_possible(domain)) {
		facts->sts.state = STS_NONE;
		return false;
	}
	asking = new_asking(facts, fn, owner);
	if (asking &&
	    mtasts_lookup_start(world->resolver, world->fetcher, domain, "", true, on_sts, asking))
		return true;
	free(asking);
	return false;
}

static bool ask_tlsrpt(struct check_world *world, struct check_facts *facts, const char *domain,
                       check_policies_fn fn, void *owner)
{
	struct asking *asking = new_asking(facts, fn, owner);
	char name[DOMAIN_NAME_MAX];

	if (asking &&
	    snprintf(name, sizeof(name), "_smtp._tls.%s", domain) < (int)sizeof(name) - 2 &&
	    resolver_ask(world->resolver, name, DNS_TYPE_TXT, on_tlsrpt, asking))
		return true;
	free(asking);
	return false;
}

size_t check_policies_ask(struct check_world *world, struct check_facts *facts, const char *domain,
                          check_policies_fn fn, void *owner)
{
	size_t begun = 0;

	begun += ask_sts(world, facts, domain, fn, owner);
	begun += ask_tlsrpt(world, facts, domain, fn, owner);
	return begun;
}

void check_list_find(const struct check_world *world, struct check_facts *facts, const char *domain)
{
	struct check_list *list = &facts->list;
	struct listed listed;

	list->count = world->list_count;
	text_copy(list->trouble, sizeof(list->trouble), world->list_trouble);
	if (!policy_lists_find(&listed, world->lists, domain, process_now_ms()))
		return;
	text_copy(list->path, sizeof(list->path), listed.path);
	switch (listed.state) {
	case LISTED_NOT:
		break;
	case LISTED_TESTING:
		list->state = CHECK_LISTED_TESTING;
		break;
	case LISTED_ENFORCE:
		list->state = CHECK_LISTED_ENFORCE;
		break;
	case LISTED_EXPIRED:
		list->state = CHECK_LISTED_EXPIRED;
		break;
	}
}

static void hold_patterns(struct check_facts *facts, size_t host)
{
	for (size_t i = 0; i < facts->sts.pattern_count; i++) {
		struct check_pattern *pattern = &facts->sts.patterns[i];

		if (!mx_pattern_matches(pattern->text, facts->destination.hosts[host].name))
			continue;
		pattern->is_used = true;
		facts->hosts[host].is_in_policy = true;
	}
}

void check_policies_hold(const struct check_world *world, struct check_facts *facts)
{
	struct listed listed;
	bool is_listed =
		policy_lists_find(&listed, world->lists, facts->destination.name, process_now_ms());

	for (size_t i = 0; i < facts->destination.host_count; i++) {
		hold_patterns(facts, i);
		facts->hosts[i].is_in_list =
			is_listed &&
			policy_view_allows(&listed.policy, facts->destination.hosts[i].name);
	}
}
