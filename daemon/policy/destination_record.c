/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/destination_record_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

/* A record while it grows: fixed arrays, texts still elsewhere. Large, and never zeroed: up to the counts all is filled. */
struct draft {
	size_t host_count;
	size_t place_count;
	struct record_host hosts[RECORD_HOSTS_MAX];
	const char *host_names[RECORD_HOSTS_MAX];
	const char *host_details[RECORD_HOSTS_MAX];
	const char *host_offers[RECORD_HOSTS_MAX];
	struct bytes host_keys[RECORD_HOSTS_MAX];
	struct record_place places[RECORD_PLACES_MAX];
};

static size_t find_host(const struct draft *draft, const char *name)
{
	size_t i;

	for (i = 0; i < draft->host_count; i++) {
		if (strcmp(draft->host_names[i], name) == 0)
			break;
	}
	return i;
}

static bool has_place(const struct draft *draft, const struct address *address)
{
	size_t i;

	for (i = 0; i < draft->place_count; i++) {
		if (address_equal(&draft->places[i].address, address))
			return true;
	}
	return false;
}

/* Without its text, which goes where the others do. */
static struct record_promise pack_promise(const struct promise *promise)
{
	return (struct record_promise){
		.state = (uint8_t)promise->state,
		.source = (uint8_t)promise->source,
		.only_alerts = promise->only_alerts,
	};
}

static struct bytes keys_of(const struct destination *destination, struct key_slice slice)
{
	return bytes_slice(bytes_of(destination->keys, destination->keys_len), slice.at, slice.len);
}

static void draft_latest(struct draft *draft, const struct destination *destination,
                         uint64_t expires_ms)
{
	size_t i;

	assert(destination->host_count <= MX_HOSTS_MAX);
	assert(destination->place_count <= MX_PLACES_MAX);
	for (i = 0; i < destination->host_count; i++) {
		const struct mx_host *host = &destination->hosts[i];

		draft->host_names[i] = host->name;
		draft->host_details[i] = host->promise.detail;
		draft->host_offers[i] = host->offered_before;
		draft->host_keys[i] = keys_of(destination, host->keys);
		draft->hosts[i] = (struct record_host){
			.preference = host->preference,
			.address_security = (uint8_t)host->address_security,
			.promise = pack_promise(&host->promise),
			.is_excluded = host->is_excluded,
		};
	}
	draft->host_count = destination->host_count;
	for (i = 0; i < destination->place_count; i++) {
		assert(destination->places[i].host < destination->host_count);
		draft->places[i] = (struct record_place){
			.expires_ms = expires_ms,
			.address = destination->places[i].address,
			.host = destination->places[i].host,
		};
	}
	draft->place_count = destination->place_count;
}

/* The draft's index of a host of `earlier`, added when it is missing; RECORD_HOSTS_MAX: no room. */
static size_t draft_earlier_host(struct draft *draft, const struct record *earlier, uint8_t index)
{
	const char *name = earlier->texts + earlier->hosts[index].name;
	size_t host = find_host(draft, name);

	if (host < draft->host_count || host == RECORD_HOSTS_MAX)
		return host;
	draft->host_names[host] = name;
	draft->host_details[host] = earlier->texts + earlier->hosts[index].promise.detail;
	draft->host_offers[host] = earlier->texts + earlier->hosts[index].offered_before;
	draft->host_keys[host] = record_keys_octets(earlier, earlier->hosts[index].keys);
	draft->hosts[host] = earlier->hosts[index];
	draft->hosts[host].is_earlier = true;
	draft->host_count++;
	return host;
}

/* The latest places come first in each record, so that the oldest fall off when there is no room. */
static void draft_earlier(struct draft *draft, const struct record *earlier, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < earlier->place_count && draft->place_count < RECORD_PLACES_MAX; i++) {
		const struct record_place *place = &earlier->places[i];
		size_t host;

		if (place->expires_ms <= now_ms || has_place(draft, &place->address))
			continue;
		host = draft_earlier_host(draft, earlier, place->host);
		if (host == RECORD_HOSTS_MAX)
			continue;
		draft->places[draft->place_count] = *place;
		draft->places[draft->place_count].host = (uint8_t)host;
		draft->places[draft->place_count].is_earlier = true;
		draft->place_count++;
	}
}

static size_t text_octets(const char *text)
{
	return *text ? strlen(text) + 1 : 0;
}

static uint32_t put_text(char *texts, size_t *at, const char *text)
{
	size_t offset = *at;

	if (!*text)
		return 0;
	*at += strlen(text) + 1;
	memcpy(texts + offset, text, *at - offset);
	return (uint32_t)offset;
}

static struct record_keys put_keys(char *texts, size_t *at, struct bytes keys)
{
	const struct record_keys kept = { (uint32_t)*at, (uint16_t)keys.len };

	if (keys.len > 0)
		memcpy(texts + *at, keys.data, keys.len);
	*at += keys.len;
	return kept;
}

