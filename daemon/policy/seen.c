/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/tenure.h"

enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * SECOND_MS, DATE_LEN = 16 };

struct sight {
	struct address address;
	bool has_key;
	uint8_t key[ROW_KEY_LEN];
	uint16_t tls_version;
	uint64_t first_ms;
	uint64_t last_ms;
};

struct host {
	struct sight *places;
	size_t count;
};

struct met {
	uint64_t first_ms;
	uint64_t last_ms;
	uint32_t days;
};

/* Hosts at an address, by their handles; the first free one is 0. */
struct names {
	uint64_t handles[SEEN_NAMES_MAX];
};

struct seen {
	struct tenure *hosts;
	struct tenure *domains;
	struct table *addresses; /* struct address → struct names */
	size_t places;
	size_t places_max;
	void (*on_row)(void *owner, const struct row *row);
	void *owner;
	struct row row; /* room, as it is large */
};

static void on_host_leave(void *owner, void *value)
{
	struct seen *seen = owner;
	struct host *host = value;

	seen->places -= host->count;
	free(host->places);
}

static void on_domain_leave(void *owner, void *value)
{
	(void)owner;
	(void)value;
}

struct seen *seen_new(size_t capacity, const uint8_t secret[TABLE_SECRET_LEN],
                      void (*on_row)(void *owner, const struct row *row), void *owner)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return NULL;
	seen->on_row = on_row;
	seen->owner = owner;
	seen->places_max = capacity * (SEEN_PLACES_MAX / SEEN_HOSTS_MAX);
	seen->hosts = tenure_new(capacity, sizeof(struct host), secret, on_host_leave, seen);
	seen->domains = tenure_new(capacity, sizeof(struct met), secret, on_domain_leave, seen);
	seen->addresses = table_new(seen->places_max, sizeof(struct address), sizeof(struct names),
	                            secret, NULL, NULL);
	if (!seen->hosts || !seen->domains || !seen->addresses) {
		seen_free(seen);
		return NULL;
	}
	return seen;
}

void seen_free(struct seen *seen)
{
	if (!seen)
		return;
	tenure_free(seen->hosts);
	tenure_free(seen->domains);
	table_free(seen->addresses);
	free(seen);
}

static uint64_t day_of(uint64_t time_ms)
{
	return time_ms / DAY_MS;
}

/* A clock that was set back makes nothing old. */
static bool is_within(uint64_t last_ms, uint64_t now_ms, uint64_t days)
{
	return last_ms >= now_ms || now_ms - last_ms <= days * DAY_MS;
}

static struct sight *place_at(const struct host *host, const struct address *address)
{
	for (size_t i = 0; i < host->count; i++) {
		if (address_equal(&host->places[i].address, address))
			return &host->places[i];
	}
	return NULL;
}

static void send_place(struct seen *seen, const char *name, const struct sight *place,
                       bool is_removed)
{
	struct row_place *row = &seen->row.place;

	memset(row, 0, sizeof(*row));
	seen->row.kind = ROW_PLACE;
	seen->row.is_removed = is_removed;
	snprintf(row->host, sizeof(row->host), "%s", name);
	row->address = place->address;
	row->first_ms = place->first_ms;
	row->last_ms = place->last_ms;
	row->tls_version = place->tls_version;
	row->has_key = place->has_key;
	memcpy(row->key, place->key, sizeof(row->key));
	seen->on_row(seen->owner, &seen->row);
}

static void send_met(struct seen *seen, const char *name, const struct met *met, bool is_removed)
{
	struct row_met *row = &seen->row.met;

	memset(row, 0, sizeof(*row));
	seen->row.kind = ROW_MET;
	seen->row.is_removed = is_removed;
	snprintf(row->domain, sizeof(row->domain), "%s", name);
	row->first_ms = met->first_ms;
	row->last_ms = met->last_ms;
	row->days = met->days;
	seen->on_row(seen->owner, &seen->row);
}

/* Whether the host of that handle is still there, and was seen at that address. */
static const struct host *host_at(const struct seen *seen, uint64_t handle,
                                  const struct address *address)
{
	const struct host *host = handle ? tenure_by_handle(seen->hosts, handle) : NULL;

	return host && place_at(host, address) ? host : NULL;
}

