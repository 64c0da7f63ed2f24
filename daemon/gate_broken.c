/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_state.h"

#include <stdio.h>
#include <string.h>

static bool is_recent(uint64_t when_ms, uint64_t now_ms, uint64_t life_ms)
{
	return when_ms != 0 && now_ms - when_ms < life_ms;
}

/* A sender that tries TLS once more before it comes in clear goes on with the story that it began. */
static struct broken_note *find_story(struct broken_notes *notes,
                                      const struct message_broken *broken, uint64_t now_ms)
{
	for (size_t i = 0; i < GATE_BROKEN_PER_CLIENT; i++) {
		struct broken_note *note = &notes->notes[i];

		if (note->when_ms != 0 && now_ms - note->when_ms < GATE_BROKEN_LIFE_MS &&
		    address_equal(&note->server, &broken->server))
			return note;
	}
	return NULL;
}

void gate_broken(struct gate *gate, const struct message_broken *broken, uint64_t now_ms)
{
	struct broken_notes *notes = table_find(gate->broken, &broken->client);
	struct broken_note *note;

	if (!notes)
		notes = table_insert(gate->broken, &broken->client);
	if (!notes)
		return;
	note = find_story(notes, broken, now_ms);
	if (!note) {
		note = &notes->notes[notes->next++ % GATE_BROKEN_PER_CLIENT];
		note->server = broken->server;
		memcpy(note->id, broken->id, sizeof(note->id));
	}
	note->when_ms = now_ms > broken->age_ms ? now_ms - broken->age_ms : now_ms;
	memcpy(note->how, broken->how, sizeof(note->how));
}

const struct broken_note *gate_find_broken(struct gate *gate, const struct hop_query *query,
                                           const char *domain)
{
	const struct broken_notes *notes = table_find(gate->broken, query->client);
	const struct broken_note *found = NULL;
	struct address place;

	for (size_t i = 0; notes && i < GATE_BROKEN_PER_CLIENT; i++) {
		const struct broken_note *note = &notes->notes[i];

		if (!is_recent(note->when_ms, gate->now_ms, GATE_BROKEN_LIFE_MS))
			continue;
		place = nat64_behind(&gate->config->nat64, &note->server);
		if (!address_equal(&note->server, query->server) &&
		    (domain[0] == '\0' ||
		     !promise_cache_includes(gate->cache, domain, &place, gate->now_ms)))
			continue;
		if (!found || note->when_ms > found->when_ms)
			found = note;
	}
	return found;
}

void gate_name_cause(struct gate *gate, struct event *event, const struct broken_note *broken)
{
	char server[ADDRESS_TEXT_MAX];

	if (!broken || event->reason == REASON_NONE)
		return;
	memcpy(event->id, broken->id, sizeof(event->id));
	snprintf(event->cause, sizeof(event->cause), "TLS with %s ended by %.100s, %u s before",
	         address_format(server, &broken->server), broken->how,
	         (unsigned)((gate->now_ms - broken->when_ms) / 1000));
}

void gate_remember_broken(struct gate *gate, struct flow *flow, const char *how)
{
	struct message_broken broken = { .type = MESSAGE_BROKEN,
		                         .client = flow->client.address,
		                         .server = flow->server.address };

	gate_write_id(gate, broken.id, flow);
	text_copy(broken.how, sizeof(broken.how), how);
	gate_broken(gate, &broken, gate->now_ms);
	gate->actions.broken(gate->owner, &broken);
}

bool gate_has_lost_tls(const struct facts *facts)
{
	return facts->starttls_answer != STARTTLS_NOT_ASKED && facts->tls != TLS_ESTABLISHED;
}
