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

/* Those of one standing. */
struct room {
	struct mtasts_cache *cache;
	struct table *domains; /* uint64_t, hash of the domain → struct mtasts_entry *, owned */
	size_t octets;
};

struct mtasts_cache {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct room rooms[MTASTS_STANDING_COUNT];
	mtasts_leave_fn on_leave;
	void *owner;
	size_t capacity;
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
	return sizeof(*entry) + entry->domain_len + 1u + entry->id_len + 1u + entry->text_len +
	       (entry->trouble ? strlen(entry->trouble) + 1 : 0);
}

static void leave_agenda(struct mtasts_entry *entry)
{
	if (entry->due_ms > 0)
		LIST_REMOVE(entry, in_agenda);
	entry->due_ms = 0;
}

static void free_entry(struct mtasts_cache *cache, struct mtasts_entry *entry)
{
	cache->rooms[entry->standing].octets -= octets_of(entry);
	leave_agenda(entry);
	free(entry->trouble);
	free(entry);
}

static void on_domain_leave(void *owner, const void *key, void *value)
{
	struct room *room = owner;
	struct mtasts_cache *cache = room->cache;
	struct mtasts_entry *entry = *(struct mtasts_entry **)value;

	(void)key;
	/* It was replaced, or moved to another room. */
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
	cache->capacity = capacity;
	cache->octets_max = octets_max;
	for (i = 0; i < SLOTS; i++)
		LIST_INIT(&cache->slots[i]);
	for (i = 0; i < MTASTS_STANDING_COUNT; i++) {
		struct room *room = &cache->rooms[i];

		room->cache = cache;
		/* The one too many is in before another leaves. */
		room->domains =
			table_new(capacity + 1, sizeof(uint64_t), sizeof(struct mtasts_entry *),
		                  secret, on_domain_leave, room);
		if (!room->domains) {
			mtasts_cache_free(cache);
			return NULL;
		}
	}
	return cache;
}

void mtasts_cache_free(struct mtasts_cache *cache)
{
	if (!cache)
		return;
	cache->on_leave = NULL;
	for (size_t i = 0; i < MTASTS_STANDING_COUNT; i++)
		table_free(cache->rooms[i].domains);
	free(cache);
}

/* NULL: none of that hash. */
static struct mtasts_entry **place_of(const struct mtasts_cache *cache, uint64_t key)
{
	struct mtasts_entry **place = NULL;

	for (size_t i = MTASTS_STANDING_COUNT; i > 0 && !place; i--)
		place = table_peek(cache->rooms[i - 1].domains, &key);
	return place;
}

struct mtasts_entry *mtasts_cache_peek(const struct mtasts_cache *cache, const char *domain)
{
	struct mtasts_entry **place = place_of(cache, key_of(cache, domain));

	return place && strcmp(mtasts_entry_domain(*place), domain) == 0 ? *place : NULL;
}

struct mtasts_entry *mtasts_cache_find(struct mtasts_cache *cache, const char *domain)
{
	struct mtasts_entry *entry = mtasts_cache_peek(cache, domain);
	uint64_t key = key_of(cache, domain);

	if (entry)
		(void)table_find(cache->rooms[entry->standing].domains, &key);
	return entry;
}

static struct mtasts_entry *new_entry(const struct mtasts_taken *taken)
{
	size_t domain_len = strlen(taken->domain);
	size_t id_len = strlen(taken->id);
	uint8_t kept[MTASTS_KEPT_MAX];
	size_t kept_len = mtasts_policy_reduce(kept, &taken->policy, taken->text);
	struct mtasts_entry *entry =
		calloc(1, sizeof(*entry) + domain_len + 1 + id_len + 1 + kept_len);

	if (!entry)
		return NULL;
	entry->policy = taken->policy;
	entry->domain_len = (uint8_t)domain_len;
	entry->id_len = (uint8_t)id_len;
	entry->text_len = (uint32_t)kept_len;
	entry->renew_ms = UINT64_MAX;
	memcpy(entry->texts, taken->domain, domain_len);
	memcpy(entry->texts + domain_len + 1, taken->id, id_len);
	memcpy(entry->texts + domain_len + id_len + 2, kept, kept_len);
	return entry;
}

/* The oldest of a standing leaves. False: there is none but `spared`, the last that came. */
static bool give_up(struct mtasts_cache *cache, enum mtasts_standing standing,
                    const struct mtasts_entry *spared)
{
	struct table *domains = cache->rooms[standing].domains;
	const void *oldest;
	struct mtasts_entry **place = table_oldest(domains, &oldest);
	uint64_t leaving;

	if (!place || *place == spared)
		return false;
	memcpy(&leaving, oldest, sizeof(leaving));
	table_remove(domains, &leaving);
	return true;
}