/* Whoever is there stays, so that a stranger's names at an address hide nobody's; a settled host takes a newcomer's place. */
static void index_place(struct seen *seen, const struct host *host, const struct address *address)
{
	uint64_t handle = tenure_handle(seen->hosts, tenure_name(host));
	struct names *names = table_find(seen->addresses, address);
	uint64_t *chosen = NULL;

	if (!names)
		names = table_insert(seen->addresses, address);
	if (!names)
		return;
	for (size_t i = 0; i < SEEN_NAMES_MAX; i++) {
		const struct host *other = host_at(seen, names->handles[i], address);

		if (names->handles[i] == handle)
			return;
		if (!other || (!chosen && tenure_is_settled(host) && !tenure_is_settled(other)))
			chosen = &names->handles[i];
	}
	if (chosen)
		*chosen = handle;
}

/* The one not seen for longest gives its room away, here and in what is kept. */
static struct sight *replace_oldest(struct seen *seen, struct host *host)
{
	struct sight *oldest = &host->places[0];

	for (size_t i = 1; i < host->count; i++) {
		if (host->places[i].last_ms < oldest->last_ms)
			oldest = &host->places[i];
	}
	send_place(seen, tenure_name(host), oldest, true);
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

static struct sight *add_place(struct seen *seen, struct host *host, const struct address *address)
{
	struct sight *place;

