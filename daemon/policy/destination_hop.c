/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/destination_record_private.h"

#include <string.h>

static bool promises_tls(const struct record_host *host)
{
	return host->promise.state == PROMISE_TLS || host->promise.state == PROMISE_KEY;
}

/* The index of the strongest promise among the hosts of the latest answer; host_count when there is none. */
static size_t strongest_host(const struct record *record)
{
	size_t best = record->host_count;
	size_t i;

	for (i = 0; i < record->host_count && !record->hosts[i].is_earlier; i++) {
		if (best == record->host_count ||
		    record->hosts[i].promise.state > record->hosts[best].promise.state)
			best = i;
	}
	return best;
}

/* What is outdated promises what is to be asked for again. */
static void promise_of(struct promise *promise, const struct record *record,
                       const struct record_promise *packed)
{
	if (!record->is_outdated)
		record_unpack_promise(promise, record, packed);
}

static void start_hop(struct hop *hop, const struct record *record)
{
	memset(hop, 0, sizeof(*hop));
	hop->mx_state = (enum mx_state)record->mx_state;
	hop->mx_security = (enum dns_security)record->mx_security;
	hop->is_established = record->is_established;
	if (record->mx_state != MX_HOST)
		strcpy(hop->domain, record_name(record));
}

/* Nothing is known of the destination, not even places: mail waits, unless its table says what holds everywhere. */
static void hop_unavailable(struct hop *hop, const struct record *record)
{
	start_hop(hop, record);
	hop->place = PLACE_UNKNOWN;
	if (record->promise.source == SOURCE_LOCAL) {
		record_unpack_promise(&hop->promise, record, &record->promise);
		return;
	}
	hop->promise.state = PROMISE_UNAVAILABLE;
	hop->promise.source = SOURCE_DANE;
	hop->promise.only_alerts = record->promise.only_alerts;
	strcpy(hop->promise.detail, record->texts + record->why);
}

/* Keys of a host to which a signed MX RRset leads take the place of any policy, and so they do where mail goes elsewhere. */
static bool has_signed_keys(const struct record *record, const struct record_host *host)
{
	return record->mx_security == DNS_SECURE && host->promise.state == PROMISE_KEY &&
	       host->promise.source == SOURCE_DANE;
}

/* What a domain only tries out, or a list that is over, does not stand before what its hosts promise and mean. */
static bool is_overruled(const struct record *record, const struct record_host *host)
{
	const struct record_promise *promise = &record->promise;

	return (promise->only_alerts && promises_tls(host) && !host->promise.only_alerts) ||
	       (promise_is_of_domain((enum promise_source)promise->source) &&
	        has_signed_keys(record, host));
}

static void hop_unrelated(struct hop *hop, const struct record *record)
{
	size_t host = strongest_host(record);

	start_hop(hop, record);
	hop->place = PLACE_UNRELATED;
	/* What the domain itself promised holds there too; what a host promised, only where it proves the place wrong. */
	if (record->promise.state != PROMISE_UNKNOWN &&
	    (host == record->host_count || !is_overruled(record, &record->hosts[host])))
		promise_of(&hop->promise, record, &record->promise);
	else if (host < record->host_count)
		promise_of(&hop->promise, record, &record->hosts[host].promise);
	else
		hop->promise.state = PROMISE_NONE;
}

static void hop_of_host(struct hop *hop, const struct record *record, size_t host)
{
	size_t i;

	start_hop(hop, record);
	hop->place = record->hosts[host].is_excluded ? PLACE_EXCLUDED : PLACE_MX;
	strcpy(hop->mx, record->texts + record->hosts[host].name);
	strcpy(hop->offered_before, record->texts + record->hosts[host].offered_before);
	promise_of(&hop->promise, record, &record->hosts[host].promise);
	for (i = 0; i < record->host_count && !record->is_outdated; i++) {
		if (hop->promise.state < PROMISE_TLS && promises_tls(&record->hosts[i]) &&
		    record->hosts[i].promise.state > hop->sibling_promise.state)
			record_unpack_promise(&hop->sibling_promise, record,
			                      &record->hosts[i].promise);
	}
}

void record_hop_at(struct hop *hop, const struct record *record, size_t place)
{
	hop_of_host(hop, record, record->places[place].host);
}

/* The stronger promise; of equals the host that the domain's policy names: it takes the mail at that address. */
static bool is_better(const struct record *record, size_t place, size_t other)
{
	enum promise_state state = record_state_at(record, place);
	enum promise_state others = record_state_at(record, other);

	return state > others ||
	       (state == others && record->hosts[record->places[other].host].is_excluded &&
	        !record->hosts[record->places[place].host].is_excluded);
}

void record_hop(struct hop *hop, const struct record *record, const struct address *address,
                uint64_t now_ms)
{
	size_t best = record->place_count;
	size_t i;

	if (record_is_unavailable(record)) {
		hop_unavailable(hop, record);
		return;
	}
	/* Two hosts of one destination may share an address. */
	for (i = 0; i < record->place_count; i++) {
		const struct record_place *place = &record->places[i];

		if ((place->is_earlier && place->expires_ms <= now_ms) ||
		    !address_equal(&place->address, address))
			continue;
		if (best == record->place_count || is_better(record, i, best))
			best = i;
	}
	if (best < record->place_count)
		record_hop_at(hop, record, best);
	else
		hop_unrelated(hop, record);
}

bool record_hop_of_host(struct hop *hop, const struct record *record, const char *host)
{
	size_t i;

	for (i = 0; i < record->host_count; i++) {
		if (!record->hosts[i].is_earlier &&
		    strcmp(record->texts + record->hosts[i].name, host) == 0) {
			hop_of_host(hop, record, i);
			return true;
		}
	}
	return false;
}

static bool is_host_at(const struct record *record, size_t host, const struct address *address,
                       uint64_t now_ms)
{
	for (size_t i = 0; i < record->place_count; i++) {
		const struct record_place *place = &record->places[i];

		if (place->host == host && (!place->is_earlier || place->expires_ms > now_ms) &&
		    address_equal(&place->address, address))
			return true;
	}
	return false;
}

/* Without mx, all of the latest answer. */
static bool add_keys(struct key_rules *rules, const struct record *record,
                     const struct address *address, const char *mx, uint64_t now_ms)
{
	bool is_complete = true;

	for (size_t i = 0; i < record->host_count; i++) {
		const struct record_host *host = &record->hosts[i];
		bool counts = mx ? is_host_at(record, i, address, now_ms) ||
		                              strcmp(record->texts + host->name, mx) == 0
		                 : !host->is_earlier;

		/* Of two hosts there the one that promised a key counts, as in record_hop. */
		if (counts && !host->is_excluded && host->keys.len > 0)
			is_complete &= key_rules_append(
				rules, record_keys_octets(record, host->keys), (uint8_t)i);
	}
	return is_complete;
}

bool record_keys(struct key_rules *rules, const struct record *record,
                 const struct address *address, const char *mx, uint64_t now_ms)
{
	bool is_complete;

	rules->count = rules->len = 0;
	is_complete = add_keys(rules, record, address, mx, now_ms);
	if (rules->count == 0)
		is_complete = add_keys(rules, record, address, NULL, now_ms);
	if (rules->count == 0)
		is_complete = key_rules_append(
			rules, record_keys_octets(record, record->keys_anywhere), 0);
	return is_complete && rules->count > 0;
}
