/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <stdio.h>
#include <string.h>

/* Of that look, with that promise; else NULL. */
static struct passed *find(struct gate *gate, uint64_t probe, uint64_t rules)
{
	for (size_t i = 0; i < GATE_PASSED_MAX; i++) {
		struct passed *passed = &gate->keys->passed[i];

		if (passed->probe == probe && passed->rules == rules)
			return passed;
	}
	return NULL;
}

/* A place that is free, or the one whose last mail passed longest ago. */
static struct passed *take_place(struct gate *gate)
{
	struct passed *oldest = gate->keys->passed;

	for (size_t i = 0; i < GATE_PASSED_MAX && oldest->probe != 0; i++) {
		struct passed *passed = &gate->keys->passed[i];

		if (passed->probe == 0 || passed->last_ms < oldest->last_ms)
			oldest = passed;
	}
	if (oldest->is_doubted)
		gate->keys->doubts--;
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

void gate_note_passed(struct gate *gate, const struct hop *hop, const struct hop_query *query,
                      const struct event *event)
{
	uint64_t probe = gate_probe_key(gate, query, query->server_name);
	uint64_t rules;
	struct passed *passed;

	if (!gate_find_rules(gate, hop, query))
		return;
	rules = gate_hash_rules(gate, bytes_of(gate->keys->rules.octets, gate->keys->rules.len));
	passed = find(gate, probe, rules);
	if (!passed) {
		passed = take_place(gate);
		passed->probe = probe;
		passed->rules = rules;
	}
	if (passed->count == 0)
		passed->since_ms = gate->time_ms;
	passed->count++;
	passed->last_ms = gate->now_ms;
	passed->hop = *hop;
	passed->event = *event;
}

/* Of the same story as the last mail that passed. finding: what the later look was shown; NULL: no STARTTLS. */
static void tell(struct gate *gate, struct passed *passed, const struct key_finding *finding)
{
	struct event event = passed->event;
	unsigned since_s = (unsigned)(passed->since_ms / 1000 % (24 * 60 * 60));

	event.time_ms = gate->time_ms;
	event.action = event.would = ACTION_ALERT;
	event.reason = REASON_PROBE_DIFFERS;
	event.held_ms = 0;
	event.key_sight = finding ? SIGHT_PROBE : SIGHT_NONE;
	memset(&event.key, 0, sizeof(event.key));
	if (finding)
		event.key = *finding;
	text_copy(event.rule, sizeof(event.rule),
	          finding ? "a later look is shown a key that breaks the promise"
	                  : "a later look is offered no STARTTLS");
	snprintf(event.cause, sizeof(event.cause),
	         "since %02u:%02u:%02uZ mail passed by an earlier look, in %u connection%s",
	         since_s / 3600, since_s / 60 % 60, since_s % 60, passed->count,
	         passed->count == 1 ? "" : "s");
	passed->count = 0;
	gate->counters.verdicts[ACTION_ALERT]++;
	gate->counters.reasons[REASON_PROBE_DIFFERS]++;
	gate->actions.tell(gate->owner, &event);
}

static void end_doubt(struct gate *gate, struct passed *passed)
{
	if (passed->is_doubted)
		gate->keys->doubts--;
	passed->is_doubted = false;
}

/* A key that changed with its record is looked up again before anything is said of it. */
static void resolve(struct gate *gate, struct passed *passed)
{
	struct key_finding finding;
	const struct key_finding *found;
	bool is_lost;

	found = gate_find_finding(gate, &is_lost, &passed->hop, &passed->event, passed->doubt);
	if (!found && !is_lost)
		return;
	if (found && key_is_wrong(found->outcome)) {
		finding = *found;
		if (gate->now_ms - passed->doubted_ms < gate->config->hold_ms &&
		    gate_ask_afresh(gate, &passed->hop))
			return;
		tell(gate, passed, &finding);
	} else if (found && passed->doubted_ms >= passed->last_ms) {
		passed->count = 0;
	}
	end_doubt(gate, passed);
}

static void doubt(struct gate *gate, struct passed *passed, const struct probe_note *seen)
{
	if (!passed->is_doubted)
		gate->keys->doubts++;
	passed->is_doubted = true;
	passed->doubt = seen->handshake;
	passed->doubted_ms = seen->seen_ms;
	resolve(gate, passed);
}

void gate_doubt_passed(struct gate *gate, uint64_t key)
{
	const struct probe_note *seen = table_peek(gate->keys->probes, &key);

	if (!seen || seen->outcome == PROBE_FAILED)
		return;
	for (size_t i = 0; i < GATE_PASSED_MAX; i++) {
		struct passed *passed = &gate->keys->passed[i];

		if (passed->probe != key || passed->count == 0)
			continue;
		if (gate->now_ms - passed->last_ms >= gate->config->probe_life_ms)
			passed->count = 0;
		else if (seen->outcome == PROBE_SHOWN)
			doubt(gate, passed, seen);
		else
			tell(gate, passed, NULL);
	}
}

void gate_resolve_doubts(struct gate *gate)
{
	for (size_t i = 0; gate->keys->doubts > 0 && i < GATE_PASSED_MAX; i++) {
		if (gate->keys->passed[i].is_doubted)
			resolve(gate, &gate->keys->passed[i]);
	}
}
