/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_run.h"

#include <event2/event.h>
#include <string.h>

#include "cli/check_chain.h"
#include "cli/check_host.h"
#include "cli/check_keys.h"
#include "cli/check_policies.h"
#include "cli/check_servers.h"
#include "cli/check_visit.h"
#include "policy/dane.h"
#include "process.h"

struct run {
	struct check_world *world;
	struct check_facts *facts;
	const char *domain;
	check_progress_fn progress;
	void *owner;
	uint64_t started_ms;
	uint64_t deadline_ms;
	size_t pending;
	size_t visiting;
	size_t next_place;
	size_t visited;
	bool has_failed; /* out of memory */
};

static void begin_visits(struct run *run);

static void tell(const struct run *run)
{
	const struct check_progress progress = {
		.domain = run->domain,
		.visited = run->visited,
		.places = run->facts->destination.place_count,
		.open = run->pending,
	};

	run->progress(run->owner, &progress);
}

static void leave(struct run *run)
{
	run->pending--;
	tell(run);
	if (run->pending == 0)
		event_base_loopbreak(run->world->base);
}

static void begin(struct run *run, bool is_begun)
{
	if (is_begun)
		run->pending++;
	else
		run->has_failed = true;
}

static void on_part(void *owner)
{
	leave(owner);
}

static void on_visit(void *owner)
{
	struct run *run = owner;

	run->visiting--;
	run->visited++;
	begin_visits(run);
	leave(run);
}

static void visit(struct run *run, size_t index)
{
	const struct destination *destination = &run->facts->destination;
	const struct mx_place *place = &destination->places[index];
	const struct check_options *options = &run->world->options;
	const struct check_visit_options visit_options = {
		.server = { .address = place->address, .port = options->config->rules.ports[0] },
		.server_name = run->facts->hosts[place->host].tlsa.base,
		.ehlo_name = options->ehlo_name,
		.step_ms = options->step_ms,
		.deadline_ms = run->deadline_ms,
		.now_ms = process_now_ms,
	};

	begin(run, check_visit_start(run->world->base, &run->facts->places[index], &visit_options,
	                             on_visit, run));
	run->visiting++;
}

static void begin_visits(struct run *run)
{
	while (run->visiting < CHECK_VISITS_MAX &&
	       run->next_place < run->facts->destination.place_count) {
		if (process_now_ms() >= run->deadline_ms) {
			run->facts->is_out_of_time = true;
			return;
		}
		visit(run, run->next_place++);
	}
}

static void ask_host(struct run *run, size_t index, const struct dane_keys *keys)
{
	const struct mx_host *mx = &run->facts->destination.hosts[index];
	struct check_host *host = &run->facts->hosts[index];

	text_copy(host->tlsa.base, sizeof(host->tlsa.base), keys ? keys->base : mx->name);
	begin(run, check_host_ask(run->world->resolver, host, mx, on_part, run));
}

static void on_dane(void *owner, struct dane_result *result)
{
	struct run *run = owner;
	struct check_facts *facts = run->facts;

	facts->destination = result->destination;
	for (size_t i = 0; i < facts->destination.host_count; i++)
		ask_host(run, i, result->keys[i]);
	if (facts->destination.mx_state != MX_NXDOMAIN)
		begin(run, check_servers_ask(run->world->base, run->world->resolver, facts, on_part,
		                             run));
	begin_visits(run);
	leave(run);
}

/* A first choice that is closed while a later one is open; those that cannot be reached from here say nothing. */
static bool is_closed(const struct check_place *place)
{
	return place->seen && place->seen->step == VISIT_AT_CONNECTING &&
	       check_place_has_route(place);
}

static void find_nolisting(struct check_facts *facts)
{
	const struct destination *destination = &facts->destination;
	uint16_t best_open = UINT16_MAX;

	for (size_t i = 0; i < destination->place_count; i++) {
		uint16_t preference = destination->hosts[destination->places[i].host].preference;
		const struct starttls_result *seen = facts->places[i].seen;

		if (seen && seen->step > VISIT_AT_BANNER && preference < best_open)
			best_open = preference;
	}
	for (size_t i = 0; i < destination->place_count; i++) {
		uint16_t preference = destination->hosts[destination->places[i].host].preference;

		facts->places[i].is_nolisting = best_open < UINT16_MAX && preference < best_open &&
		                                is_closed(&facts->places[i]);
	}
}

/* DANE's look-up leaves out a null MX that has others beside it. */
static void on_mx(void *owner, const struct lookup *lookup)
{
	struct run *run = owner;
	struct dns_record record;
	struct dns_mx mx;

	for (size_t i = 0;
	     lookup->outcome == LOOKUP_FOUND && dns_answer_record(&record, &lookup->answer, i);
	     i++) {
		if (dns_mx_parse(&mx, &lookup->answer, &record) == PARSE_OK && !mx.host[0])
			run->facts->has_null_mx = true;
	}
	leave(run);
}

static void begin_all(struct run *run)
{
	struct check_world *world = run->world;

	begin(run, dane_ask_domain(world->resolver, run->domain, on_dane, run));
	begin(run, resolver_ask(world->resolver, run->domain, DNS_TYPE_MX, on_mx, run));
	begin(run,
	      check_chain_walk(world->resolver, &run->facts->chain, run->domain, on_part, run));
	run->pending += check_policies_ask(world, run->facts, run->domain, on_part, run);
	check_list_find(world, run->facts, run->domain);
}

bool check_run(struct check_facts *facts, struct check_world *world, const char *domain,
               check_progress_fn progress, void *owner)
{
	struct run run = {
		.world = world,
		.facts = facts,
		.domain = domain,
		.progress = progress,
		.owner = owner,
		.started_ms = process_now_ms(),
	};

	memset(facts, 0, sizeof(*facts));
	facts->now_s = (int64_t)(process_time_ms() / 1000);
	text_copy(facts->destination.name, DOMAIN_NAME_MAX, domain);
	run.deadline_ms = run.started_ms + (uint64_t)CHECK_STEPS_MAX * world->options.step_ms;
	begin_all(&run);
	tell(&run);
	while (run.pending > 0)
		event_base_dispatch(world->base);
	find_nolisting(facts);
	check_keys(facts, world->anchors);
	check_policies_hold(world, facts);
	facts->took_ms = (uint32_t)(process_now_ms() - run.started_ms);
	return !run.has_failed;
}
