/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/merge.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/combine.h"
#include "policy/combine_keys.h"
#include "policy/dane.h"
#include "policy/local.h"
#include "policy/mtasts.h"
#include "policy/policy_lists.h"
#include "policy/seen.h"
#include "policy/watch_list.h"

struct merge {
	const struct merge_sources *sources;
	merge_fn fn;
	void *owner;
	enum merge_subject subject;
	char name[DOMAIN_NAME_MAX];
	struct dane *dane;
	struct event *
		soon; /* a smart host that is an address: nothing is to be looked up, and nobody called back from within */
	struct mtasts_ask *policy_ask;
	bool has_entry;
	struct local_entry entry;
	bool is_refresh;
	bool has_destination;
	uint32_t policy_ttl_s; /* how long what was learnt of its policy holds; 0: nothing was */
	struct destination destination;
	char canonical[DOMAIN_NAME_MAX];
	struct dane_keys *dane_keys[MX_HOSTS_MAX]; /* as in struct dane_result; ours */
};

struct list_policy {
	struct listed listed;
	char detail[PROMISE_DETAIL_MAX];
};

struct sts_policy {
	struct mtasts_answer answer;
	char detail[PROMISE_DETAIL_MAX];
};

static bool list_allows(const void *owner, const char *host)
{
	const struct list_policy *list = owner;

	return policy_view_allows(&list->listed.policy, host);
}

static bool sts_allows(const void *owner, const char *host)
{
	const struct sts_policy *sts = owner;

	return mtasts_answer_allows(&sts->answer, host);
}

static bool read_list(struct domain_policy *policy, struct list_policy *list,
                      const struct merge_sources *sources, const char *name)
{
	if (!sources->lists ||
	    !policy_lists_find(&list->listed, sources->lists, name, sources->now_ms()))
		return false;
	snprintf(list->detail, sizeof(list->detail), "%s %s%s", list->listed.path,
	         mx_policy_mode_name(list->listed.policy.mode),
	         list->listed.state == LISTED_EXPIRED ? ", expired" : "");
	*policy = (struct domain_policy){
		.source = SOURCE_LIST,
		.mode = list->listed.policy.mode,
		.is_expired = list->listed.state == LISTED_EXPIRED,
		.detail = list->detail,
		.allows = list_allows,
		.owner = list,
	};
	return true;
}

static bool read_sts(struct domain_policy *policy, struct sts_policy *sts,
                     const struct merge_sources *sources, const char *name)
{
	if (!sources->mtasts)
		return false;
	mtasts_recall(&sts->answer, sources->mtasts, name);
	if (sts->answer.state != MTASTS_POLICY)
		return false;
	snprintf(sts->detail, sizeof(sts->detail), "_mta-sts.%.190s %s id %s", name,
	         mx_policy_mode_name(sts->answer.mode), sts->answer.id);
	*policy = (struct domain_policy){
		.source = SOURCE_MTA_STS,
		.mode = sts->answer.mode,
		.detail = sts->detail,
		.allows = sts_allows,
		.owner = sts,
	};
	return true;
}

/* Both kinds of a domain's own policies. */
struct domain_policies {
	struct domain_policy policies[2];
	size_t count;
	struct list_policy list;
	struct sts_policy sts;
};

static void read_policies(struct domain_policies *all, const struct merge_sources *sources,
                          const char *name)
{
	all->count = 0;
	all->count += read_sts(&all->policies[all->count], &all->sts, sources, name);
	all->count += read_list(&all->policies[all->count], &all->list, sources, name);
}

uint32_t merge_standing(const struct merge_sources *sources, const char *domain)
{
	uint64_t time_ms = sources->time_ms();
	struct local_entry entry;
	struct listed listed;
	uint32_t days = 0;

	if ((sources->local && local_find(sources->local, &entry, domain, time_ms)) ||
	    (sources->lists &&
	     policy_lists_find(&listed, sources->lists, domain, sources->now_ms())) ||
	    (sources->watch && watch_list_has(sources->watch, domain)))
		return MERGE_STANDING_NAMED;
	if (sources->seen)
		days = seen_days_met(sources->seen, domain, time_ms);
	return days < MERGE_STANDING_DAYS ? 0 : days;
}

static void remember_offers(struct destination *destination, const struct merge_sources *sources)
{
	size_t i;

	for (i = 0; sources->seen && i < destination->host_count; i++) {
		struct mx_host *host = &destination->hosts[i];

		(void)seen_offered_before(host->offered_before, sources->seen, host->name,
		                          sources->time_ms());
	}
}

static void free_merge(struct merge *merge)
{
	for (size_t i = 0; i < MX_HOSTS_MAX; i++)
		free(merge->dane_keys[i]);
	free(merge);
}

static void finish(struct merge *merge)
{
	struct destination *destination = &merge->destination;
	struct domain_policies all = { .count = 0 };
	bool is_domain = merge->subject == MERGE_DOMAIN;
	const struct key_sources keys = {
		.entry = merge->has_entry ? &merge->entry : NULL,
		.dane = merge->dane_keys,
		.canonical = merge->canonical,
	};

	if (is_domain)
		read_policies(&all, merge->sources, merge->name);
	combine(destination, keys.entry, all.policies, all.count);
	combine_keys(destination, &keys);
	remember_offers(destination, merge->sources);
	destination->is_established = is_domain && merge_standing(merge->sources, merge->name) > 0;
	destination->is_next_hop = !is_domain && merge->has_entry;
	destination->is_afresh = merge->is_refresh;
	if (merge->policy_ttl_s > 0 && merge->policy_ttl_s < destination->ttl_s)
		destination->ttl_s = merge->policy_ttl_s;
	merge->fn(merge->owner, destination);
	free_merge(merge);
}

