/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/sights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * SECOND_MS, DATE_LEN = 16 };

bool sight_is_within(uint64_t last_ms, uint64_t now_ms, uint64_t days)
{
	return last_ms >= now_ms || now_ms - last_ms <= days * DAY_MS;
}

struct sight *sights_at(const struct sights *sights, const struct address *address)
{
	for (size_t i = 0; i < sights->count; i++) {
		if (address_equal(&sights->places[i].address, address))
			return &sights->places[i];
	}
	return NULL;
}

struct sight *sights_grow(struct sights *sights)
{
	struct sight *places, *place;

	if (sights->count == SIGHTS_MAX)
		return NULL;
	places = realloc(sights->places, (sights->count + 1) * sizeof(*places));
	if (!places)
		return NULL;
	sights->places = places;
	place = &places[sights->count++];
	memset(place, 0, sizeof(*place));
	return place;
}

struct sight *sights_oldest(const struct sights *sights)
{
	struct sight *oldest = &sights->places[0];

	for (size_t i = 1; i < sights->count; i++) {
		if (sights->places[i].last_ms < oldest->last_ms)
			oldest = &sights->places[i];
	}
	return oldest;
}

void sights_remove(struct sights *sights, struct sight *place)
{
	*place = sights->places[--sights->count];
}

static const char *date_of(char text[DATE_LEN], uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / SECOND_MS);
	struct tm parts;

	if (!gmtime_r(&seconds, &parts) || strftime(text, DATE_LEN, "%Y-%m-%d", &parts) == 0)
		snprintf(text, DATE_LEN, "?");
	return text;
}

static bool span_of(uint64_t *first_ms, uint64_t *last_ms, const struct sights *sights,
                    uint64_t now_ms)
{
	bool is_found = false;

	*first_ms = UINT64_MAX;
	*last_ms = 0;
	for (size_t i = 0; i < sights->count; i++) {
		const struct sight *place = &sights->places[i];

		if (!sight_is_within(place->last_ms, now_ms, SIGHTS_DAYS))
			continue;
		is_found = true;
		if (place->first_ms < *first_ms)
			*first_ms = place->first_ms;
		if (place->last_ms > *last_ms)
			*last_ms = place->last_ms;
	}
	return is_found;
}

bool sights_span(char text[OFFERED_BEFORE_MAX], const struct sights *sights, uint64_t now_ms)
{
	char first[DATE_LEN], last[DATE_LEN];
	uint64_t first_ms, last_ms;

	text[0] = '\0';
	if (!span_of(&first_ms, &last_ms, sights, now_ms))
		return false;
	snprintf(text, OFFERED_BEFORE_MAX, "%s to %s", date_of(first, first_ms),
	         date_of(last, last_ms));
	return true;
}

/* As people write it; the wire's 0x0301 is TLS 1.0 (RFC 8446 section 4.2.1). */
static void describe(char detail[EVIDENCE_DETAIL_MAX], const struct sights *sights,
                     const char *span)
{
	uint16_t version = 0;
	size_t keys = 0;

	for (size_t i = 0; i < sights->count; i++) {
		if (sights->places[i].tls_version > version)
			version = sights->places[i].tls_version;
		keys += sights->places[i].has_key;
	}
	snprintf(detail, EVIDENCE_DETAIL_MAX, "offered STARTTLS %s at %zu address%s", span,
	         sights->count, sights->count == 1 ? "" : "es");
	if (version > 0x0300 && version <= 0x0304) {
		size_t len = strlen(detail);

		snprintf(detail + len, EVIDENCE_DETAIL_MAX - len, ", up to TLS 1.%u%s",
		         version - 0x0301U, keys ? ", its key is known" : "");
	}
}

bool sights_evidence(struct evidence *evidence, const struct sights *sights, uint64_t now_ms)
{
	char span[OFFERED_BEFORE_MAX];
	uint64_t first_ms, last_ms, age_ms;

	if (!sights_span(span, sights, now_ms) || !span_of(&first_ms, &last_ms, sights, now_ms))
		return false;
	age_ms = last_ms < now_ms ? now_ms - last_ms : 0;
	memset(evidence, 0, sizeof(*evidence));
	evidence->source = SOURCE_SEEN;
	evidence->state = EVIDENCE_ALERTS;
	evidence->age_s = (uint32_t)(age_ms / SECOND_MS);
	evidence->left_s = (uint32_t)(((uint64_t)SIGHTS_DAYS * DAY_MS - age_ms) / SECOND_MS);
	describe(evidence->detail, sights, span);
	return true;
}
