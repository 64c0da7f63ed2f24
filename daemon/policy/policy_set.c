/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/policy_set.h"

#include <stdlib.h>
#include <string.h>

struct policy {
	uint32_t mxs; /* where its patterns begin */
	uint32_t mx_count;
	uint32_t mode;
};

struct domain {
	uint32_t name; /* where its name begins */
	uint32_t policy;
};

/* Doubles when it is full. */
struct room {
	void *items;
	size_t count, room;
};

struct policy_set {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct room texts; /* of char: names and patterns with their NULs */
	struct room policies;
	struct domain *domains;
	size_t domain_count, domains_max;
	uint32_t *places;   /* index into domains and one, 0 for none; linear probing */
	size_t place_count; /* a power of two, at most two thirds of it taken */
};

/* Room for `count` more; NULL: out of memory, or beyond what 32 bits can point at. */
static void *extend(struct room *room, size_t count, size_t item_len)
{
	size_t wanted = room->room > 0 ? room->room : 1024;
	void *items;

	if (count > UINT32_MAX - room->count)
		return NULL;
	while (wanted < room->count + count)
		wanted *= 2;
	if (wanted > room->room) {
		items = realloc(room->items, wanted * item_len);
		if (!items)
			return NULL;
		room->items = items;
		room->room = wanted;
	}
	room->count += count;
	return (char *)room->items + (room->count - count) * item_len;
}

/* Where it is then; -1: out of memory. */
static int64_t add_text(struct policy_set *set, const char *text)
{
	size_t len = strlen(text) + 1;
	char *at = extend(&set->texts, len, 1);

	if (!at)
		return -1;
	memcpy(at, text, len);
	return at - (char *)set->texts.items;
}

static const char *text_at(const struct policy_set *set, uint32_t where)
{
	return (const char *)set->texts.items + where;
}

struct policy_set *policy_set_new(size_t domains_max, const uint8_t secret[SIPHASH_KEY_LEN])
{
	struct policy_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	memcpy(set->secret, secret, sizeof(set->secret));
	set->domains_max = domains_max;
	set->place_count = 16;
	while (set->place_count * 2 / 3 < domains_max)
		set->place_count *= 2;
	set->domains = calloc(domains_max > 0 ? domains_max : 1, sizeof(*set->domains));
	set->places = calloc(set->place_count, sizeof(*set->places));
	if (set->domains && set->places)
		return set;
	policy_set_free(set);
	return NULL;
}

void policy_set_free(struct policy_set *set)
{
	if (!set)
		return;
	free(set->texts.items);
	free(set->policies.items);
	free(set->domains);
	free(set->places);
	free(set);
}

int64_t policy_set_add(struct policy_set *set, enum mx_policy_mode mode)
{
	struct policy *policy = extend(&set->policies, 1, sizeof(*policy));

	if (!policy)
		return -1;
	*policy = (struct policy){ .mxs = (uint32_t)set->texts.count, .mode = mode };
	return (int64_t)set->policies.count - 1;
}

bool policy_set_add_mx(struct policy_set *set, const char *pattern)
{
	struct policy *policies = set->policies.items;
	int64_t where = add_text(set, pattern);

	if (where < 0)
		return false;
	policies[set->policies.count - 1].mx_count++;
	return true;
}

/* The place of that name, or the free one where it belongs. */
static uint32_t *place_of(const struct policy_set *set, const char *domain)
{
	size_t mask = set->place_count - 1;
	size_t at = (size_t)siphash(set->secret, domain, strlen(domain)) & mask;

	while (set->places[at] &&
	       strcmp(text_at(set, set->domains[set->places[at] - 1].name), domain) != 0)
		at = (at + 1) & mask;
	return &set->places[at];
}

enum policy_set_result policy_set_add_domain(struct policy_set *set, const char *domain,
                                             uint32_t policy)
{
	uint32_t *place = place_of(set, domain);
	int64_t name;

	if (*place)
		return POLICY_SET_REPEATED;
	if (set->domain_count == set->domains_max)
		return POLICY_SET_FULL;
	name = add_text(set, domain);
	if (name < 0)
		return POLICY_SET_FULL;
	set->domains[set->domain_count++] = (struct domain){ (uint32_t)name, policy };
	*place = (uint32_t)set->domain_count;
	return POLICY_SET_OK;
}

static void trim(struct room *room, size_t item_len)
{
	void *items = room->count > 0 ? realloc(room->items, room->count * item_len) : NULL;

	if (!items)
		return;
	room->items = items;
	room->room = room->count;
}

void policy_set_trim(struct policy_set *set)
{
	trim(&set->texts, 1);
	trim(&set->policies, sizeof(struct policy));
}

bool policy_set_find(struct policy_view *found, const struct policy_set *set, const char *domain)
{
	const struct policy *policies = set->policies.items;
	uint32_t place = *place_of(set, domain);
	const struct policy *policy;

	if (!place)
		return false;
	policy = &policies[set->domains[place - 1].policy];
	*found = (struct policy_view){
		.mode = (enum mx_policy_mode)policy->mode,
		.mx_count = policy->mx_count,
		.mxs = text_at(set, policy->mxs),
	};
	return true;
}

const char *policy_set_domain(const struct policy_set *set, size_t index)
{
	if (index >= set->domain_count)
		return NULL;
	return (const char *)set->texts.items + set->domains[index].name;
}

size_t policy_set_count(const struct policy_set *set)
{
	return set->domain_count;
}

size_t policy_set_memory(const struct policy_set *set)
{
	return sizeof(*set) + set->texts.room + set->policies.room * sizeof(struct policy) +
	       set->domains_max * sizeof(*set->domains) + set->place_count * sizeof(*set->places);
}

bool policy_view_allows(const struct policy_view *policy, const char *host)
{
	const char *pattern = policy->mxs;
	uint32_t i;

	for (i = 0; i < policy->mx_count; i++, pattern += strlen(pattern) + 1) {
		if (mx_pattern_matches(pattern, host))
			return true;
	}
	return false;
}
