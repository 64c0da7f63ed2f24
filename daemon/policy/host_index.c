/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/host_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/siphash.h"

struct host_index {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct table *hosts; /* uint64_t, hash of the host's name → struct naming *, the first */
};

struct host_index *host_index_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN])
{
	struct host_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	memcpy(index->secret, secret, sizeof(index->secret));
	/* Never full: a host that left would leave its namings behind. */
	index->hosts = table_new(capacity * RECORD_HOSTS_MAX, sizeof(uint64_t),
	                         sizeof(struct naming *), secret, NULL, NULL);
	if (!index->hosts) {
		free(index);
		return NULL;
	}
	return index;
}

void host_index_free(struct host_index *index)
{
	if (!index)
		return;
	table_free(index->hosts);
	free(index);
}

static uint64_t key_of(const struct host_index *index, const char *host)
{
	return siphash(index->secret, host, strlen(host));
}

static void take_out(struct host_index *index, struct naming *naming)
{
	if (naming->next)
		naming->next->previous = naming->previous;
	if (naming->previous)
		naming->previous->next = naming->next;
	else if (naming->next)
		*(struct naming **)table_peek(index->hosts, &naming->host) = naming->next;
	else
		table_remove(index->hosts, &naming->host);
}

static bool put_in(struct host_index *index, struct naming *naming)
{
	struct naming **first = table_peek(index->hosts, &naming->host);

	if (!first)
		first = table_insert(index->hosts, &naming->host);
	if (!first)
		return false;
	naming->next = *first;
	if (naming->next)
		naming->next->previous = naming;
	*first = naming;
	return true;
}

struct naming *host_index_add(struct host_index *index, struct record *record)
{
	size_t count = record_host_count(record);
	struct naming *namings = count > 0 ? calloc(count, sizeof(*namings)) : NULL;

	for (size_t i = 0; namings && i < count; i++) {
		namings[i].record = record;
		namings[i].host = key_of(index, record_host(record, i));
		if (!put_in(index, &namings[i])) {
			host_index_remove(index, namings, i);
			return NULL;
		}
	}
	return namings;
}

void host_index_remove(struct host_index *index, struct naming *namings, size_t count)
{
	/* Whoever is in it has his hosts in it. */
	bool is_in = table_count(index->hosts) > 0;

	for (size_t i = 0; namings && is_in && i < count; i++)
		take_out(index, &namings[i]);
	free(namings);
}

void host_index_clear(struct host_index *index)
{
	table_clear(index->hosts);
}

struct naming *host_index_find(const struct host_index *index, const char *host)
{
	uint64_t key = key_of(index, host);
	struct naming *const *first = table_peek(index->hosts, &key);

	return first ? *first : NULL;
}

size_t host_index_octets(const struct host_index *index)
{
	return table_octets(index->hosts);
}

size_t host_index_naming_octets(const struct record *record)
{
	size_t count = record_host_count(record);

	return count > 0 ? allocated_octets(count * sizeof(struct naming)) : 0;
}
