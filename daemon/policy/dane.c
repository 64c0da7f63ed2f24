/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/dane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Addresses wait here until all hosts are there: the best preference has its places first. */
struct host_places {
	uint8_t count;
	struct address addresses[DANE_ADDRESSES_MAX];
};

struct host {
	struct dane *dane;
	struct dane_host *ask; /* NULL: answered */
	struct host_places places;
};

struct dane {
	struct resolver *resolver;
	dane_fn fn;
	void *owner;
	struct query *mx;
	size_t pending; /* hosts */
	struct host hosts[MX_HOSTS_MAX];
	struct dane_result result;
};

static void free_dane(struct dane *dane)
{
	size_t i;

	for (i = 0; i < MX_HOSTS_MAX; i++)
		free(dane->result.keys[i]);
	free(dane);
}

static void put_places(struct destination *destination, const struct host *hosts)
{
	size_t i, j;

	for (i = 0; i < destination->host_count; i++) {
		for (j = 0; j < hosts[i].places.count; j++) {
			struct mx_place *place;

			if (destination->place_count == MX_PLACES_MAX) {
				destination->is_truncated = true;
				return;
			}
			place = &destination->places[destination->place_count++];
			place->address = hosts[i].places.addresses[j];
			place->host = (uint8_t)i;
		}
	}
}

static void finish(struct dane *dane)
{
	struct destination *destination = &dane->result.destination;

	put_places(destination, dane->hosts);
	if (destination->ttl_s < DANE_RETRY_S)
		destination->ttl_s = DANE_RETRY_S;
	dane->fn(dane->owner, &dane->result);
	free_dane(dane);
}

static void note_ttl(struct destination *destination, uint32_t ttl_s)
{
	if (ttl_s < destination->ttl_s)
		destination->ttl_s = ttl_s;
}

static void on_host(void *owner, struct dane_host_result *result)
{
	struct host *host = owner;
	struct dane *dane = host->dane;
	size_t index = (size_t)(host - dane->hosts);
	struct mx_host *mx = &dane->result.destination.hosts[index];

	host->ask = NULL;
	mx->address_security = result->address_security;
	mx->promise = result->promise;
	host->places.count = result->address_count;
	memcpy(host->places.addresses, result->addresses, sizeof(result->addresses));
	dane->result.destination.is_truncated |= result->is_truncated;
	note_ttl(&dane->result.destination, result->ttl_s);
	dane->result.keys[index] = result->keys;
	result->keys = NULL;
	if (--dane->pending == 0)
		finish(dane);
}

/* False: out of memory, and the host says so. */
static bool ask_host(struct dane *dane, size_t index)
{
	struct host *host = &dane->hosts[index];
	struct mx_host *mx = &dane->result.destination.hosts[index];

	host->dane = dane;
	host->ask = dane_host_ask(dane->resolver, mx->name, on_host, host);
	if (host->ask) {
		dane->pending++;
		return true;
	}
	mx->address_security = DNS_FAILED;
	mx->promise.state = PROMISE_UNAVAILABLE;
	mx->promise.source = SOURCE_DANE;
	snprintf(mx->promise.detail, sizeof(mx->promise.detail), "out of memory");
	note_ttl(&dane->result.destination, DANE_RETRY_S);
	return false;
}

static void ask_hosts(struct dane *dane)
{
	size_t i;

	for (i = 0; i < dane->result.destination.host_count; i++)
		ask_host(dane, i);
	if (dane->pending == 0)
		finish(dane);
}

/* Where a host of that preference stands, behind its equals; a name twice counts with its better preference. */
static void add_host(struct destination *destination, const struct dns_mx *mx)
{
	struct mx_host *hosts = destination->hosts;
	size_t at = 0, from;

	while (at < destination->host_count && hosts[at].preference <= mx->preference) {
		if (strcmp(hosts[at].name, mx->host) == 0)
			return;
		at++;
	}
	for (from = at; from < destination->host_count; from++) {
		if (strcmp(hosts[from].name, mx->host) == 0)
			break;
	}
	if (from == MX_HOSTS_MAX) {
		destination->is_truncated = true;
		from--;
		if (at > from)
			return;
	} else if (from == destination->host_count) {
		destination->host_count++;
	}
	memmove(&hosts[at + 1], &hosts[at], (from - at) * sizeof(*hosts));
	memset(&hosts[at], 0, sizeof(*hosts));
	hosts[at].preference = mx->preference;
	memcpy(hosts[at].name, mx->host, sizeof(hosts[at].name));
}

