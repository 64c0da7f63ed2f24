/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_zones.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAMES_MAX = 16, /* of name servers of one zone; the root has 13 */
	FAMILIES = 2,
	ITERATIONS_AT =
		2, /* in a NSEC3PARAM record, behind algorithm and flags (RFC 5155 section 4.2) */
	DOMAIN = MX_HOSTS_MAX, /* in the place of a host: the domain itself */
};

struct finding;

/* On its way up from a name to the zone that it is in. */
struct climb {
	struct finding *finding;
	size_t host;
	const char *at; /* an end of the name */
};

struct name_server {
	struct finding *finding;
	uint8_t zone;
	char name[DOMAIN_NAME_MAX];
};

struct own_zone {
	struct finding *finding;
	size_t index;
};

struct finding {
	struct check_zones *zones;
	struct resolver *resolver;
	struct check_facts *facts;
	check_zones_fn fn;
	void *owner;
	size_t pending;
	void (*next)(struct finding *finding); /* when all of this step have come */
	struct climb climbs[MX_HOSTS_MAX + 1];
	struct own_zone zones_asked[CHECK_ASKED_MAX];
	size_t name_count;
	struct name_server names[CHECK_ASKED_MAX * NAMES_MAX];
};

static void end(struct finding *finding)
{
	finding->fn(finding->owner);
	free(finding);
}

static void leave(struct finding *finding)
{
	if (--finding->pending == 0)
		finding->next(finding);
}

static void ask(struct finding *finding, const char *name, enum dns_type type, lookup_fn fn,
                void *owner)
{
	if (resolver_ask(finding->resolver, name, type, fn, owner))
		finding->pending++;
}

static void add_address(struct finding *finding, const struct name_server *name,
                        const struct address *address)
{
	struct check_facts *facts = finding->facts;
	struct check_server *server;

	if (facts->server_count == CHECK_SERVERS_MAX)
		return;
	for (size_t i = 0; i < facts->server_count; i++) {
		if (facts->servers[i].zone == name->zone &&
		    address_equal(&facts->servers[i].address, address))
			return;
	}
	server = &facts->servers[facts->server_count++];
	server->zone = name->zone;
	text_copy(server->name, sizeof(server->name), name->name);
	server->address = *address;
}

static void on_address(void *owner, const struct lookup *lookup)
{
	struct name_server *name = owner;
	struct dns_record record;
	struct address address;

	for (size_t i = 0;
	     lookup->outcome == LOOKUP_FOUND && dns_answer_record(&record, &lookup->answer, i);
	     i++) {
		if (record.data.len != 4 && record.data.len != 16)
			continue;
		address = address_of(record.data.len == 4 ? 4 : 6, record.data.data);
		add_address(name->finding, name, &address);
	}
	leave(name->finding);
}

/* Of several the largest: the zone goes from one to the other. */
static void on_parameters(void *owner, const struct lookup *lookup)
{
	struct own_zone *zone = owner;
	struct check_asked *asked = &zone->finding->facts->zones[zone->index];
	struct dns_record record;

	for (size_t i = 0;
	     lookup->outcome == LOOKUP_FOUND && dns_answer_record(&record, &lookup->answer, i);
	     i++) {
		struct cursor data = cursor_over(record.data);
		uint16_t iterations;

		cursor_skip(&data, ITERATIONS_AT);
		iterations = cursor_u16(&data);
		if (iterations > asked->iterations)
			asked->iterations = iterations;
	}
	leave(zone->finding);
}

static void ask_parameters(struct finding *finding)
{
	for (size_t i = 0; i < finding->facts->zone_count; i++) {
		finding->zones_asked[i] = (struct own_zone){ finding, i };
		ask(finding, finding->facts->zones[i].name, DNS_TYPE_NSEC3PARAM, on_parameters,
		    &finding->zones_asked[i]);
	}
}

