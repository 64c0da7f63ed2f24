/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/promise_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "policy/host_index.h"
#include "policy/mentions.h"

/* A large domain has a dozen addresses, most have two or share those of a large one. */
enum { ADDRESSES_PER_NAME = 4 };

struct promise_cache {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct table *names;      /* uint64_t, hash of the name → struct known */
	struct table *addresses;  /* struct address → struct mentions */
	struct host_index *hosts; /* the records in `names` */
	size_t octets;            /* of all records alive, and their namings */
	size_t octets_max;
};

struct known {
	struct record *record; /* held */
	struct naming *namings;
};

/* A hash in place of 256 octets; whoever finds a record asks it for its name, too. */
static uint64_t key_of(const struct promise_cache *cache, const char *name, bool is_host)
{
	char text[DOMAIN_NAME_MAX + 1];
	size_t len = strnlen(name, DOMAIN_NAME_MAX);

	text[0] = is_host ? 'h' : 'd';
	memcpy(text + 1, name, len);
	return siphash(cache->secret, text, len + 1);
}

/* NULL: not known. */
static struct record *record_of(const struct promise_cache *cache, const char *name, bool is_host)
{
	uint64_t key = key_of(cache, name, is_host);
	struct known *known = table_peek(cache->names, &key);

	return known && strcmp(record_name(known->record), name) == 0 ? known->record : NULL;
}

static void release(struct promise_cache *cache, struct record *record)
{
	cache->octets -= record_release(record);
}

/* Without a record, or that record and what it takes to find it by its hosts. */
static void empty(struct promise_cache *cache, struct known *known)
{
	struct record *record = known->record;

	if (!record)
		return;
	host_index_remove(cache->hosts, known->namings, record_host_count(record));
	cache->octets -= host_index_naming_octets(record);
	memset(known, 0, sizeof(*known));
	release(cache, record);
}

/* False: out of memory. */
static bool fill(struct promise_cache *cache, struct known *known, struct record *record)
{
	known->namings = host_index_add(cache->hosts, record);
	if (!known->namings && record_host_count(record) > 0)
		return false;
	known->record = record;
	cache->octets += host_index_naming_octets(record);
	return true;
}

static void on_name_leave(void *owner, const void *key, void *value)
{
	(void)key;
	empty(owner, value);
}

static void on_address_leave(void *owner, const void *key, void *value)
{
	struct promise_cache *cache = owner;

	(void)key;
	cache->octets -= mentions_remove(value, NULL);
}

struct promise_cache *promise_cache_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN])
{
	struct promise_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	memcpy(cache->secret, secret, sizeof(cache->secret));
	cache->octets_max = capacity * PROMISE_CACHE_OCTETS_PER_NAME;
	cache->hosts = host_index_new(capacity, secret);
	if (!cache->hosts)
		goto free_cache;
	cache->names = table_new(capacity, sizeof(uint64_t), sizeof(struct known), secret,
	                         on_name_leave, cache);
	if (!cache->names)
		goto free_hosts;
	cache->addresses = table_new(capacity * ADDRESSES_PER_NAME, sizeof(struct address),
	                             sizeof(struct mentions), secret, on_address_leave, cache);
	if (!cache->addresses)
		goto free_names;
	return cache;

free_names:
	table_free(cache->names);
free_hosts:
	host_index_free(cache->hosts);
free_cache:
	free(cache);
	return NULL;
}

void promise_cache_free(struct promise_cache *cache)
{
	if (!cache)
		return;
	table_free(cache->addresses);
	table_free(cache->names);
	host_index_free(cache->hosts);
	free(cache);
}

static int mention_place(struct promise_cache *cache, struct record *record, size_t place,
                         uint64_t now_ms)
{
	const struct address *address = record_address(record, place);
	struct mentions *mentions = table_find(cache->addresses, address);

	if (!mentions)
		mentions = table_insert(cache->addresses, address);
	if (!mentions)
		return -ENOMEM;
	cache->octets -= mentions_add(mentions, record, place, now_ms);
	return 0;
}

