/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <stdio.h>
#include <string.h>

#include "base/nat64.h"

static bool is_expired(const struct gate *gate, const struct difference *difference)
{
	return gate->now_ms - difference->asked_ms >= GATE_DIFFERENCE_AGAIN_MS;
}

static void end(struct gate *gate, struct difference *difference)
{
	if (!difference->is_done)
		gate->keys->open_differences--;
	difference->is_done = true;
	difference->handshake = 0;
}

/* Of that probe, lately; else NULL. */
static struct difference *find(struct gate *gate, uint64_t probe)
{
	for (size_t i = 0; i < GATE_DIFFERENCES_MAX; i++) {
		struct difference *difference = &gate->keys->differences[i];

		if (difference->probe == probe && !is_expired(gate, difference))
			return difference;
	}
	return NULL;
}

/* A place that is free, or the one that was used for longest. */
static struct difference *take_place(struct gate *gate)
{
	struct difference *oldest = gate->keys->differences;

	for (size_t i = 0; i < GATE_DIFFERENCES_MAX; i++) {
		struct difference *difference = &gate->keys->differences[i];

		if (difference->probe == 0) {
			oldest = difference;
			break;
		}
		if (difference->asked_ms < oldest->asked_ms)
			oldest = difference;
	}
	if (oldest->probe != 0)
		end(gate, oldest);
	memset(oldest, 0, sizeof(*oldest));
	gate->keys->open_differences++;
	return oldest;
}

static struct difference *note(struct gate *gate, uint64_t probe, bool is_of_key,
                               const struct hop *hop, const struct event *event)
{
	struct difference *difference = take_place(gate);

	difference->probe = probe;
	difference->asked_ms = gate->now_ms;
	difference->is_of_key = is_of_key;
	difference->hop = *hop;
	difference->event = *event;
	return difference;
}

/* Of the same story as the verdict. finding: what the probe was shown, where that is what differs; else NULL. */
static void tell(struct gate *gate, struct difference *difference, const char *rule,
                 const struct key_finding *finding)
{
	struct event event = difference->event;

	event.time_ms = gate->time_ms;
	event.action = event.would = ACTION_ALERT;
	event.reason = REASON_PROBE_DIFFERS;
	event.place = PLACE_UNKNOWN;
	event.held_ms = 0;
	event.key_sight = finding ? SIGHT_PROBE : SIGHT_NONE;
	memset(&event.key, 0, sizeof(event.key));
	if (finding)
		event.key = *finding;
	text_copy(event.rule, sizeof(event.rule), rule);
	snprintf(event.cause, sizeof(event.cause), "%s on the sender's own connection, %u s before",
	         reason_name(difference->event.reason),
	         (unsigned)((gate->now_ms - difference->asked_ms) / 1000));
	gate->counters.verdicts[ACTION_ALERT]++;
	gate->counters.reasons[REASON_PROBE_DIFFERS]++;
	end(gate, difference);
	gate->actions.tell(gate->owner, &event);
}

static bool has_wrong_key(const struct facts *facts)
{
	return facts->asks_for_key && key_is_wrong(facts->key) && !facts->is_name_unknown &&
	       facts->key_sight == SIGHT_WIRE;
}

/* What was promised is not offered, or not any more when it came here. */
static bool lacks_starttls(const struct facts *facts, const struct event *event)
{
	return (facts->promise == PROMISE_TLS || facts->promise == PROMISE_KEY) &&
	       (event->reason == REASON_STARTTLS_STRIPPED ||
	        event->reason == REASON_STARTTLS_MASKED);
}

/* One at a time, and not again for a while: it is of the destination, whichever of its connections it is. */
static void ask(struct gate *gate, const struct hop *hop, const struct hop_query *query,
                const char *server_name, const struct event *event)
{
	uint64_t probe = gate_probe_key(gate, query, server_name);

	if (find(gate, probe))
		return;
	note(gate, probe, key_is_wrong(event->key.outcome), hop, event);
	(void)gate_find_probe(gate, query, server_name, true);
}

