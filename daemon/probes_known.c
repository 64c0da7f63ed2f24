/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probes_known.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"

struct probes_known {
	struct table *table; /* uint64_t → struct probe_known */
	struct budget budget;
};

static void on_leave(void *owner, const void *key, void *value)
{
	struct probes_known *known = owner;
	struct probe_known *entry = value;

	(void)key;
	budget_refund(&known->budget, entry->octets);
	free(entry->seen);
}

struct probes_known *probes_known_new(size_t capacity, size_t octets_max,
                                      const uint8_t secret[TABLE_SECRET_LEN])
{
	struct probes_known *known = calloc(1, sizeof(*known));

	if (!known)
		return NULL;
	known->budget.limit = octets_max;
	known->table = table_new(capacity, sizeof(uint64_t), sizeof(struct probe_known), secret,
	                         on_leave, known);
	if (known->table)
		return known;
	free(known);
	return NULL;
}

void probes_known_free(struct probes_known *known)
{
	if (!known)
		return;
	table_free(known->table);
	free(known);
}

struct probe_known *probes_known_find(struct probes_known *known, uint64_t hash)
{
	return table_find(known->table, &hash);
}

/* Makes room by what is oldest. False: it would not fit even alone. */
static bool charge(struct probes_known *known, size_t octets)
{
	if (octets > known->budget.limit)
		return false;
	while (!budget_charge(&known->budget, octets)) {
		const void *key;

		(void)table_oldest(known->table, &key);
		table_remove(known->table, key);
	}
	return true;
}

struct probe_known *probes_known_put(struct probes_known *known, uint64_t hash,
                                     const struct message_probed *seen)
{
	size_t octets = PROBED_HEAD_LEN + seen->chain_len;
	struct message_probed *copy = malloc(octets);
	struct probe_known *entry;

	if (!copy)
		return NULL;
	if (!charge(known, octets)) {
		free(copy);
		return NULL;
	}
	memcpy(copy, seen, octets);
	entry = table_find(known->table, &hash);
	if (!entry)
		entry = table_insert(known->table, &hash);
	if (!entry) {
		budget_refund(&known->budget, octets);
		free(copy);
		return NULL;
	}
	budget_refund(&known->budget, entry->octets);
	free(entry->seen);
	entry->seen = copy;
	entry->octets = octets;
	return entry;
}

size_t probes_known_count(const struct probes_known *known)
{
	return table_count(known->table);
}

struct probe_known *probes_known_next(const struct probes_known *known, uint64_t *hash,
                                      const struct probe_known *last)
{
	const void *key = NULL;
	struct probe_known *next =
		last ? table_younger(known->table, last, &key) : table_oldest(known->table, &key);

	if (next)
		memcpy(hash, key, sizeof(*hash));
	return next;
}