static void ask_addresses(struct finding *finding)
{
	static const enum dns_type types[FAMILIES] = { DNS_TYPE_A, DNS_TYPE_AAAA };

	finding->next = end;
	ask_parameters(finding);
	for (size_t i = 0; i < finding->name_count; i++) {
		for (size_t j = 0; j < FAMILIES; j++)
			ask(finding, finding->names[i].name, types[j], on_address,
			    &finding->names[i]);
	}
	if (finding->pending == 0)
		end(finding);
}

static void read_names(struct finding *finding, uint8_t zone, const struct dns_answer *answer)
{
	struct dns_record record;

	for (size_t i = 0; i < NAMES_MAX && dns_answer_record(&record, answer, i); i++) {
		struct name_server *name = &finding->names[finding->name_count];
		size_t at = record.at;

		if (dns_name_parse(name->name, answer->message, &at) != PARSE_OK)
			continue;
		name->finding = finding;
		name->zone = zone;
		finding->name_count++;
	}
}

/* CHECK_ASKED_MAX: no room for another. */
static uint8_t find_zone(struct finding *finding, const char *name, const struct dns_answer *answer)
{
	struct check_facts *facts = finding->facts;

	for (size_t i = 0; i < facts->zone_count; i++) {
		if (strcmp(facts->zones[i].name, name) == 0)
			return (uint8_t)i;
	}
	if (facts->zone_count == CHECK_ASKED_MAX)
		return CHECK_ASKED_MAX;
	text_copy(facts->zones[facts->zone_count].name, DOMAIN_NAME_MAX, name);
	read_names(finding, (uint8_t)facts->zone_count, answer);
	return (uint8_t)facts->zone_count++;
}

/* The zone begins where NS records stand: at the name, or above it; whoever serves a top-level domain has nothing to do with mail. */
static void on_ns(void *owner, const struct lookup *lookup)
{
	struct climb *climb = owner;
	struct finding *finding = climb->finding;
	const char *dot = strchr(climb->at, '.');
	bool is_top_next = !dot || !strchr(dot + 1, '.');

	if (lookup->outcome == LOOKUP_FOUND && !dns_answer_has_alias(&lookup->answer)) {
		uint8_t zone = find_zone(finding, climb->at, &lookup->answer);

		if (climb->host == DOMAIN)
			finding->zones->has_domain = true;
		else
			finding->zones->of[climb->host] = zone;
	} else if (lookup->outcome != LOOKUP_UNKNOWN && !is_top_next) {
		climb->at = dot + 1;
		ask(finding, climb->at, DNS_TYPE_NS, on_ns, climb);
	}
	leave(finding);
}

static void begin_climb(struct finding *finding, size_t host, const char *name)
{
	struct climb *climb = &finding->climbs[host];

	climb->finding = finding;
	climb->host = host;
	climb->at = name;
	ask(finding, name, DNS_TYPE_NS, on_ns, climb);
}

static void climb_from_hosts(struct finding *finding)
{
	finding->next = ask_addresses;
	for (size_t i = 0; i < finding->facts->destination.host_count; i++)
		begin_climb(finding, i, finding->facts->hosts[i].tlsa.base);
	if (finding->pending == 0)
		ask_addresses(finding);
}

bool check_zones_find(struct check_zones *zones, struct resolver *resolver,
                      struct check_facts *facts, check_zones_fn fn, void *owner)
{
	struct finding *finding = calloc(1, sizeof(*finding));

	if (!finding)
		return false;
	zones->has_domain = false;
	memset(zones->of, CHECK_ASKED_MAX, sizeof(zones->of));
	finding->zones = zones;
	finding->resolver = resolver;
	finding->facts = facts;
	finding->fn = fn;
	finding->owner = owner;
	finding->next = climb_from_hosts;
	begin_climb(finding, DOMAIN, facts->destination.name);
	if (finding->pending > 0)
		return true;
	free(finding);
	return false;
}