/* Whether those that are no newcomers take more than their part. */
static bool old_are_too_many(const struct mtasts_cache *cache)
{
	const struct room *settled = &cache->rooms[MTASTS_SETTLED];
	const struct room *established = &cache->rooms[MTASTS_ESTABLISHED];
	size_t count = table_count(settled->domains) + table_count(established->domains);
	size_t octets = settled->octets + established->octets;

	return count > cache->capacity - cache->capacity / MTASTS_NEWCOMER_SHARE ||
	       octets > cache->octets_max - cache->octets_max / MTASTS_NEWCOMER_SHARE;
}

/*
 * The old keep to their part first. So whoever is too many after that is one of several newcomers, and none of the old ever leaves for
 * one of them.
 */
static void make_room(struct mtasts_cache *cache, const struct mtasts_entry *spared)
{
	while (old_are_too_many(cache) && (give_up(cache, MTASTS_SETTLED, spared) ||
	                                   give_up(cache, MTASTS_ESTABLISHED, spared)))
		;
	while ((mtasts_cache_count(cache) > cache->capacity ||
	        mtasts_cache_octets(cache) > cache->octets_max) &&
	       give_up(cache, MTASTS_NEWCOMER, spared))
		;
}

/* The place of that hash in its room, empty: what stood there is gone, and what is to outlive it has come over. */
static struct mtasts_entry **clear_place(struct mtasts_cache *cache, struct mtasts_entry *entry,
                                         uint64_t key)
{
	struct mtasts_entry **place = place_of(cache, key);
	const struct mtasts_entry *older = place ? *place : NULL;

	if (!older)
		return table_insert(cache->rooms[entry->standing].domains, &key);
	entry->standing = older->standing;
	entry->since_ms = older->since_ms;
	entry->kept_s = older->kept_s;
	free_entry(cache, *place);
	*place = NULL;
	return table_find(cache->rooms[entry->standing].domains, &key);
}

struct mtasts_entry *mtasts_cache_put(struct mtasts_cache *cache, const struct mtasts_taken *taken)
{
	struct mtasts_entry *entry = new_entry(taken);
	struct mtasts_entry **place;

	if (!entry)
		return NULL;
	place = clear_place(cache, entry, key_of(cache, taken->domain));
	if (!place) {
		free(entry);
		return NULL;
	}
	*place = entry;
	cache->rooms[entry->standing].octets += octets_of(entry);
	make_room(cache, entry);
	return entry;
}

void mtasts_cache_stand(struct mtasts_cache *cache, struct mtasts_entry *entry,
                        enum mtasts_standing standing)
{
	uint64_t key = key_of(cache, mtasts_entry_domain(entry));
	struct room *from = &cache->rooms[entry->standing];
	struct room *to = &cache->rooms[standing];
	struct mtasts_entry **place;

	if (entry->standing == standing)
		return;
	place = table_insert(to->domains, &key);
	if (!place)
		return;
	*place = entry;
	*(struct mtasts_entry **)table_peek(from->domains, &key) = NULL;
	table_remove(from->domains, &key);
	from->octets -= octets_of(entry);
	to->octets += octets_of(entry);
	entry->standing = (uint8_t)standing;
	make_room(cache, entry);
}

void mtasts_cache_remove(struct mtasts_cache *cache, const char *domain)
{
	const struct mtasts_entry *entry = mtasts_cache_peek(cache, domain);
	uint64_t key = key_of(cache, domain);

	if (entry)
		table_remove(cache->rooms[entry->standing].domains, &key);
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
	size_t count = 0;

	for (size_t i = 0; i < MTASTS_STANDING_COUNT; i++)
		count += table_count(cache->rooms[i].domains);
	return count;
}

size_t mtasts_cache_count_of(const struct mtasts_cache *cache, enum mtasts_standing standing)
{
	return table_count(cache->rooms[standing].domains);
}

size_t mtasts_cache_octets(const struct mtasts_cache *cache)
{
	size_t octets = 0;

	for (size_t i = 0; i < MTASTS_STANDING_COUNT; i++)
		octets += cache->rooms[i].octets;
	return octets;
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

bool mtasts_cache_set_trouble(struct mtasts_cache *cache, struct mtasts_entry *entry,
                              const char *trouble)
{
	size_t *octets = &cache->rooms[entry->standing].octets;
	char *copy = trouble ? strdup(trouble) : NULL;

	if (trouble && !copy)
		return false;
	*octets -= octets_of(entry);
	free(entry->trouble);
	entry->trouble = copy;
	*octets += octets_of(entry);
	return true;
}

uint32_t mtasts_entry_kept_s(const struct mtasts_entry *entry, uint64_t now_ms)
{
	uint64_t kept_s = entry->kept_s + (now_ms - entry->since_ms) / 1000;

	return kept_s > UINT32_MAX ? UINT32_MAX : (uint32_t)kept_s;
}

uint32_t mtasts_entry_left_s(const struct mtasts_entry *entry, uint64_t now_ms)
{
	return entry->expires_ms > now_ms ? (uint32_t)((entry->expires_ms - now_ms + 999) / 1000)
	                                  : 0;
}