static int mention_all(struct promise_cache *cache, struct record *record, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < record_place_count(record); i++) {
		if (mention_place(cache, record, i, now_ms) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The addresses that only `record` speaks of lose what it says. */
static void unmention(struct promise_cache *cache, const struct record *record)
{
	for (size_t i = 0; i < record_place_count(record); i++) {
		struct mentions *mentions = table_peek(cache->addresses, record_address(record, i));

		if (mentions)
			cache->octets -= mentions_remove(mentions, record);
	}
}

static bool shares_address(const struct record *a, const struct record *b)
{
	size_t i;

	for (i = 0; i < record_place_count(a); i++) {
		if (record_includes(b, record_address(a, i), 0))
			return true;
	}
	return false;
}

/* Whether anybody was displaced at an address of it; from now on that is counted anew. */
static bool leaves_room(struct promise_cache *cache, const struct record *gone)
{
	bool is_crowded = false;

	for (size_t i = 0; i < record_place_count(gone); i++) {
		struct mentions *mentions = table_peek(cache->addresses, record_address(gone, i));

		if (!mentions)
			continue;
		is_crowded |= mentions->is_crowded;
		mentions->is_crowded = false;
	}
	return is_crowded;
}

/*
 * Others named the same host at the same address, and were displaced by `gone`: they speak again. All names are looked through, but only
 * where somebody was displaced: most have their addresses to themselves.
 */
static void mention_others(struct promise_cache *cache, const struct record *gone)
{
	const void *key;
	struct known *known;

	if (!leaves_room(cache, gone))
		return;
	for (known = table_oldest(cache->names, &key); known;
	     known = table_younger(cache->names, known, &key)) {
		if (known->record != gone && shares_address(gone, known->record))
			(void)mention_all(cache, known->record, 0);
	}
}

/* Tables included. */
static size_t octets_of_all(const struct promise_cache *cache)
{
	return cache->octets + table_octets(cache->names) + table_octets(cache->addresses) +
	       host_index_octets(cache->hosts);
}

static void remove_oldest(struct table *table)
{
	const void *key;

	if (table_oldest(table, &key))
		table_remove(table, key);
}

/* With each name as many addresses as there are for one. */
static void keep_within_bounds(struct promise_cache *cache)
{
	while (octets_of_all(cache) > cache->octets_max && table_count(cache->names) > 1) {
		size_t share = 1 + table_count(cache->addresses) / table_count(cache->names);

		for (size_t i = 0; i < share; i++)
			remove_oldest(cache->addresses);
		remove_oldest(cache->names);
	}
}

int promise_cache_put(struct promise_cache *cache, const struct destination *destination,
                      uint64_t now_ms)
{
	uint64_t key = key_of(cache, destination->name, destination->mx_state == MX_HOST);
	struct known *known = table_find(cache->names, &key);
	struct record *earlier = known ? known->record : NULL;
	struct known news = { 0 };
	struct record *record;
	int err;

	if (earlier && destination->mx_state == MX_UNAVAILABLE && !record_is_unavailable(earlier) &&
	    record_is_fresh(earlier, now_ms))
		return 0;
	record = record_new(destination, earlier, now_ms);
	if (!record)
		return -ENOMEM;
	cache->octets += record_octets(record);
	if (!fill(cache, &news, record)) {
		release(cache, record);
		return -ENOMEM;
	}
	if (!known)
		known = table_insert(cache->names, &key);
	if (!known) {
		empty(cache, &news);
		return -ENOMEM;
	}
	if (earlier) {
		unmention(cache, earlier);
		empty(cache, known);
	}
	*known = news;
	err = mention_all(cache, record, now_ms);
	keep_within_bounds(cache);
	return err;
}

static bool knows_all(const struct record *record, const struct destination *destination)
{
	for (size_t i = 0; i < destination->host_count; i++) {
		if (record_compare(record, destination, i) != RECORD_SAME)
			return false;
	}
	return true;
}

/* By each host only what it leads to is compared, and only of that host: a stranger may have thousands of domains of the same hosts. */
bool promise_cache_outdate(struct promise_cache *cache, const struct destination *destination)
{
	struct record *own = record_of(cache, destination->name, destination->mx_state == MX_HOST);

	if (own && knows_all(own, destination))
		return false;
	for (size_t i = 0; i < destination->host_count; i++) {
		struct naming *naming = host_index_find(cache->hosts, destination->hosts[i].name);

		for (; naming; naming = naming->next) {
			if (record_compare(naming->record, destination, i) == RECORD_DIFFERENT)
				record_outdate(naming->record);
		}
	}
	return true;
}

static enum cache_answer find_record(struct record **found, struct promise_cache *cache,
                                     const char *name, bool is_host, uint64_t now_ms)
{
	uint64_t key = key_of(cache, name, is_host);
	struct known *known = table_find(cache->names, &key);

	if (!known || strcmp(record_name(known->record), name) != 0)
		return CACHE_UNKNOWN;
	*found = known->record;
	return record_is_fresh(known->record, now_ms) ? CACHE_FRESH : CACHE_STALE;
}

static enum cache_answer find_hop(struct hop *hop, struct promise_cache *cache, const char *name,
                                  bool is_host, const struct address *address, uint64_t now_ms)
{
	struct record *record;
	enum cache_answer answer = find_record(&record, cache, name, is_host, now_ms);

	if (answer != CACHE_UNKNOWN)
		record_hop(hop, record, address, now_ms);
	return answer;
}

enum cache_answer promise_cache_find(struct hop *hop, struct promise_cache *cache, const char *name,
                                     const struct address *address, uint64_t now_ms)
{
	return find_hop(hop, cache, name, false, address, now_ms);
}

enum cache_answer promise_cache_find_host(struct hop *hop, struct promise_cache *cache,
                                          const char *name, const struct address *address,
                                          uint64_t now_ms)
{
	return find_hop(hop, cache, name, true, address, now_ms);
}

enum cache_answer promise_cache_get(struct destination *destination, uint32_t *age_s,
                                    struct promise_cache *cache, const char *name, bool is_host,
                                    uint64_t now_ms)
{
	struct record *record;
	enum cache_answer answer = find_record(&record, cache, name, is_host, now_ms);

	if (answer == CACHE_UNKNOWN)
		return answer;
	record_unpack(destination, record, now_ms);
	*age_s = record_age_s(record, now_ms);
	return answer;
}

bool promise_cache_is_established(const struct promise_cache *cache, const char *name)
{
	const struct record *record = record_of(cache, name, false);

	return record && record_is_established(record);
}

bool promise_cache_strongest(struct hop *hop, const struct promise_cache *cache,
                             const struct address *address, uint64_t now_ms)
{
	const struct mentions *mentions = table_peek(cache->addresses, address);
	const struct mention *best = mentions ? mentions_strongest(mentions, now_ms) : NULL;

	if (!best)
		return false;
	record_hop_at(hop, best->record, best->place);
	return true;
}

bool promise_cache_next_hop(struct hop *hop, struct promise_cache *cache,
                            const struct address *address)
{
	const struct mentions *mentions = table_find(cache->addresses, address);

	for (size_t i = 0; mentions && i < PROMISE_CACHE_MENTIONS_MAX; i++) {
		const struct mention *mention = &mentions->mention[i];

		/* A stale answer still says who stands there: better than to take a smart host for a stranger. */
		if (!mention->record || !record_is_next_hop(mention->record))
			continue;
		record_hop_at(hop, mention->record, mention->place);
		return true;
	}
	return false;
}

size_t promise_cache_at(struct hop hops[PROMISE_CACHE_MENTIONS_MAX],
                        const struct promise_cache *cache, const struct address *address,
                        uint64_t now_ms)
{
	const struct mentions *mentions = table_peek(cache->addresses, address);
	size_t count = 0;

	for (size_t i = 0; mentions && i < PROMISE_CACHE_MENTIONS_MAX; i++) {
		if (mention_is_fresh(&mentions->mention[i], now_ms))
			record_hop_at(&hops[count++], mentions->mention[i].record,
			              mentions->mention[i].place);
	}
	return count;
}

bool promise_cache_find_mx(struct hop *hop, const struct promise_cache *cache, const char *domain,
                           const char *host)
{
	const struct record *record = record_of(cache, domain, false);

	return record && record_hop_of_host(hop, record, host);
}

bool promise_cache_keys(struct key_rules *rules, const struct promise_cache *cache,
                        const struct hop *hop, const struct address *address, uint64_t now_ms)
{
	bool is_host = hop->domain[0] == '\0';
	const struct record *record = record_of(cache, is_host ? hop->mx : hop->domain, is_host);

	return record && record_keys(rules, record, address, hop->mx, now_ms);
}

bool promise_cache_includes(const struct promise_cache *cache, const char *name,
                            const struct address *address, uint64_t now_ms)
{
	int is_host;

	for (is_host = 0; is_host < 2; is_host++) {
		const struct record *record = record_of(cache, name, is_host == 1);

		if (record && record_includes(record, address, now_ms))
			return true;
	}
	return false;
}

size_t promise_cache_forget(struct promise_cache *cache, const char *name)
{
	size_t forgotten = 0;
	int is_host;

	for (is_host = 0; is_host < 2; is_host++) {
		struct record *record = record_of(cache, name, is_host == 1);
		uint64_t key = key_of(cache, name, is_host == 1);

		if (!record)
			continue;
		record_hold(record);
		table_remove(cache->names, &key);
		unmention(cache, record);
		mention_others(cache, record);
		release(cache, record);
		forgotten++;
	}
	return forgotten;
}

void promise_cache_clear(struct promise_cache *cache)
{
	host_index_clear(cache->hosts);
	table_clear(cache->addresses);
	table_clear(cache->names);
}

size_t promise_cache_count(const struct promise_cache *cache)
{
	return table_count(cache->names);
}