/* RFC 7505: null MX is one record only; beside others a root target is no host (section 3). */
static void read_mx(struct destination *destination, const struct dns_answer *answer)
{
	struct dns_record record;
	struct dns_mx mx;
	size_t i;

	destination->mx_state = MX_FOUND;
	for (i = 0; dns_answer_record(&record, answer, i); i++) {
		if (dns_mx_parse(&mx, answer, &record) != PARSE_OK)
			continue;
		if (mx.host[0])
			add_host(destination, &mx);
		else if (answer->record_count == 1)
			destination->mx_state = MX_NULL;
	}
	if (destination->mx_state == MX_NULL)
		snprintf(destination->why, sizeof(destination->why),
		         "null MX: the domain accepts no mail");
	else if (destination->host_count == 0)
		snprintf(destination->why, sizeof(destination->why), "no MX record names a host");
}

static void add_only_host(struct destination *destination)
{
	destination->host_count = 1;
	memcpy(destination->hosts[0].name, destination->name, sizeof(destination->name));
}

static void on_mx(void *owner, const struct lookup *lookup)
{
	struct dane *dane = owner;
	struct destination *destination = &dane->result.destination;

	dane->mx = NULL;
	destination->mx_security = lookup->security;
	if (lookup->outcome != LOOKUP_UNKNOWN)
		text_copy(dane->result.canonical, sizeof(dane->result.canonical),
		          lookup->answer.canonical);
	switch (lookup->outcome) {
	case LOOKUP_UNKNOWN:
		destination->mx_state = MX_UNAVAILABLE;
		destination->ttl_s = DANE_RETRY_S;
		snprintf(destination->why, sizeof(destination->why), "MX %.100s: %s%s",
		         destination->name, lookup->security == DNS_BOGUS ? "bogus: " : "",
		         lookup->why);
		break;
	case LOOKUP_NXDOMAIN:
		destination->mx_state = MX_NXDOMAIN;
		snprintf(destination->why, sizeof(destination->why), "the domain does not exist");
		note_ttl(destination, lookup->answer.ttl_s);
		break;
	case LOOKUP_NODATA:
		destination->mx_state = MX_IMPLICIT;
		note_ttl(destination, lookup->answer.ttl_s);
		add_only_host(destination);
		break;
	case LOOKUP_FOUND:
		note_ttl(destination, lookup->answer.ttl_s);
		read_mx(destination, &lookup->answer);
		break;
	}
	ask_hosts(dane);
}

static struct dane *new_dane(struct resolver *resolver, const char *name, dane_fn fn, void *owner)
{
	struct dane *dane = calloc(1, sizeof(*dane));

	if (!dane)
		return NULL;
	dane->resolver = resolver;
	dane->fn = fn;
	dane->owner = owner;
	dane->result.destination.ttl_s = DANE_TTL_MAX_S;
	snprintf(dane->result.destination.name, DOMAIN_NAME_MAX, "%s", name);
	return dane;
}

struct dane *dane_ask_domain(struct resolver *resolver, const char *name, dane_fn fn, void *owner)
{
	struct dane *dane = new_dane(resolver, name, fn, owner);

	if (!dane)
		return NULL;
	dane->mx = resolver_ask(resolver, name, DNS_TYPE_MX, on_mx, dane);
	if (dane->mx)
		return dane;
	free_dane(dane);
	return NULL;
}

struct dane *dane_ask_host(struct resolver *resolver, const char *name, dane_fn fn, void *owner)
{
	struct dane *dane = new_dane(resolver, name, fn, owner);

	if (!dane)
		return NULL;
	dane->result.destination.mx_state = MX_HOST;
	add_only_host(&dane->result.destination);
	if (ask_host(dane, 0))
		return dane;
	free_dane(dane);
	return NULL;
}

void dane_cancel(struct dane *dane)
{
	size_t i;

	if (dane->mx)
		resolver_cancel(dane->mx);
	for (i = 0; i < dane->result.destination.host_count; i++) {
		if (dane->hosts[i].ask)
			dane_host_cancel(dane->hosts[i].ask);
	}
	free_dane(dane);
}
