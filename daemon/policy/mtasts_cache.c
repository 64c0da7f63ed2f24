/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

enum {
	/* A slot for each second of a little more than the hour that an entry may be put off. */
	SLOTS = 4096,
	PUT_OFF_MAX_MS = 60 * 60 * 1000,
	SECOND_MS = 1000,
};

LIST_HEAD(slot, mtasts_entry);

struct mtasts_cache {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct table *domains; /* uint64_t, hash of the domain → struct mtasts_entry *, owned */
	mtasts_leave_fn on_leave;
	void *owner;
	size_t octets;
	size_t octets_max;
	uint64_t
		reached_s; /* the agenda up to this second was given out, but for what is in this slot */
	struct slot slots[SLOTS];
};

/* A hash in place of 256 octets; whoever finds an entry asks it for its domain, too. */
static uint64_t key_of(const struct mtasts_cache *cache, const char *domain)
{
	return siphash(cache->secret, domain, strlen(domain));
}

static size_t octets_of(const struct mtasts_entry *entry)
{
	return sizeof(*entry) + entry->domain_len + 1u + entry->id_len + 1u + entry->text_len;
}

static void leave_agenda(struct mtasts_entry *entry)
{
	if (entry->due_ms > 0)
		LIST_REMOVE(entry, in_agenda);
	entry->due_ms = 0;
}

static void free_entry(struct mtasts_cache *cache, struct mtasts_entry *entry)
{
	cache->octets -= octets_of(entry);
	leave_agenda(entry);
	free(entry->trouble);
	free(entry);
}

static void on_domain_leave(void *owner, const void *key, void *value)
{
	struct mtasts_cache *cache = owner;
	struct mtasts_entry *entry = *(struct mtasts_entry **)value;

	(void)key;
	if (!entry)
		return;
	if (cache->on_leave)
		cache->on_leave(cache->owner, entry);
	free_entry(cache, entry);
}

struct mtasts_cache *mtasts_cache_new(size_t capacity, size_t octets_max,
                                      const uint8_t secret[TABLE_SECRET_LEN],
                                      mtasts_leave_fn on_leave, void *owner)
{
	struct mtasts_cache *cache = calloc(1, sizeof(*cache));
	size_t i;

	if (!cache)
		return NULL;
	memcpy(cache->secret, secret, sizeof(cache->secret));
	cache->on_leave = on_leave;
	cache->owner = owner;
	cache->octets_max = octets_max;
	for (i = 0; i < SLOTS; i++)
		LIST_INIT(&cache->slots[i]);
	cache->domains = table_new(capacity, sizeof(uint64_t), sizeof(struct mtasts_entry *),
	                           secret, on_domain_leave, cache);
	if (!cache->domains) {
		free(cache);
		return NULL;
	}
	return cache;
}

void mtasts_cache_free(struct mtasts_cache *cache)
{
	if (!cache)
		return;
	cache->on_leave = NULL;
	table_free(cache->domains);
	free(cache);
}

static struct mtasts_entry *entry_in(struct mtasts_entry *const *place, const char *domain)
{
	return place && strcmp(mtasts_entry_domain(*place), domain) == 0 ? *place : NULL;
}

struct mtasts_entry *mtasts_cache_find(struct mtasts_cache *cache, const char *domain)
{
	uint64_t key = key_of(cache, domain);

	return entry_in(table_find(cache->domains, &key), domain);
}

struct mtasts_entry *mtasts_cache_peek(const struct mtasts_cache *cache, const char *domain)
{
	uint64_t key = key_of(cache, domain);

	return entry_in(table_peek(cache->domains, &key), domain);
}

static struct mtasts_entry *new_entry(const struct mtasts_taken *taken)
{
	size_t domain_len = strlen(taken->domain);
	size_t id_len = strlen(taken->id);
	struct mtasts_entry *entry =
		calloc(1, sizeof(*entry) + domain_len + 1 + id_len + 1 + taken->text.len);

	if (!entry)
		return NULL;
	entry->policy = taken->policy;
	entry->domain_len = (uint8_t)domain_len;
	entry->id_len = (uint8_t)id_len;
	entry->text_len = (uint32_t)taken->text.len;
	entry->renew_ms = UINT64_MAX;
	memcpy(entry->texts, taken->domain, domain_len);
	memcpy(entry->texts + domain_len + 1, taken->id, id_len);
	if (taken->text.len > 0)
		memcpy(entry->texts + domain_len + id_len + 2, taken->text.data, taken->text.len);
	return entry;
}