	if (host->count == SEEN_ADDRESSES_MAX) {
		place = replace_oldest(seen, host);
	} else {
		struct sight *places =
			realloc(host->places, (host->count + 1) * sizeof(struct sight));

		if (!places)
			return NULL;
		host->places = places;
		place = &places[host->count++];
		memset(place, 0, sizeof(*place));
		seen->places++;
	}
	place->address = *address;
	return place;
}

/* Found or added; *found becomes its host. NULL: out of memory. */
static struct sight *place_for(struct host **found, struct seen *seen, const char *name,
                               const struct address *address)
{
	struct host *host = tenure_find(seen->hosts, name);
	struct sight *place = host ? place_at(host, address) : NULL;

	if (!place) {
		while (seen->places >= seen->places_max && tenure_evict(seen->hosts))
			;
		/* It may have been this one that left. */
		host = tenure_find(seen->hosts, name);
		if (!host)
			host = tenure_add(seen->hosts, name);
		place = host ? add_place(seen, host, address) : NULL;
	}
	*found = host;
	return place;
}

static void settle_place(struct seen *seen, const struct host *host, const struct sight *place)
{
	bool is_settled = false;

	for (size_t i = 0; i < host->count; i++)
		is_settled |= day_of(place->last_ms) > day_of(host->places[i].first_ms);
	/* The value does not move. */
	if (is_settled)
		(void)tenure_settle(seen->hosts, tenure_name(host));
	index_place(seen, host, &place->address);
}

static void load_place(struct seen *seen, const struct row_place *row, bool is_removed)
{
	struct host *host;
	struct sight *place;

	if (is_removed) {
		host = tenure_find(seen->hosts, row->host);
		place = host ? place_at(host, &row->address) : NULL;
		if (place && host->count == 1)
			tenure_remove(seen->hosts, row->host);
		else if (place) {
			*place = host->places[--host->count];
			seen->places--;
		}
		return;
	}
	place = place_for(&host, seen, row->host, &row->address);
	if (!place)
		return;
	if (row->last_ms > place->last_ms) {
		place->last_ms = row->last_ms;
		place->has_key |= row->has_key != 0;
		if (row->has_key)
			memcpy(place->key, row->key, sizeof(place->key));
	}
	if (place->first_ms == 0 || row->first_ms < place->first_ms)
		place->first_ms = row->first_ms;
	if (row->tls_version > place->tls_version)
		place->tls_version = row->tls_version;
	settle_place(seen, host, place);
}

static void load_met(struct seen *seen, const struct row_met *row, bool is_removed)
{
	struct met *met = tenure_find(seen->domains, row->domain);

	if (is_removed) {
		tenure_remove(seen->domains, row->domain);
		return;
	}
	if (!met)
		met = tenure_add(seen->domains, row->domain);
	if (!met)
		return;
	if (met->first_ms == 0 || row->first_ms < met->first_ms)
		met->first_ms = row->first_ms;
	if (row->last_ms > met->last_ms)
		met->last_ms = row->last_ms;
	if (row->days > met->days)
		met->days = row->days;
	if (met->days > 1)
		(void)tenure_settle(seen->domains, row->domain);
}

void seen_load(struct seen *seen, const struct row *row)
{
	if (row->kind == ROW_PLACE)
		load_place(seen, &row->place, row->is_removed != 0);
	else if (row->kind == ROW_MET)
		load_met(seen, &row->met, row->is_removed != 0);
}

static void see_place(struct seen *seen, const struct seen_sighting *sighting, uint64_t now_ms)
{
	struct host *host;
	struct sight *place = place_for(&host, seen, sighting->host, &sighting->address);
	bool is_news;

	if (!place)
		return;
	is_news = day_of(place->last_ms) != day_of(now_ms);
	if (place->first_ms == 0 || place->first_ms > now_ms)
		place->first_ms = now_ms;
	place->last_ms = now_ms;
	if (sighting->tls_version > place->tls_version) {
		place->tls_version = sighting->tls_version;
		is_news = true;
	}
	if (sighting->key &&
	    (!place->has_key || memcmp(place->key, sighting->key, sizeof(place->key)) != 0)) {
		memcpy(place->key, sighting->key, sizeof(place->key));
		place->has_key = is_news = true;
	}
	settle_place(seen, host, place);
	if (is_news)
		send_place(seen, sighting->host, place, false);
}

static void see_met(struct seen *seen, const char *domain, uint64_t now_ms)
{
	struct met *met = tenure_find(seen->domains, domain);

	if (!met)
		met = tenure_add(seen->domains, domain);
	if (!met || (met->days > 0 && day_of(met->last_ms) == day_of(now_ms)))
		return;
	if (met->first_ms == 0 || met->first_ms > now_ms)
		met->first_ms = now_ms;
	met->last_ms = now_ms;
	if (met->days < UINT32_MAX)
		met->days++;
	if (met->days > 1)
		(void)tenure_settle(seen->domains, domain);
	send_met(seen, domain, met, false);
}

void seen_sighting(struct seen *seen, const struct seen_sighting *sighting, uint64_t now_ms)
{
	if (sighting->offers_starttls)
		see_place(seen, sighting, now_ms);
	if (sighting->met && sighting->domain)
		see_met(seen, sighting->domain, now_ms);
}

static const char *date_of(char text[DATE_LEN], uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / SECOND_MS);
	struct tm parts;

	if (!gmtime_r(&seconds, &parts) || strftime(text, DATE_LEN, "%Y-%m-%d", &parts) == 0)
		snprintf(text, DATE_LEN, "?");
	return text;
}

/* Over all addresses where it was seen lately. False: none. */
static bool span_of(uint64_t *first_ms, uint64_t *last_ms, const struct host *host, uint64_t now_ms)
{
	bool is_found = false;

	*first_ms = UINT64_MAX;
	*last_ms = 0;
	for (size_t i = 0; i < host->count; i++) {
		const struct sight *place = &host->places[i];

		if (!is_within(place->last_ms, now_ms, SEEN_PLACE_DAYS))
			continue;
		is_found = true;
		if (place->first_ms < *first_ms)
			*first_ms = place->first_ms;
		if (place->last_ms > *last_ms)
			*last_ms = place->last_ms;
	}
	return is_found;
}

bool seen_offered_before(char text[OFFERED_BEFORE_MAX], const struct seen *seen, const char *host,
                         uint64_t now_ms)
{
	const struct host *known = tenure_peek(seen->hosts, host);
	char first[DATE_LEN], last[DATE_LEN];
	uint64_t first_ms, last_ms;

	text[0] = '\0';
	if (!known || !span_of(&first_ms, &last_ms, known, now_ms))
		return false;
	snprintf(text, OFFERED_BEFORE_MAX, "%s to %s", date_of(first, first_ms),
	         date_of(last, last_ms));
	return true;
}

