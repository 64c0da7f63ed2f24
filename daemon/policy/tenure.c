/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/tenure.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

/* What the tables hold: name and value are apart from the entry, so that they stay where they are when it settles. */
struct resident {
	char *name;
	bool is_settled;
	_Alignas(max_align_t) uint8_t value[];
};

enum { ENTRY_LEN = 64 /* of a table, its key, and what malloc adds to each of the three */ };

struct tenure {
	uint8_t secret[SIPHASH_KEY_LEN];
	size_t value_len;
	tenure_leave_fn on_leave;
	void *owner;
	struct table *newcomers; /* uint64_t, hash of the name → struct resident * */
	struct table *settled;
	size_t octets;
};

static size_t octets_of(const struct tenure *tenure, const struct resident *resident)
{
	return ENTRY_LEN + sizeof(*resident) + tenure->value_len + strlen(resident->name) + 1;
}

static void on_table_leave(void *owner, const void *key, void *value)
{
	struct tenure *tenure = owner;
	struct resident *resident = *(struct resident **)value;

	(void)key;
	/* It moved to the other table. */
	if (!resident)
		return;
	tenure->octets -= octets_of(tenure, resident);
	tenure->on_leave(tenure->owner, resident->value);
	free(resident->name);
	free(resident);
}

struct tenure *tenure_new(size_t capacity, size_t value_len, const uint8_t secret[TABLE_SECRET_LEN],
                          tenure_leave_fn on_leave, void *owner)
{
	size_t newcomers = (capacity + TENURE_NEWCOMER_SHARE - 1) / TENURE_NEWCOMER_SHARE;
	struct tenure *tenure = calloc(1, sizeof(*tenure));

	if (!tenure)
		return NULL;
	memcpy(tenure->secret, secret, sizeof(tenure->secret));
	tenure->value_len = value_len;
	tenure->on_leave = on_leave;
	tenure->owner = owner;
	tenure->newcomers = table_new(newcomers, sizeof(uint64_t), sizeof(struct resident *),
	                              secret, on_table_leave, tenure);
	tenure->settled = table_new(capacity, sizeof(uint64_t), sizeof(struct resident *), secret,
	                            on_table_leave, tenure);
	if (!tenure->newcomers || !tenure->settled) {
		tenure_free(tenure);
		return NULL;
	}
	return tenure;
}

void tenure_free(struct tenure *tenure)
{
	if (!tenure)
		return;
	table_free(tenure->newcomers);
	table_free(tenure->settled);
	free(tenure);
}

uint64_t tenure_handle(const struct tenure *tenure, const char *name)
{
	return siphash(tenure->secret, name, strlen(name));
}

static struct resident *resident_of(const void *value)
{
	const uint8_t *octets = value;

	return (struct resident *)(uintptr_t)(octets - offsetof(struct resident, value));
}

const char *tenure_name(const void *value)
{
	return resident_of(value)->name;
}

bool tenure_is_settled(const void *value)
{
	return resident_of(value)->is_settled;
}

const void *tenure_by_handle(const struct tenure *tenure, uint64_t handle)
{
	struct resident **resident = table_peek(tenure->settled, &handle);

	if (!resident)
		resident = table_peek(tenure->newcomers, &handle);
	return resident ? (*resident)->value : NULL;
}

const void *tenure_peek(const struct tenure *tenure, const char *name)
{
	const void *value = tenure_by_handle(tenure, tenure_handle(tenure, name));

	return value && strcmp(tenure_name(value), name) == 0 ? value : NULL;
}

void *tenure_find(struct tenure *tenure, const char *name)
{
	uint64_t handle = tenure_handle(tenure, name);
	struct resident **resident = table_find(tenure->settled, &handle);

	if (!resident)
		resident = table_find(tenure->newcomers, &handle);
	return resident && strcmp((*resident)->name, name) == 0 ? (*resident)->value : NULL;
}

void *tenure_add(struct tenure *tenure, const char *name)
{
	uint64_t handle = tenure_handle(tenure, name);
	struct resident *resident = calloc(1, sizeof(*resident) + tenure->value_len);
	struct resident **slot;

	/* Another name of the same hash would be one in 2^64: it stays, and this one is not remembered. */
	if (!resident || tenure_by_handle(tenure, handle))
		goto free_resident;
	resident->name = strdup(name);
	if (!resident->name)
		goto free_resident;
	slot = table_insert(tenure->newcomers, &handle);
	if (!slot)
		goto free_resident;
	*slot = resident;
	tenure->octets += octets_of(tenure, resident);
	return resident->value;

free_resident:
	if (resident)
		free(resident->name);
	free(resident);
	return NULL;
}

void *tenure_settle(struct tenure *tenure, const char *name)
{
	uint64_t handle = tenure_handle(tenure, name);
	void *value = tenure_find(tenure, name);
	struct resident **from, **to;

	if (!value || tenure_is_settled(value))
		return value;
	to = table_insert(tenure->settled, &handle);
	if (!to)
		return NULL;
	from = table_peek(tenure->newcomers, &handle);
	*to = *from;
	*from = NULL;
	(*to)->is_settled = true;
	table_remove(tenure->newcomers, &handle);
	return value;
}

void tenure_remove(struct tenure *tenure, const char *name)
{
	uint64_t handle = tenure_handle(tenure, name);

	if (!tenure_peek(tenure, name))
		return;
	table_remove(tenure->newcomers, &handle);
	table_remove(tenure->settled, &handle);
}

bool tenure_evict(struct tenure *tenure)
{
	struct table *table =
		table_count(tenure->newcomers) > 0 ? tenure->newcomers : tenure->settled;
	const void *key;

	if (!table_oldest(table, &key))
		return false;
	table_remove(table, key);
	return true;
}

size_t tenure_count(const struct tenure *tenure)
{
	return table_count(tenure->newcomers) + table_count(tenure->settled);
}

size_t tenure_octets(const struct tenure *tenure)
{
	return tenure->octets;
}