/* The sender had an offer of STARTTLS, and took it; whoever looked in its words had none. */
static void compare_offer(struct gate *gate, const struct hop *hop, const struct hop_query *query,
                          const struct event *event)
{
	uint64_t probe = gate_probe_key(gate, query, query->server_name);
	const struct probe_note *seen = table_peek(gate->keys->probes, &probe);

	if (!seen || seen->answered_ms == 0 || seen->outcome != PROBE_WITHOUT_TLS ||
	    find(gate, probe))
		return;
	tell(gate, note(gate, probe, false, hop, event),
	     "the sender was offered STARTTLS, a probe was not", NULL);
}

/* There are no words of a handshake to repeat: the probe has those of its own. */
static void ask_in_clear(struct gate *gate, const struct hop *hop, const struct hop_query *query,
                         const struct event *event)
{
	struct key_evidence unshaped = { 0 };
	struct hop_query in_clear = *query;

	in_clear.evidence = &unshaped;
	ask(gate, hop, &in_clear, hop->mx, event);
}

void gate_compare(struct gate *gate, const struct facts *facts, const struct hop *hop,
                  const struct hop_query *query, const struct event *event)
{
	if (!gate->actions.probe || !gate->actions.check || gate->config->tls13 != TLS13_PROBE)
		return;
	if (event->action == ACTION_PASS) {
		if (query->evidence && facts->asks_for_key && facts->key == KEY_MET &&
		    facts->key_sight == SIGHT_PROBE)
			gate_note_passed(gate, hop, query, event);
		return;
	}
	if (query->evidence && has_wrong_key(facts)) {
		ask(gate, hop, query, query->server_name, event);
	} else if (query->evidence && facts->asks_for_key && facts->key == KEY_UNKNOWN &&
	           facts->key_sight == SIGHT_HIDDEN) {
		compare_offer(gate, hop, query, event);
	} else if (lacks_starttls(facts, event)) {
		ask_in_clear(gate, hop, query, event);
	}
}

const struct key_finding *gate_find_finding(struct gate *gate, bool *is_lost, const struct hop *hop,
                                            const struct event *event, uint64_t handshake)
{
	const struct hop_query query = {
		.client = &event->client.address,
		.server = &event->server.address,
		.place = nat64_behind(&gate->config->nat64, &event->server.address),
		.server_name = event->sni,
	};

	*is_lost = true;
	if (!gate_find_rules(gate, hop, &query) || gate->keys->rules.count == 0)
		return NULL;
	return gate_check(gate, is_lost, handshake,
	                  bytes_of(gate->keys->rules.octets, gate->keys->rules.len));
}

static void compare_key(struct gate *gate, struct difference *difference)
{
	struct key_finding finding;
	const struct key_finding *found;
	bool is_lost;

	found = gate_find_finding(gate, &is_lost, &difference->hop, &difference->event,
	                          difference->handshake);
	if (found && found->outcome == KEY_MET) {
		finding = *found;
		tell(gate, difference,
		     difference->event.key.outcome == KEY_UNREADABLE
		             ? "a probe is shown the promised key, the sender none to be read"
		             : "a probe is shown the promised key, the sender another",
		     &finding);
	} else if (found || is_lost) {
		end(gate, difference);
	}
}

void gate_compare_probe(struct gate *gate, uint64_t key)
{
	const struct probe_note *seen = table_peek(gate->keys->probes, &key);
	struct difference *difference = find(gate, key);

	if (!seen || !difference || difference->is_done || seen->seen_ms < difference->asked_ms)
		return;
	if (seen->outcome != PROBE_SHOWN) {
		end(gate, difference);
	} else if (difference->is_of_key) {
		difference->event.probe[0] = '\0';
		difference->handshake = seen->handshake;
		compare_key(gate, difference);
	} else {
		tell(gate, difference, "a probe is offered STARTTLS, the sender was not", NULL);
	}
}

void gate_compare_keys(struct gate *gate)
{
	for (size_t i = 0; gate->keys->open_differences > 0 && i < GATE_DIFFERENCES_MAX; i++) {
		struct difference *difference = &gate->keys->differences[i];

		if (!difference->is_done && difference->handshake != 0)
			compare_key(gate, difference);
	}
}