uint32_t seen_days_met(const struct seen *seen, const char *domain, uint64_t now_ms)
{
	const struct met *met = tenure_peek(seen->domains, domain);

	return met && is_within(met->last_ms, now_ms, SEEN_MET_DAYS) ? met->days : 0;
}

size_t seen_names_at(char names[][DOMAIN_NAME_MAX], size_t max, const struct seen *seen,
                     const struct address *address, uint64_t now_ms)
{
	const struct names *known = table_peek(seen->addresses, address);
	size_t count = 0;

	for (size_t i = 0; known && i < SEEN_NAMES_MAX && count < max; i++) {
		const struct host *host = host_at(seen, known->handles[i], address);

		if (!host || !is_within(place_at(host, address)->last_ms, now_ms, SEEN_PLACE_DAYS))
			continue;
		snprintf(names[count++], DOMAIN_NAME_MAX, "%s", tenure_name(host));
	}
	return count;
}

/* As people write it; the wire's 0x0301 is TLS 1.0 (RFC 8446 section 4.2.1). */
static void describe(char detail[EVIDENCE_DETAIL_MAX], const struct host *host, const char *span)
{
	uint16_t version = 0;
	size_t keys = 0;

	for (size_t i = 0; i < host->count; i++) {
		if (host->places[i].tls_version > version)
			version = host->places[i].tls_version;
		keys += host->places[i].has_key;
	}
	snprintf(detail, EVIDENCE_DETAIL_MAX, "offered STARTTLS %s at %zu address%s", span,
	         host->count, host->count == 1 ? "" : "es");
	if (version > 0x0300 && version <= 0x0304) {
		size_t len = strlen(detail);

		snprintf(detail + len, EVIDENCE_DETAIL_MAX - len, ", up to TLS 1.%u%s",
		         version - 0x0301U, keys ? ", its key is known" : "");
	}
}

bool seen_evidence(struct evidence *evidence, const struct seen *seen, const char *host,
                   uint64_t now_ms)
{
	const struct host *known = tenure_peek(seen->hosts, host);
	char span[OFFERED_BEFORE_MAX];
	uint64_t first_ms, last_ms, age_ms;

	if (!seen_offered_before(span, seen, host, now_ms) ||
	    !span_of(&first_ms, &last_ms, known, now_ms))
		return false;
	age_ms = last_ms < now_ms ? now_ms - last_ms : 0;
	memset(evidence, 0, sizeof(*evidence));
	evidence->source = SOURCE_SEEN;
	evidence->state = EVIDENCE_ALERTS;
	evidence->age_s = (uint32_t)(age_ms / SECOND_MS);
	evidence->left_s = (uint32_t)(((uint64_t)SEEN_PLACE_DAYS * DAY_MS - age_ms) / SECOND_MS);
	describe(evidence->detail, known, span);
	return true;
}

size_t seen_forget(struct seen *seen, const char *name)
{
	const struct host *host = tenure_peek(seen->hosts, name);
	const struct met *met = tenure_peek(seen->domains, name);
	size_t count = 0;

	for (size_t i = 0; host && i < host->count; i++) {
		send_place(seen, name, &host->places[i], true);
		count++;
	}
	tenure_remove(seen->hosts, name);
	if (met) {
		send_met(seen, name, met, true);
		count++;
	}
	tenure_remove(seen->domains, name);
	return count;
}

void seen_figures(struct seen_figures *figures, const struct seen *seen)
{
	enum { INDEX_ENTRY_LEN = 128 };

	figures->hosts = tenure_count(seen->hosts);
	figures->places = seen->places;
	figures->domains = tenure_count(seen->domains);
	figures->octets = tenure_octets(seen->hosts) + tenure_octets(seen->domains) +
	                  seen->places * sizeof(struct sight) +
	                  table_count(seen->addresses) * INDEX_ENTRY_LEN;
}