static struct record *record_of(const struct draft *draft, const struct destination *destination)
{
	const char *name = destination->name, *why = destination->why;
	const char *detail = destination->promise.detail;
	size_t hosts_at = sizeof(struct record) + draft->place_count * sizeof(struct record_place);
	size_t texts_at = hosts_at + draft->host_count * sizeof(struct record_host);
	const struct bytes anywhere = keys_of(destination, destination->keys_anywhere);
	size_t octets = texts_at + 1 + text_octets(name) + text_octets(why) + text_octets(detail) +
	                anywhere.len;
	size_t used = 1;
	struct record *record;
	struct record_host *hosts;
	char *texts;
	size_t i;

	for (i = 0; i < draft->host_count; i++)
		octets += text_octets(draft->host_names[i]) + text_octets(draft->host_details[i]) +
		          text_octets(draft->host_offers[i]) + draft->host_keys[i].len;
	record = calloc(1, octets);
	if (!record)
		return NULL;
	hosts = (struct record_host *)((char *)record + hosts_at);
	texts = (char *)record + texts_at;
	record->octets = (uint32_t)allocated_octets(octets);
	record->hosts = hosts;
	record->texts = texts;
	record->name = put_text(texts, &used, name);
	record->why = put_text(texts, &used, why);
	record->promise = pack_promise(&destination->promise);
	record->promise.detail = put_text(texts, &used, detail);
	record->keys_anywhere = put_keys(texts, &used, anywhere);
	for (i = 0; i < draft->host_count; i++) {
		hosts[i] = draft->hosts[i];
		hosts[i].name = put_text(texts, &used, draft->host_names[i]);
		hosts[i].promise.detail = put_text(texts, &used, draft->host_details[i]);
		hosts[i].offered_before = put_text(texts, &used, draft->host_offers[i]);
		hosts[i].keys = put_keys(texts, &used, draft->host_keys[i]);
	}
	for (i = 0; i < draft->place_count; i++)
		record->places[i] = draft->places[i];
	record->host_count = (uint8_t)draft->host_count;
	record->place_count = (uint8_t)draft->place_count;
	return record;
}

struct record *record_new(const struct destination *destination, const struct record *earlier,
                          uint64_t now_ms)
{
	uint32_t ttl_s = destination->ttl_s;
	struct draft draft;
	struct record *record;
	uint64_t expires_ms;

	if (ttl_s > RECORD_TTL_MAX_S)
		ttl_s = RECORD_TTL_MAX_S;
	if (ttl_s == 0)
		ttl_s = 1;
	expires_ms = now_ms + (uint64_t)ttl_s * 1000;
	draft_latest(&draft, destination, expires_ms);
	if (earlier)
		draft_earlier(&draft, earlier, now_ms);
	record = record_of(&draft, destination);
	if (!record)
		return NULL;
	record->holders = 1;
	record->made_ms = now_ms;
	record->expires_ms = expires_ms;
	record->mx_state = (uint8_t)destination->mx_state;
	record->mx_security = (uint8_t)destination->mx_security;
	record->is_truncated = destination->is_truncated;
	record->is_next_hop = destination->is_next_hop;
	record->is_established = destination->is_established;
	return record;
}

struct record *record_hold(struct record *record)
{
	record->holders++;
	return record;
}

size_t record_release(struct record *record)
{
	size_t octets = record->octets;

	if (--record->holders > 0)
		return 0;
	free(record);
	return octets;
}

size_t record_octets(const struct record *record)
{
	return record->octets;
}

const char *record_name(const struct record *record)
{
	return record->texts + record->name;
}

bool record_is_host(const struct record *record)
{
	return record->mx_state == MX_HOST;
}

bool record_is_next_hop(const struct record *record)
{
	return record->is_next_hop;
}

bool record_is_established(const struct record *record)
{
	return record->is_established;
}

bool record_is_unavailable(const struct record *record)
{
	return record->mx_state == MX_UNAVAILABLE;
}

bool record_is_fresh(const struct record *record, uint64_t now_ms)
{
	return record->expires_ms > now_ms && !record->is_outdated;
}

void record_outdate(struct record *record)
{
	record->is_outdated = true;
}

static bool is_looked_up(enum promise_state state)
{
	return state != PROMISE_UNKNOWN && state != PROMISE_UNAVAILABLE;
}

static bool is_of_dns(enum promise_source source)
{
	return source == SOURCE_NONE || source == SOURCE_DANE;
}

static bool knows_the_same(const struct record *record, const struct record_host *host,
                           const struct destination *destination, const struct mx_host *other)
{
	enum promise_state state = (enum promise_state)host->promise.state;

	if (!is_looked_up(state) || !is_looked_up(other->promise.state))
		return true;
	if (is_of_dns((enum promise_source)host->promise.source) &&
	    is_of_dns(other->promise.source) && state != other->promise.state)
		return false;
	return key_rules_share_records(record_keys_octets(record, host->keys),
	                               keys_of(destination, other->keys));
}

