/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/combine_keys.h"

#include <assert.h>
#include <string.h>

#include "verdict/key_rule.h"

/* Names with ':' between them, as many as there is room for: fewer names let less pass, not more. */
struct names {
	size_t len;
	uint8_t text[KEY_NAMES_MAX];
};

static void add_name(struct names *names, const char *before, const char *name)
{
	size_t before_len = strlen(before), name_len = strlen(name);
	size_t separator = names->len > 0;

	/* A label may hold what stands between names (RFC 2181 section 11): it would read as two. */
	if (name_len == 0 || strchr(name, ':') ||
	    separator + before_len + name_len > sizeof(names->text) - names->len)
		return;
	if (separator)
		names->text[names->len++] = ':';
	memcpy(names->text + names->len, before, before_len);
	memcpy(names->text + names->len + before_len, name, name_len);
	names->len += before_len + name_len;
}

/* One word of match: a name, or what Postfix's manual calls a strategy. */
static void add_match(struct names *names, const char *word, const char *next_hop, const char *host)
{
	if (strcmp(word, "nexthop") == 0)
		add_name(names, "", next_hop);
	else if (strcmp(word, "dot-nexthop") == 0)
		add_name(names, ".", next_hop);
	else if (strcmp(word, "hostname") == 0)
		add_name(names, "", host);
	else
		add_name(names, "", word);
}

static void add_matches(struct names *names, const struct local_entry *entry,
                        const struct destination *destination, const char *host)
{
	const char *next_hop = entry->next_hop[0] ? entry->next_hop : destination->name;
	char words[LOCAL_MATCH_MAX];
	char *rest = words, *word;

	text_copy(words, sizeof(words), local_match(entry));
	while ((word = strsep(&rest, ":")) != NULL)
		add_match(names, word, next_hop, host);
}

static bool add_pkix(struct key_rules *rules, enum promise_source source, const struct names *names)
{
	const struct key_rule rule = {
		.kind = KEY_RULE_PKIX,
		.source = source,
		.names = bytes_of(names->text, names->len),
	};

	return key_rules_add(rules, &rule);
}

static bool add_fingerprints(struct key_rules *rules, const struct local_entry *entry)
{
	struct key_rule rule = {
		.kind = KEY_RULE_FINGERPRINT,
		.source = SOURCE_LOCAL,
		.record_count = entry->fingerprint_count,
	};

	static_assert((int)LOCAL_FINGERPRINTS_MAX <= (int)KEY_RECORDS_MAX, "each is a record");
	for (size_t i = 0; i < entry->fingerprint_count; i++)
		rule.records[i].data = bytes_of(entry->fingerprints[i], LOCAL_FINGERPRINT_LEN);
	return key_rules_add(rules, &rule);
}

static bool add_local(struct key_rules *rules, const struct local_entry *entry,
                      const struct destination *destination, const char *host)
{
	struct names names = { .len = 0 };

	if (entry->level == LOCAL_FINGERPRINT)
		return add_fingerprints(rules, entry);
	add_matches(&names, entry, destination, host);
	return add_pkix(rules, SOURCE_LOCAL, &names);
}

static int compare(const struct key_record *a, const struct key_record *b)
{
	if (a->usage != b->usage)
		return a->usage - b->usage;
	if (a->selector != b->selector)
		return a->selector - b->selector;
	if (a->matching != b->matching)
		return a->matching - b->matching;
	if (a->data.len != b->data.len)
		return a->data.len < b->data.len ? -1 : 1;
	return a->data.len > 0 ? memcmp(a->data.data, b->data.data, a->data.len) : 0;
}

/* Name servers turn them round. What a session has met is known by the rules as a whole, and they are the same in any order. */
static void put_in_order(struct key_rule *rule, const struct key_record *record)
{
	size_t at = rule->record_count++;

	for (; at > 0 && compare(&rule->records[at - 1], record) > 0; at--)
		rule->records[at] = rule->records[at - 1];
	rule->records[at] = *record;
}

/* RFC 7672 section 3.2.2: names of the domain count where a signed MX RRset led to the host. */
static bool add_tlsa(struct key_rules *rules, const struct dane_keys *keys,
                     const struct destination *destination, const char *canonical)
{
	struct key_rule rule = {
		.kind = KEY_RULE_TLSA,
		.source = SOURCE_DANE,
	};
	struct names names = { .len = 0 };

	static_assert((int)DANE_KEYS_MAX <= (int)KEY_RECORDS_MAX, "each is a record");
	add_name(&names, "", keys->base);
	if (destination->mx_state != MX_HOST && destination->mx_security == DNS_SECURE) {
		add_name(&names, "", destination->name);
		if (strcmp(canonical, destination->name) != 0)
			add_name(&names, "", canonical);
	}
	rule.names = bytes_of(names.text, names.len);
	for (size_t i = 0; i < keys->count; i++) {
		const struct tlsa *tlsa = &keys->records[i];

		put_in_order(&rule, &(struct key_record){ tlsa->usage, tlsa->selector,
		                                          tlsa->matching, tlsa->data });
	}
	return key_rules_add(rules, &rule);
}

static bool add_of_host(struct key_rules *rules, const struct destination *destination,
                        const struct key_sources *sources, size_t index)
{
	const struct mx_host *host = &destination->hosts[index];
	const struct dane_keys *dane = sources->dane[index];
	struct names names = { .len = 0 };

	switch (host->promise.source) {
	case SOURCE_LOCAL:
		return sources->entry && add_local(rules, sources->entry, destination, host->name);
	case SOURCE_DANE:
		return dane && dane->count > 0 &&
		       add_tlsa(rules, dane, destination, sources->canonical);
	case SOURCE_MTA_STS:
	case SOURCE_LIST:
		add_name(&names, "", host->name);
		/* With an unsigned MX RRset both are to be met; with a signed one the policy would not count. */
		return add_pkix(rules, host->promise.source, &names) &&
		       (!dane || dane->count == 0 ||
		        add_tlsa(rules, dane, destination, sources->canonical));
	case SOURCE_NONE:
	case SOURCE_DEFAULT:
	case SOURCE_SEEN:
		break;
	}
	return false;
}

static void keep(struct destination *destination, struct key_slice *slice,
                 const struct key_rules *rules)
{
	if (rules->len > sizeof(destination->keys) - destination->keys_len)
		return;
	memcpy(destination->keys + destination->keys_len, rules->octets, rules->len);
	*slice = (struct key_slice){ destination->keys_len, (uint16_t)rules->len };
	destination->keys_len = (uint16_t)(destination->keys_len + rules->len);
}

static bool asks_for_a_key(const struct promise *promise)
{
	return promise->state == PROMISE_KEY;
}

void combine_keys(struct destination *destination, const struct key_sources *sources)
{
	struct key_rules rules = { .count = 0 };

	destination->keys_len = 0;
	destination->keys_anywhere = (struct key_slice){ 0 };
	/* The operator's word holds everywhere; a policy's rules stand with the hosts that it names. */
	if (asks_for_a_key(&destination->promise) && destination->promise.source == SOURCE_LOCAL &&
	    sources->entry &&
	    add_local(&rules, sources->entry, destination,
	              destination->mx_state == MX_HOST ? destination->name : ""))
		keep(destination, &destination->keys_anywhere, &rules);
	for (size_t i = 0; i < destination->host_count; i++) {
		struct mx_host *host = &destination->hosts[i];

		host->keys = (struct key_slice){ 0 };
		rules.count = rules.len = 0;
		if (asks_for_a_key(&host->promise) && add_of_host(&rules, destination, sources, i))
			keep(destination, &host->keys, &rules);
	}
}
