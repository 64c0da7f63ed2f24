/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sights.h"
#include "policy/tenure.h"

enum { DAY_MS = 24 * 3600 * 1000 };

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
	struct sights *host = value;

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
	seen->hosts = tenure_new(capacity, sizeof(struct sights), secret, on_host_leave, seen);
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
static const struct sights *host_at(const struct seen *seen, uint64_t handle,
                                    const struct address *address)
{
	const struct sights *host = handle ? tenure_by_handle(seen->hosts, handle) : NULL;

	return host && sights_at(host, address) ? host : NULL;
}

/* Whoever is there stays, so that a stranger's names at an address hide nobody's; a settled host takes a newcomer's place. */
static void index_place(struct seen *seen, const struct sights *host, const struct address *address)
{
	uint64_t handle = tenure_handle(seen->hosts, tenure_name(host));
	struct names *names = table_find(seen->addresses, address);
	uint64_t *chosen = NULL;

	if (!names)
		names = table_insert(seen->addresses, address);
	if (!names)
		return;
	for (size_t i = 0; i < SEEN_NAMES_MAX; i++) {
		const struct sights *other = host_at(seen, names->handles[i], address);

		if (names->handles[i] == handle)
			return;
		if (!other || (!chosen && tenure_is_settled(host) && !tenure_is_settled(other)))
			chosen = &names->handles[i];
	}
	if (chosen)
		*chosen = handle;
}

/* A full host's oldest place leaves what is kept, too. */
static struct sight *add_place(struct seen *seen, struct sights *host,
                               const struct address *address)
{
	bool is_new = host->count < SIGHTS_MAX;
	struct sight *place = is_new ? sights_grow(host) : sights_oldest(host);

	if (!place)
		return NULL;
	if (is_new)
		seen->places++;
	else
		send_place(seen, tenure_name(host), place, true);
	memset(place, 0, sizeof(*place));
	place->address = *address;
	return place;
}

/* Found or added; *found becomes its host. NULL: out of memory. */
static struct sight *place_for(struct sights **found, struct seen *seen, const char *name,
                               const struct address *address)
{
	struct sights *host = tenure_find(seen->hosts, name);
	struct sight *place = host ? sights_at(host, address) : NULL;

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

static void settle_place(struct seen *seen, const struct sights *host, const struct sight *place)
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
	struct sights *host;
	struct sight *place;

	if (is_removed) {
		host = tenure_find(seen->hosts, row->host);
		place = host ? sights_at(host, &row->address) : NULL;
		if (place && host->count == 1)
			tenure_remove(seen->hosts, row->host);
		else if (place) {
			sights_remove(host, place);
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
	struct sights *host;
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

bool seen_offered_before(char text[OFFERED_BEFORE_MAX], const struct seen *seen, const char *host,
                         uint64_t now_ms)
{
	const struct sights *known = tenure_peek(seen->hosts, host);

	text[0] = '\0';
	return known && sights_span(text, known, now_ms);
}

uint32_t seen_days_met(const struct seen *seen, const char *domain, uint64_t now_ms)
{
	const struct met *met = tenure_peek(seen->domains, domain);

	return met && sight_is_within(met->last_ms, now_ms, SEEN_MET_DAYS) ? met->days : 0;
}

size_t seen_names_at(char names[][DOMAIN_NAME_MAX], size_t max, const struct seen *seen,
                     const struct address *address, uint64_t now_ms)
{
	const struct names *known = table_peek(seen->addresses, address);
	size_t count = 0;

	for (size_t i = 0; known && i < SEEN_NAMES_MAX && count < max; i++) {
		const struct sights *host = host_at(seen, known->handles[i], address);

		if (!host ||
		    !sight_is_within(sights_at(host, address)->last_ms, now_ms, SIGHTS_DAYS))
			continue;
		snprintf(names[count++], DOMAIN_NAME_MAX, "%s", tenure_name(host));
	}
	return count;
}

bool seen_evidence(struct evidence *evidence, const struct seen *seen, const char *host,
                   uint64_t now_ms)
{
	const struct sights *known = tenure_peek(seen->hosts, host);

	return known && sights_evidence(evidence, known, now_ms);
}

size_t seen_forget(struct seen *seen, const char *name)
{
	const struct sights *host = tenure_peek(seen->hosts, name);
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