size_t record_host_count(const struct record *record)
{
	return record->host_count;
}

const char *record_host(const struct record *record, size_t host)
{
	return record->texts + record->hosts[host].name;
}

/* record->host_count: none. */
static size_t find_host_named(const struct record *record, const char *name)
{
	size_t i;

	for (i = 0; i < record->host_count; i++) {
		if (strcmp(record->texts + record->hosts[i].name, name) == 0)
			break;
	}
	return i;
}

enum record_accord record_compare(const struct record *record,
                                  const struct destination *destination, size_t host)
{
	const struct mx_host *other = &destination->hosts[host];
	size_t own = find_host_named(record, other->name);

	if (own == record->host_count)
		return RECORD_LACKS;
	return knows_the_same(record, &record->hosts[own], destination, other) ? RECORD_SAME
	                                                                       : RECORD_DIFFERENT;
}

uint32_t record_age_s(const struct record *record, uint64_t now_ms)
{
	return now_ms > record->made_ms ? (uint32_t)((now_ms - record->made_ms) / 1000) : 0;
}

void record_unpack_promise(struct promise *promise, const struct record *record,
                           const struct record_promise *packed)
{
	promise->state = (enum promise_state)packed->state;
	promise->source = (enum promise_source)packed->source;
	promise->only_alerts = packed->only_alerts;
	strcpy(promise->detail, record->texts + packed->detail);
}

struct bytes record_keys_octets(const struct record *record, struct record_keys keys)
{
	return bytes_of(record->texts + keys.at, keys.len);
}

static struct key_slice unpack_keys(struct destination *destination, const struct record *record,
                                    struct record_keys packed)
{
	const struct bytes octets = record_keys_octets(record, packed);
	const struct key_slice slice = { destination->keys_len, packed.len };

	if (octets.len > 0)
		memcpy(destination->keys + destination->keys_len, octets.data, octets.len);
	destination->keys_len = (uint16_t)(destination->keys_len + packed.len);
	return slice;
}

void record_unpack(struct destination *destination, const struct record *record, uint64_t now_ms)
{
	uint64_t left_ms = record->expires_ms > now_ms ? record->expires_ms - now_ms : 0;
	size_t i;

	memset(destination, 0, sizeof(*destination));
	strcpy(destination->name, record_name(record));
	strcpy(destination->why, record->texts + record->why);
	destination->mx_state = (enum mx_state)record->mx_state;
	destination->mx_security = (enum dns_security)record->mx_security;
	destination->ttl_s = (uint32_t)((left_ms + 999) / 1000);
	destination->is_truncated = record->is_truncated;
	destination->is_next_hop = record->is_next_hop;
	destination->is_established = record->is_established;
	record_unpack_promise(&destination->promise, record, &record->promise);
	destination->keys_anywhere = unpack_keys(destination, record, record->keys_anywhere);
	for (i = 0; i < record->host_count && !record->hosts[i].is_earlier; i++) {
		struct mx_host *host = &destination->hosts[i];

		strcpy(host->name, record->texts + record->hosts[i].name);
		host->preference = record->hosts[i].preference;
		host->address_security = (enum dns_security)record->hosts[i].address_security;
		host->is_excluded = record->hosts[i].is_excluded;
		strcpy(host->offered_before, record->texts + record->hosts[i].offered_before);
		record_unpack_promise(&host->promise, record, &record->hosts[i].promise);
		host->keys = unpack_keys(destination, record, record->hosts[i].keys);
		destination->host_count++;
	}
	for (i = 0; i < record->place_count && !record->places[i].is_earlier; i++) {
		destination->places[i].address = record->places[i].address;
		destination->places[i].host = record->places[i].host;
		destination->place_count++;
	}
}

size_t record_place_count(const struct record *record)
{
	return record->place_count;
}

const struct address *record_address(const struct record *record, size_t place)
{
	return &record->places[place].address;
}

const char *record_host_at(const struct record *record, size_t place)
{
	return record->texts + record->hosts[record->places[place].host].name;
}

enum promise_source record_source_at(const struct record *record, size_t place)
{
	return (enum promise_source)record->hosts[record->places[place].host].promise.source;
}

enum promise_state record_state_at(const struct record *record, size_t place)
{
	return (enum promise_state)record->hosts[record->places[place].host].promise.state;
}

bool record_place_is_fresh(const struct record *record, size_t place, uint64_t now_ms)
{
	return record->places[place].expires_ms > now_ms;
}

bool record_place_outlives(const struct record *record, size_t place, const struct record *other,
                           size_t other_place)
{
	return record->places[place].expires_ms > other->places[other_place].expires_ms;
}

bool record_includes(const struct record *record, const struct address *address, uint64_t now_ms)
{
	size_t i;

	for (i = 0; i < record->place_count; i++) {
		if (record_place_is_fresh(record, i, now_ms) &&
		    address_equal(&record->places[i].address, address))
			return true;
	}
	return false;
}
