/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/index.h"

#include <stdlib.h>

struct index {
	size_t mask; /* of a power of two */
	struct index_link *buckets[];
};

struct index *index_new(size_t count)
{
	size_t buckets = 1;
	struct index *index;

	while (buckets < count)
		buckets *= 2;
	/* Zero pages, until they are used. */
	index = calloc(1, sizeof(*index) + buckets * sizeof(index->buckets[0]));
	if (index)
		index->mask = buckets - 1;
	return index;
}

void index_free(struct index *index)
{
	free(index);
}

void index_add(struct index *index, struct index_link *link, uint32_t hash)
{
	struct index_link **bucket = &index->buckets[hash & index->mask];

	link->hash = hash;
	link->chained = *bucket;
	*bucket = link;
}

void index_remove(struct index *index, struct index_link *link)
{
	struct index_link **at = &index->buckets[link->hash & index->mask];

	while (*at != link)
		at = &(*at)->chained;
	*at = link->chained;
	link->chained = NULL;
}

static struct index_link *find(struct index_link *link, uint32_t hash)
{
	while (link && link->hash != hash)
		link = link->chained;
	return link;
}

struct index_link *index_first(const struct index *index, uint32_t hash)
{
	return find(index->buckets[hash & index->mask], hash);
}

struct index_link *index_next(const struct index_link *link)
{
	return find(link->chained, link->hash);
}
