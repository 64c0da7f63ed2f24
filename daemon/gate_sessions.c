/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "base/siphash.h"

/*
 * What makes a session go on shows no certificate, but whoever can go on with it had the key of the handshake that began it. Both ends
 * keep the secret under the server's identifier or ticket, which crossed the wire in clear: so a man in the middle begins a session of
 * his own under the true server's. His handshake is refused, and yet the client has what he gave it, in place of what it had. What is
 * known of a name is therefore forgotten as soon as another handshake takes it, whatever comes of that.
 */

/* A session is one client's with one server: whoever chooses identifiers must not have it taken for somebody else's. */
uint64_t gate_hash_session(const struct gate *gate, const struct flow *flow, struct bytes id)
{
	struct {
		struct address client;
		struct address server;
		uint64_t id;
	} session;
	uint64_t key;

	if (id.len == 0)
		return 0;
	memset(&session, 0, sizeof(session));
	session.client = flow->client.address;
	session.server = flow->server.address;
	session.id = siphash(gate->secret, id.data, id.len);
	key = siphash(gate->secret, &session, sizeof(session));
	return key + (key == 0);
}

uint64_t gate_hash_ends(const struct gate *gate, const struct flow *flow)
{
	const struct address ends[] = { flow->client.address, flow->server.address };

	return siphash(gate->secret, ends, sizeof(ends));
}

uint64_t gate_find_session(struct gate *gate, uint64_t key, uint64_t rules)
{
	const struct session_note *note = key != 0 ? table_find(gate->keys->sessions, &key) : NULL;

	if (!note || note->expires_ms <= gate->now_ms)
		return 0;
	for (size_t i = 0; i < GATE_SESSION_RULES; i++) {
		if (note->rules[i] == rules)
			return note->handshake;
	}
	return 0;
}

static void note_session(struct gate *gate, uint64_t key, const struct session_note *met)
{
	struct session_note *note = table_find(gate->keys->sessions, &key);

	if (!note)
		note = table_insert(gate->keys->sessions, &key);
	if (!note)
		return;
	if (note->handshake != met->handshake)
		*note = (struct session_note){ .handshake = met->handshake, .ends = met->ends };
	note->expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
	for (size_t i = 0; i < GATE_SESSION_RULES; i++) {
		if (note->rules[i] == met->rules[0])
			return;
	}
	note->rules[note->next++ % GATE_SESSION_RULES] = met->rules[0];
}

void gate_note_sessions(struct gate *gate, const struct key_evidence *evidence, uint64_t rules)
{
	struct session_note met = {
		.handshake = evidence->handshake,
		.ends = evidence->ends,
		.rules = { rules },
	};

	/* A session that went on, and gave the client another ticket. */
	if (evidence->resumed != 0)
		met.handshake = gate_find_session(gate, evidence->resumed, rules);
	if (met.handshake == 0)
		return;
	for (size_t i = 0; i < 2; i++) {
		if (evidence->begun[i] != 0)
			note_session(gate, evidence->begun[i], &met);
	}
}

/* The server says again what the client said: it is still that session. */
static void forget_session(struct gate *gate, const struct flow *flow, struct bytes id,
                           struct bytes resumed)
{
	uint64_t key = gate_hash_session(gate, flow, id);

	if (key != 0 && !bytes_equal(id, resumed))
		table_remove(gate->keys->sessions, &key);
}

/* Nobody knows what the client was given. */
static void forget_all(struct gate *gate, const struct flow *flow)
{
	struct table *sessions = gate->keys->sessions;
	const uint64_t ends = gate_hash_ends(gate, flow);
	const void *key, *younger_key = NULL;
	const struct session_note *note = table_oldest(sessions, &key), *younger;

	for (; note; note = younger, key = younger_key) {
		younger = table_younger(sessions, note, &younger_key);
		if (note->ends == ends)
			table_remove(sessions, key);
	}
}

void gate_forget_sessions(struct gate *gate, struct flow *flow)
{
	enum session_flight flight = session_server_flight(flow->session);
	struct session_keys keys;

	if (flight == SESSION_FLIGHT_OPEN) {
		flow->are_sessions_forgotten = false;
		return;
	}
	if (flow->are_sessions_forgotten)
		return;
	flow->are_sessions_forgotten = true;
	if (flight == SESSION_FLIGHT_LOST || !session_keys(&keys, flow->session)) {
		forget_all(gate, flow);
		return;
	}
	if (!keys.is_resumed)
		forget_session(gate, flow, keys.server_session_id, (struct bytes){ 0 });
	forget_session(gate, flow, keys.new_ticket,
	               keys.is_resumed ? keys.offered_ticket : (struct bytes){ 0 });
}