static void finish_if_complete(struct merge *merge)
{
	if (merge->has_destination && !merge->policy_ask)
		finish(merge);
}

/* The operator sends its mail elsewhere: that host is the only one, whatever its MX says, and his word is as good as a signature. */
static void become_redirected(struct destination *destination, const struct merge *merge)
{
	memcpy(destination->name, merge->name, sizeof(destination->name));
	destination->mx_state = MX_TABLE;
	destination->mx_security = DNS_SECURE;
}

static void on_dane(void *owner, struct dane_result *result)
{
	struct merge *merge = owner;

	merge->dane = NULL;
	merge->destination = result->destination;
	memcpy(merge->canonical, result->canonical, sizeof(merge->canonical));
	memcpy(merge->dane_keys, result->keys, sizeof(merge->dane_keys));
	memset(result->keys, 0, sizeof(result->keys));
	merge->has_destination = true;
	if (merge->subject == MERGE_DOMAIN && result->destination.mx_state == MX_HOST)
		become_redirected(&merge->destination, merge);
	finish_if_complete(merge);
}

/* A host that is named by its address: the operator's word is all there is. */
static void on_soon(evutil_socket_t none, short what, void *argument)
{
	struct merge *merge = argument;

	(void)none;
	(void)what;
	event_free(merge->soon);
	merge->soon = NULL;
	merge->has_destination = true;
	finish_if_complete(merge);
}

static bool stand_at(struct merge *merge, const struct address *address)
{
	static const struct timeval now = { 0 };
	struct destination *destination = &merge->destination;
	struct mx_host *host = &destination->hosts[0];

	merge->soon = evtimer_new(merge->sources->base, on_soon, merge);
	if (!merge->soon || evtimer_add(merge->soon, &now) < 0)
		return false;
	memcpy(destination->name, merge->name, sizeof(destination->name));
	destination->mx_state = merge->subject == MERGE_HOST ? MX_HOST : MX_TABLE;
	destination->mx_security = DNS_SECURE;
	destination->ttl_s = DANE_TTL_MAX_S;
	destination->host_count = 1;
	(void)address_format(host->name, address);
	host->address_security = DNS_SECURE;
	host->promise.state = PROMISE_NONE;
	destination->place_count = 1;
	destination->places[0].address = *address;
	return true;
}

static void on_policy(void *owner, const struct mtasts_answer *answer)
{
	struct merge *merge = owner;

	merge->policy_ask = NULL;
	merge->policy_ttl_s = answer->ttl_s;
	finish_if_complete(merge);
}

static void find_entry(struct merge *merge)
{
	const struct merge_sources *sources = merge->sources;

	if (!sources->local)
		return;
	merge->has_entry = merge->subject == MERGE_HOST
	                           ? local_find_host(sources->local, &merge->entry, merge->name,
	                                             sources->time_ms())
	                           : local_find(sources->local, &merge->entry, merge->name,
	                                        sources->time_ms());
}

static bool ask_dane(struct merge *merge)
{
	const struct merge_sources *sources = merge->sources;
	struct resolver *resolver =
		merge->is_refresh && sources->fresh ? sources->fresh : sources->resolver;
	const char *next_hop = merge->has_entry ? merge->entry.next_hop : "";
	struct address address;

	if (address_parse(&address, merge->subject == MERGE_HOST ? merge->name : next_hop))
		return stand_at(merge, &address);
	if (merge->subject == MERGE_HOST)
		merge->dane = dane_ask_host(resolver, merge->name, on_dane, merge);
	else if (next_hop[0])
		merge->dane = dane_ask_host(resolver, next_hop, on_dane, merge);
	else
		merge->dane = dane_ask_domain(resolver, merge->name, on_dane, merge);
	return merge->dane != NULL;
}

/* Where the table says all, no policy is asked for. */
static void ask_policy(struct merge *merge)
{
	struct mtasts *mtasts = merge->sources->mtasts;

	if (!mtasts || merge->subject != MERGE_DOMAIN ||
	    (merge->has_entry && merge->entry.level != LOCAL_UNSET))
		return;
	merge->policy_ask = mtasts_ask(mtasts, merge->name, merge->is_refresh, on_policy, merge);
}

struct merge *merge_ask(const struct merge_sources *sources, const struct merge_question *question,
                        merge_fn fn, void *owner)
{
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->sources = sources;
	merge->fn = fn;
	merge->owner = owner;
	merge->subject = question->subject;
	merge->is_refresh = question->is_refresh;
	snprintf(merge->name, sizeof(merge->name), "%s", question->name);
	find_entry(merge);
	if (!ask_dane(merge)) {
		if (merge->soon)
			event_free(merge->soon);
		free(merge);
		return NULL;
	}
	ask_policy(merge);
	return merge;
}

void merge_cancel(struct merge *merge)
{
	if (merge->dane)
		dane_cancel(merge->dane);
	if (merge->soon)
		event_free(merge->soon);
	if (merge->policy_ask)
		mtasts_cancel(merge->policy_ask);
	free_merge(merge);
}

bool merge_excludes(const struct merge_sources *sources, const char *domain, const char *host)
{
	struct domain_policies all;
	struct local_entry entry;
	bool has_entry =
		sources->local && local_find(sources->local, &entry, domain, sources->time_ms());

	read_policies(&all, sources, domain);
	return combine_excludes(has_entry ? &entry : NULL, all.policies, all.count, host);
}

bool merge_names(const struct merge_sources *sources, const char *domain, const char *host)
{
	struct domain_policies all;
	struct local_entry entry;
	bool has_entry =
		sources->local && local_find(sources->local, &entry, domain, sources->time_ms());

	read_policies(&all, sources, domain);
	return combine_names(has_entry ? &entry : NULL, all.policies, all.count, host);
}
