/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/index.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 16 };

struct index {
	struct index_link **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
};

struct index *index_new(void)
{
	struct index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->buckets = calloc(BUCKETS_MIN, sizeof(struct index_link *));
	index->bucket_count = BUCKETS_MIN;
	if (index->buckets)
		return index;
	free(index);
	return NULL;
}

void index_free(struct index *index)
{
	if (!index)
		return;
	free(index->buckets);
	free(index);
}

static struct index_link **bucket_of(const struct index *index, uint32_t hash)
{
	return &index->buckets[hash & (index->bucket_count - 1)];
}

static void put(struct index *index, struct index_link *link)
{
	struct index_link **bucket = bucket_of(index, link->hash);

	link->chained = *bucket;
	*bucket = link;
}

/* Without memory for more buckets the index goes on with longer chains. */
static void grow(struct index *index)
{
	size_t count = index->bucket_count;
	struct index_link **old = index->buckets;
	struct index_link **buckets = calloc(count * 2, sizeof(struct index_link *));

	if (!buckets)
		return;
	index->buckets = buckets;
	index->bucket_count = count * 2;
	for (size_t i = 0; i < count; i++) {
		struct index_link *link = old[i], *next;

		for (; link; link = next) {
			next = link->chained;
			put(index, link);
		}
	}
	free(old);
}

void index_add(struct index *index, struct index_link *link, uint32_t hash)
{
	if (index->count >= index->bucket_count)
		grow(index);
	link->hash = hash;
	put(index, link);
	index->count++;
}

void index_remove(struct index *index, struct index_link *link)
{
	struct index_link **at = bucket_of(index, link->hash);

	while (*at != link)
		at = &(*at)->chained;
	*at = link->chained;
	link->chained = NULL;
	index->count--;
}

static struct index_link *find(struct index_link *link, uint32_t hash)
{
	while (link && link->hash != hash)
		link = link->chained;
	return link;
}

struct index_link *index_first(const struct index *index, uint32_t hash)
{
	return find(*bucket_of(index, hash), hash);
}

struct index_link *index_next(const struct index_link *link)
{
	return find(link->chained, link->hash);
}
