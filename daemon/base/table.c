/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/siphash.h"

enum { BUCKETS_MIN = 16, ALIGNMENT = _Alignof(max_align_t) };

/* Key first, the value behind it at the next aligned place. */
struct entry {
	struct entry *chained;
	struct entry *older;
	struct entry *younger;
	uint64_t hash;
	_Alignas(max_align_t) uint8_t octets[];
};

struct table {
	uint8_t secret[TABLE_SECRET_LEN];
	size_t capacity;
	size_t key_len;
	size_t value_len;
	size_t value_at; /* in entry.octets */
	table_leave_fn on_leave;
	void *owner;
	struct entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
	uint64_t evictions;
	struct entry *oldest;
	struct entry *youngest;
};

static void *value_of(const struct table *table, struct entry *entry)
{
	return entry->octets + table->value_at;
}

static struct entry *entry_of(const struct table *table, const void *value)
{
	const uint8_t *octets = (const uint8_t *)value - table->value_at;

	return (struct entry *)(uintptr_t)(octets - offsetof(struct entry, octets));
}

struct table *table_new(size_t capacity, size_t key_len, size_t value_len,
                        const uint8_t secret[TABLE_SECRET_LEN], table_leave_fn on_leave,
                        void *owner)
{
	struct table *table;

	assert(capacity > 0 && key_len > 0);
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->buckets = calloc(BUCKETS_MIN, sizeof(struct entry *));
	if (!table->buckets) {
		free(table);
		return NULL;
	}
	memcpy(table->secret, secret, TABLE_SECRET_LEN);
	table->bucket_count = BUCKETS_MIN;
	table->capacity = capacity;
	table->key_len = key_len;
	table->value_len = value_len;
	table->value_at = (key_len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	table->on_leave = on_leave;
	table->owner = owner;
	return table;
}

static struct entry **bucket_of(const struct table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->bucket_count - 1)];
}

static struct entry *entry_for(const struct table *table, const void *key, uint64_t hash)
{
	struct entry *entry;

	for (entry = *bucket_of(table, hash); entry; entry = entry->chained) {
		if (entry->hash == hash && memcmp(entry->octets, key, table->key_len) == 0)
			return entry;
	}
	return NULL;
}

static void leave_order(struct table *table, struct entry *entry)
{
	if (entry->older)
		entry->older->younger = entry->younger;
	else
		table->oldest = entry->younger;
	if (entry->younger)
		entry->younger->older = entry->older;
	else
		table->youngest = entry->older;
}

static void become_youngest(struct table *table, struct entry *entry)
{
	entry->older = table->youngest;
	entry->younger = NULL;
	if (table->youngest)
		table->youngest->younger = entry;
	else
		table->oldest = entry;
	table->youngest = entry;
}

/* Of one that no bucket leads to any more. */
static void end(struct table *table, struct entry *entry)
{
	leave_order(table, entry);
	table->count--;
	if (table->on_leave)
		table->on_leave(table->owner, entry->octets, value_of(table, entry));
	free(entry);
}

static void drop(struct table *table, struct entry *entry)
{
	struct entry **at = bucket_of(table, entry->hash);

	while (*at != entry)
		at = &(*at)->chained;
	*at = entry->chained;
	end(table, entry);
}

void table_clear(struct table *table)
{
	/* All at once: to look for each in its chain would touch memory all over, of a million for seconds. */
	memset(table->buckets, 0, table->bucket_count * sizeof(struct entry *));
	while (table->oldest)
		/* None is older than the oldest, so that `oldest` always leads to another. */
		end(table, table->oldest); /* NOLINT(clang-analyzer-unix.Malloc) */
}

void table_free(struct table *table)
{
	if (!table)
		return;
	table_clear(table);
	free(table->buckets);
	free(table);
}

static size_t entry_octets(const struct table *table)
{
	return sizeof(struct entry) + table->value_at + table->value_len;
}

static uint64_t hash_of(const struct table *table, const void *key)
{
	return siphash(table->secret, key, table->key_len);
}

void *table_peek(const struct table *table, const void *key)
{
	struct entry *entry = entry_for(table, key, hash_of(table, key));

	return entry ? value_of(table, entry) : NULL;
}

void *table_find(struct table *table, const void *key)
{
	struct entry *entry = entry_for(table, key, hash_of(table, key));

	if (!entry)
		return NULL;
	if (entry != table->youngest) {
		leave_order(table, entry);
		become_youngest(table, entry);
	}
	return value_of(table, entry);
}

/* Without memory for a larger index the table goes on with longer chains. */
static void grow_index(struct table *table)
{
	size_t bucket_count = table->bucket_count * 2;
	struct entry **buckets = calloc(bucket_count, sizeof(struct entry *));
	struct entry *entry;

	if (!buckets)
		return;
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = bucket_count;
	for (entry = table->oldest; entry; entry = entry->younger) {
		struct entry **bucket = bucket_of(table, entry->hash);

		entry->chained = *bucket;
		*bucket = entry;
	}
}

void *table_insert(struct table *table, const void *key)
{
	uint64_t hash = hash_of(table, key);
	struct entry *entry;
	struct entry **bucket;

	assert(!entry_for(table, key, hash));
	entry = calloc(1, entry_octets(table));
	if (!entry)
		return NULL;
	entry->hash = hash;
	memcpy(entry->octets, key, table->key_len);

	if (table->count == table->capacity) {
		drop(table, table->oldest);
		table->evictions++;
	}
	if (table->count >= table->bucket_count)
		grow_index(table);
	bucket = bucket_of(table, hash);
	entry->chained = *bucket;
	*bucket = entry;
	become_youngest(table, entry);
	table->count++;
	return value_of(table, entry);
}

void table_remove(struct table *table, const void *key)
{
	struct entry *entry = entry_for(table, key, hash_of(table, key));

	if (entry)
		drop(table, entry);
}

void *table_oldest(const struct table *table, const void **key)
{
	if (!table->oldest)
		return NULL;
	if (key)
		*key = table->oldest->octets;
	return value_of(table, table->oldest);
}

void *table_younger(const struct table *table, const void *value, const void **key)
{
	struct entry *entry = entry_of(table, value)->younger;

	if (!entry)
		return NULL;
	if (key)
		*key = entry->octets;
	return value_of(table, entry);
}

size_t table_count(const struct table *table)
{
	return table->count;
}

size_t table_octets(const struct table *table)
{
	return table->count * allocated_octets(entry_octets(table)) +
	       allocated_octets(table->bucket_count * sizeof(struct entry *));
}

uint64_t table_evictions(const struct table *table)
{
	return table->evictions;
}
