/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/mtasts_gaps.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct mtasts_gaps {
	struct table
		*domains; /* char[DOMAIN_NAME_MAX], zeros behind the name → struct mtasts_gap */
};

struct mtasts_gaps *mtasts_gaps_new(const uint8_t secret[TABLE_SECRET_LEN])
{
	struct mtasts_gaps *gaps = calloc(1, sizeof(*gaps));

	if (!gaps)
		return NULL;
	gaps->domains =
		table_new(GAPS_MAX, DOMAIN_NAME_MAX, sizeof(struct mtasts_gap), secret, NULL, NULL);
	if (gaps->domains)
		return gaps;
	free(gaps);
	return NULL;
}

void mtasts_gaps_free(struct mtasts_gaps *gaps)
{
	if (!gaps)
		return;
	table_free(gaps->domains);
	free(gaps);
}

struct mtasts_gap *mtasts_gaps_find(struct mtasts_gaps *gaps, const char *domain)
{
	char key[DOMAIN_NAME_MAX];

	text_copy(key, sizeof(key), domain);
	return table_find(gaps->domains, key);
}

struct mtasts_gap *mtasts_gaps_add(struct mtasts_gaps *gaps, const char *domain)
{
	char key[DOMAIN_NAME_MAX];
	struct mtasts_gap *gap;

	text_copy(key, sizeof(key), domain);
	gap = table_insert(gaps->domains, key);
	if (gap)
		memcpy(gap->domain, key, sizeof(gap->domain));
	return gap;
}

void mtasts_gaps_remove(struct mtasts_gaps *gaps, const char *domain)
{
	char key[DOMAIN_NAME_MAX];

	text_copy(key, sizeof(key), domain);
	table_remove(gaps->domains, key);
}

struct mtasts_gap *mtasts_gaps_due(struct mtasts_gaps *gaps, uint64_t now_ms,
                                   uint64_t asked_since_ms)
{
	struct mtasts_gap *gap;

	for (gap = table_oldest(gaps->domains, NULL); gap;
	     gap = table_younger(gaps->domains, gap, NULL)) {
		if (gap->retry_ms <= now_ms && gap->asked_ms >= asked_since_ms)
			return gap;
	}
	return NULL;
}

size_t mtasts_gaps_count(const struct mtasts_gaps *gaps)
{
	return table_count(gaps->domains);
}