struct mtasts_entry *mtasts_cache_put(struct mtasts_cache *cache, const struct mtasts_taken *taken)
{
	struct mtasts_entry *entry = new_entry(taken);
	uint64_t key = key_of(cache, taken->domain);
	struct mtasts_entry **place;
	const void *oldest;

	if (!entry)
		return NULL;
	place = table_find(cache->domains, &key);
	if (place && *place) {
		free_entry(cache, *place);
		*place = NULL;
	}
	if (!place)
		place = table_insert(cache->domains, &key);
	if (!place) {
		free(entry);
		return NULL;
	}
	*place = entry;
	cache->octets += octets_of(entry);
	/* It is the youngest, so it goes last; and none alone is larger than the bound. */
	while (cache->octets > cache->octets_max && table_count(cache->domains) > 1 &&
	       table_oldest(cache->domains, &oldest)) {
		uint64_t leaving;

		memcpy(&leaving, oldest, sizeof(leaving));
		table_remove(cache->domains, &leaving);
	}
	return entry;
}

void mtasts_cache_remove(struct mtasts_cache *cache, const char *domain)
{
	uint64_t key = key_of(cache, domain);

	if (mtasts_cache_peek(cache, domain))
		table_remove(cache->domains, &key);
}

static struct slot *slot_at(struct mtasts_cache *cache, uint64_t second)
{
	return &cache->slots[second % SLOTS];
}

void mtasts_cache_schedule(struct mtasts_cache *cache, struct mtasts_entry *entry, uint64_t at_ms,
                           uint64_t now_ms)
{
	uint64_t earliest_ms = (cache->reached_s + 1) * SECOND_MS;

	if (at_ms > now_ms + PUT_OFF_MAX_MS)
		at_ms = now_ms + PUT_OFF_MAX_MS;
	/* The slots before were given out already. */
	if (at_ms < earliest_ms)
		at_ms = earliest_ms;
	leave_agenda(entry);
	entry->due_ms = at_ms;
	LIST_INSERT_HEAD(slot_at(cache, at_ms / SECOND_MS), entry, in_agenda);
}

/* Those of a later round stay. */
static struct mtasts_entry *due_in(const struct slot *slot, uint64_t now_ms)
{
	struct mtasts_entry *entry;

	for (entry = LIST_FIRST(slot); entry; entry = LIST_NEXT(entry, in_agenda)) {
		if (entry->due_ms <= now_ms)
			return entry;
	}
	return NULL;
}

struct mtasts_entry *mtasts_cache_due(struct mtasts_cache *cache, uint64_t now_ms)
{
	uint64_t now_s = now_ms / SECOND_MS;
	struct mtasts_entry *entry;

	/* A clock far ahead of the agenda: each slot once is all of them. */
	if (cache->reached_s + SLOTS < now_s)
		cache->reached_s = now_s - SLOTS;
	for (;;) {
		entry = due_in(slot_at(cache, cache->reached_s), now_ms);
		if (entry) {
			leave_agenda(entry);
			return entry;
		}
		if (cache->reached_s >= now_s)
			return NULL;
		cache->reached_s++;
	}
}

size_t mtasts_cache_count(const struct mtasts_cache *cache)
{
	return table_count(cache->domains);
}

size_t mtasts_cache_octets(const struct mtasts_cache *cache)
{
	return cache->octets;
}

const char *mtasts_entry_domain(const struct mtasts_entry *entry)
{
	return entry->texts;
}

const char *mtasts_entry_id(const struct mtasts_entry *entry)
{
	return entry->texts + entry->domain_len + 1;
}

struct bytes mtasts_entry_text(const struct mtasts_entry *entry)
{
	return bytes_of(entry->texts + entry->domain_len + entry->id_len + 2, entry->text_len);
}

bool mtasts_entry_set_trouble(struct mtasts_entry *entry, const char *trouble)
{
	char *copy = trouble ? strdup(trouble) : NULL;

	if (trouble && !copy)
		return false;
	free(entry->trouble);
	entry->trouble = copy;
	return true;
}

uint32_t mtasts_entry_left_s(const struct mtasts_entry *entry, uint64_t now_ms)
{
	return entry->expires_ms > now_ms ? (uint32_t)((entry->expires_ms - now_ms + 999) / 1000)
	                                  : 0;
}
