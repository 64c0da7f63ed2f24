/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cli/check_judge.h"

/* What current validators still take: BIND and Knot 50, Unbound 150, and each release less. */
enum { ITERATIONS_TAKEN = 50 };

static const char *shown(const char *name)
{
	return name[0] ? name : "(root)";
}

static void judge_chain(struct check_findings *findings, const struct check_chain *chain,
                        const char *to)
{
	const struct check_zone *last;
	char where[CHECK_WHERE_MAX];

	if (chain->count == 0)
		return;
	last = &chain->zones[chain->count - 1];
	snprintf(where, sizeof(where), "%s", to);
	switch (last->security) {
	case DNS_UNKNOWN:
	case DNS_SECURE:
		break;
	case DNS_INSECURE:
		check_add(findings, CHECK_DNSSEC_INSECURE, CHECK_NOTE, where, "%s: %s",
		          shown(last->name), last->why);
		break;
	case DNS_BOGUS:
		check_add(findings, CHECK_DNSSEC_BOGUS, CHECK_BAD, where, "at %s: %s",
		          shown(last->name), last->why);
		break;
	case DNS_FAILED:
		check_add(findings, CHECK_SERVER_WRONG, CHECK_WARNING, where, "at %s: %s",
		          shown(last->name), last->why);
		break;
	}
}

static void judge_servers(struct check_findings *findings, const struct check_facts *facts)
{
	char where[CHECK_WHERE_MAX], address[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < facts->server_count; i++) {
		const struct check_server *server = &facts->servers[i];

		if (server->state != SERVER_SILENT && server->state != SERVER_WRONG)
			continue;
		snprintf(where, sizeof(where), "%s %s", server->name,
		         address_format(address, &server->address));
		check_add(findings, CHECK_SERVER_WRONG, CHECK_WARNING, where, "of %s: %s",
		          facts->zones[server->zone].name, server->why);
	}
}

static void judge_iterations(struct check_findings *findings, const struct check_facts *facts)
{
	for (size_t i = 0; i < facts->zone_count; i++) {
		const struct check_asked *zone = &facts->zones[i];

		if (zone->iterations > ITERATIONS_TAKEN)
			check_add(findings, CHECK_DENIAL_COSTLY, CHECK_WARNING, zone->name,
			          "%u additional iterations", zone->iterations);
	}
}

static void judge_mx(struct check_findings *findings, const struct check_facts *facts)
{
	const struct destination *destination = &facts->destination;
	const char *name = destination->name;

	switch (destination->mx_state) {
	case MX_NXDOMAIN:
		check_add(findings, CHECK_DOMAIN_MISSING, CHECK_BAD, name, "%s", "");
		break;
	case MX_UNKNOWN:
	case MX_UNAVAILABLE:
		check_add(findings, CHECK_MX_UNKNOWN, CHECK_BAD, name, "%s", destination->why);
		break;
	case MX_NULL:
		check_add(findings, CHECK_MX_NULL, CHECK_NOTE, name, "%s", "");
		break;
	case MX_IMPLICIT:
		check_add(findings,
		          destination->place_count > 0 ? CHECK_MX_MISSING : CHECK_MX_NOWHERE,
		          CHECK_WARNING, name, "%s", "");
		break;
	case MX_FOUND:
		if (destination->host_count == 0)
			check_add(findings, CHECK_MX_DANGLING, CHECK_BAD, name, "%s",
			          destination->why);
		else if (facts->has_null_mx)
			check_add(findings, CHECK_MX_NULL_TOO, CHECK_BAD, name, "%s", "");
		break;
	case MX_TABLE:
	case MX_HOST:
		break;
	}
	if (destination->is_truncated)
		check_add(findings, CHECK_MX_TOO_MANY, CHECK_NOTE, name, "%s", "");
}

static bool has_address(const struct destination *destination, size_t host)
{
	for (size_t i = 0; i < destination->place_count; i++) {
		if (destination->places[i].host == host)
			return true;
	}
	return false;
}

static void judge_local_addresses(struct check_findings *findings,
                                  const struct destination *destination, size_t host)
{
	char address[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < destination->place_count; i++) {
		const struct mx_place *place = &destination->places[i];

		if (place->host == host && address_is_local(&place->address))
			check_add(findings, CHECK_MX_LOCAL, CHECK_WARNING,
			          destination->hosts[host].name, "%s",
			          address_format(address, &place->address));
	}
}

static void judge_no_address(struct check_findings *findings, const struct mx_host *mx,
                             const struct check_host *host)
{
	struct address address;

	if (address_parse(&address, mx->name))
		check_add(findings, CHECK_MX_ADDRESS, CHECK_BAD, mx->name, "preference %u",
		          mx->preference);
	else
		check_add(findings, CHECK_MX_DANGLING, CHECK_BAD, mx->name, "preference %u: %s",
		          mx->preference,
		          host->is_missing ? "the name does not exist" : "it has no address");
}

/* DANE's own look-ups say why they fail; that of the keys is told with the records. */
static void judge_host(struct check_findings *findings, const struct check_facts *facts,
                       size_t index)
{
	const struct mx_host *mx = &facts->destination.hosts[index];
	const struct check_host *host = &facts->hosts[index];
	bool is_answered =
		mx->address_security == DNS_SECURE || mx->address_security == DNS_INSECURE;

	if (host->is_alias && facts->destination.mx_state == MX_FOUND)
		check_add(findings, CHECK_MX_ALIAS, CHECK_WARNING, mx->name, "an alias of %s",
		          host->target);
	if (!is_answered && mx->promise.state == PROMISE_UNAVAILABLE)
		check_add(findings, CHECK_HOST_UNKNOWN, CHECK_BAD, mx->name, "%s",
		          mx->promise.detail);
	else if (!has_address(&facts->destination, index) &&
	         facts->destination.mx_state == MX_FOUND)
		judge_no_address(findings, mx, host);
	judge_local_addresses(findings, &facts->destination, index);
	/* Insecure hosts of an insecure domain say nothing new. */
	if (mx->address_security == DNS_BOGUS || facts->destination.mx_security == DNS_SECURE)
		judge_chain(findings, &host->chain, mx->name);
}

static void judge_unsigned_mx(struct check_findings *findings, const struct check_facts *facts)
{
	const struct destination *destination = &facts->destination;

	if (destination->mx_security != DNS_INSECURE)
		return;
	for (size_t i = 0; i < destination->host_count; i++) {
		if (destination->hosts[i].promise.state == PROMISE_KEY)
			check_add(findings, CHECK_MX_UNSIGNED, CHECK_WARNING, destination->name,
			          "%s", destination->hosts[i].promise.detail);
	}
}

void check_judge_names(struct check_findings *findings, const struct check_facts *facts)
{
	judge_mx(findings, facts);
	if (facts->destination.mx_state != MX_NXDOMAIN)
		judge_chain(findings, &facts->chain, facts->destination.name);
	judge_servers(findings, facts);
	judge_iterations(findings, facts);
	for (size_t i = 0; i < facts->destination.host_count; i++)
		judge_host(findings, facts, i);
	judge_unsigned_mx(findings, facts);
}
