/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "support/simulation_answers.h"

#include <string.h>

#include "support/simulation_keys.h"

static void fill_promise(const struct simulation *simulation, struct destination *answer,
                         const char *name, const char *host, enum promise_state state)
{
	*answer = (struct destination){
		.mx_state = MX_FOUND,
		.mx_security = DNS_SECURE,
		.ttl_s = 600,
		.host_count = 1,
		.place_count = 1,
	};
	text_copy(answer->name, sizeof(answer->name), name);
	text_copy(answer->hosts[0].name, sizeof(answer->hosts[0].name), host);
	answer->hosts[0].address_security = DNS_SECURE;
	answer->hosts[0].promise.state = state;
	answer->hosts[0].promise.source = state == PROMISE_NONE ? SOURCE_NONE : SOURCE_DANE;
	answer->places[0].address = simulation->server_endpoint.address;
}

/* The same of the domain and of the host of that name. */
static void answer_both(struct simulation *simulation, struct destination *answer, bool is_afresh)
{
	answer->is_afresh = is_afresh;
	gate_answer(simulation->gate, answer, simulation->now_ms, simulation->now_ms);
	answer->mx_state = MX_HOST;
	gate_answer(simulation->gate, answer, simulation->now_ms, simulation->now_ms);
}

static void promise_to(struct simulation *simulation, const char *name, bool is_afresh)
{
	struct destination answer;

	fill_promise(simulation, &answer, name, name, simulation->everybody);
	answer_both(simulation, &answer, is_afresh);
}

/* The scout's part: every open question is answered, by a canned answer or by "promised nothing". */
static void answer_questions(struct simulation *simulation)
{
	while (simulation->is_answering && simulation->asked_count > 0) {
		char name[DOMAIN_NAME_MAX];
		bool is_known = false, is_afresh;

		text_copy(name, sizeof(name), simulation->asked[--simulation->asked_count]);
		is_afresh = simulation->is_asked_afresh[simulation->asked_count];
		for (size_t i = 0; i < simulation->answer_count; i++) {
			if (strcmp(simulation->answers[i].name, name) != 0)
				continue;
			is_known = true;
			simulation->answers[i].is_afresh = is_afresh;
			gate_answer(simulation->gate, &simulation->answers[i], simulation->now_ms,
			            simulation->now_ms);
		}
		if (!is_known && simulation->everybody != PROMISE_UNKNOWN) {
			promise_to(simulation, name, is_afresh);
		} else if (!is_known) {
			struct destination nothing = { .mx_state = MX_NXDOMAIN,
				                       .ttl_s = 600,
				                       .mx_security = DNS_SECURE };

			text_copy(nothing.name, sizeof(nothing.name), name);
			answer_both(simulation, &nothing, is_afresh);
		}
	}
}

void simulation_names_come(struct simulation *simulation, uint64_t mask)
{
	struct message_names come = simulation->names_asked;

	come.word = NAMES_COME;
	come.names[0] = mask;
	simulation->has_names_asked = false;
	gate_hear_names(simulation->gate, &come, simulation->now_ms, simulation->now_ms);
}

void simulation_answer(struct simulation *simulation)
{
	do {
		answer_questions(simulation);
		if (simulation->has_echo && !simulation->is_scout_busy) {
			simulation->has_echo = false;
			gate_echoed(simulation->gate, simulation->echo, simulation->now_ms,
			            simulation->now_ms);
		}
		if (simulation->has_names_asked && !simulation->are_others_silent)
			simulation_names_come(simulation, UINT64_MAX);
		simulation_answer_about_keys(simulation);
	} while (simulation->is_answering && simulation->asked_count > 0);
}

void simulation_promise(struct simulation *simulation, const char *domain, const char *host,
                        enum promise_state state)
{
	struct destination *answer = &simulation->answers[simulation->answer_count++];

	fill_promise(simulation, answer, domain, host, state);
	answer = &simulation->answers[simulation->answer_count++];
	fill_promise(simulation, answer, host, host, state);
	answer->mx_state = MX_HOST;
}
