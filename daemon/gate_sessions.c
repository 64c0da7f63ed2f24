/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "base/siphash.h"

/*
 * What makes a session go on shows no certificate, but whoever can go on with it had the key of the handshake that began it. Both ends
 * keep the secret under the server's identifier or ticket, which crossed the wire in clear: so a man in the middle begins a session of
 * his own under the true server's. His handshake is refused, and yet the client has what he gave it, in place of what it had. What is
 * known of a name is therefore forgotten as soon as another handshake takes it, whatever comes of that. And what that one showed is
 * kept: who goes on with a session that has met nothing is who began it, whatever a probe is shown meanwhile.
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
		if (evidence->begun[i] == 0)
			continue;
		note_session(gate, evidence->begun[i], &met);
		table_remove(gate->keys->begun, &evidence->begun[i]);
	}
}

static struct begun_note *find_begun(struct gate *gate, uint64_t key)
{
	struct begun_note *note = key != 0 ? table_find(gate->keys->begun, &key) : NULL;

	return note && note->expires_ms > gate->now_ms ? note : NULL;
}

void gate_recall_beginning(struct gate *gate, struct key_evidence *evidence)
{
	const struct begun_note *note = find_begun(gate, evidence->resumed);

	if (table_peek(gate->keys->sessions, &evidence->resumed))
		return;
	if (!note) {
		if (!find_begun(gate, evidence->ends))
			return;
		evidence->is_beginning_lost = true;
	} else if (note->has_passed && !gate_is_handshake_kept(gate, note->handshake)) {
		/* Of most of these nothing was ever asked. */
		return;
	} else {
		evidence->handshake = note->handshake;
		evidence->leaf = note->leaf;
		evidence->is_list_cut = note->is_list_cut;
		evidence->is_unkept = note->is_unkept;
		evidence->is_unsigned = note->is_unsigned;
	}
	evidence->sight = SIGHT_WIRE;
	evidence->begun[0] = evidence->resumed;
	evidence->resumed = 0;
}

void gate_let_sessions_pass(struct gate *gate, const struct key_evidence *evidence)
{
	for (size_t i = 0; i < 2; i++) {
		struct begun_note *note = find_begun(gate, evidence->begun[i]);

		if (note)
			note->has_passed = true;
	}
}

static void put_begun(struct gate *gate, uint64_t key, const struct begun_note *begun)
{
	struct begun_note *note = key != 0 ? table_find(gate->keys->begun, &key) : NULL;

	/* Identifier and ticket may be the same. */
	if (!note && key != 0)
		note = table_insert(gate->keys->begun, &key);
	if (note)
		*note = *begun;
}

/* All that is known yet of what the client is given: what was shown to it. */
static void note_beginning(struct gate *gate, const struct flow *flow,
                           const struct session_keys *keys)
{
	struct key_evidence *shown = &gate->evidence;
	struct begun_note note = {
		.expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS,
		.ends = gate_hash_ends(gate, flow),
	};

	if (keys->server_session_id.len == 0 && keys->new_ticket.len == 0)
		return;
	memset(shown, 0, sizeof(*shown));
	gate_read_full(gate, shown, flow, keys);
	note.handshake = shown->handshake;
	note.leaf = shown->leaf;
	note.is_list_cut = shown->is_list_cut;
	note.is_unkept = shown->is_unkept;
	note.is_unsigned = shown->is_unsigned;
	put_begun(gate, shown->begun[0], &note);
	put_begun(gate, shown->begun[1], &note);
}

/* Whatever the client got there, it may go on with. Of a connection that is in TLS when it is first seen, that may have been long ago. */
static void note_unread(struct gate *gate, const struct flow *flow)
{
	const struct begun_note note = {
		.expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS,
		.ends = gate_hash_ends(gate, flow),
	};

	if (!session_facts(flow->session)->is_midstream || session_offered_version(flow->session))
		put_begun(gate, note.ends, &note);
}

static void forget_session(struct gate *gate, const struct flow *flow, struct bytes id)
{
	uint64_t key = gate_hash_session(gate, flow, id);

	if (key == 0)
		return;
	table_remove(gate->keys->sessions, &key);
	table_remove(gate->keys->begun, &key);
}

static void forget_met(struct gate *gate, uint64_t ends)
{
	struct table *sessions = gate->keys->sessions;
	const void *key, *younger_key = NULL;
	const struct session_note *note = table_oldest(sessions, &key), *younger;

	for (; note; note = younger, key = younger_key) {
		younger = table_younger(sessions, note, &younger_key);
		if (note->ends == ends)
			table_remove(sessions, key);
	}
}

static void forget_begun(struct gate *gate, uint64_t ends)
{
	struct table *begun = gate->keys->begun;
	const void *key, *younger_key = NULL;
	const struct begun_note *note = table_oldest(begun, &key), *younger;

	for (; note; note = younger, key = younger_key) {
		younger = table_younger(begun, note, &younger_key);
		if (note->ends == ends)
			table_remove(begun, key);
	}
}

/* It is the same session, under another name, which may be the one that it had. */
static void rename_session(struct gate *gate, const struct flow *flow,
                           const struct session_keys *keys)
{
	bool has_ticket = keys->offered_ticket.len > 0;
	const struct begun_note *note =
		find_begun(gate, gate_hash_session(gate, flow,
	                                           has_ticket ? keys->offered_ticket
	                                                      : keys->client_session_id));
	struct begun_note begun = note ? *note : (struct begun_note){ 0 };

	if (keys->new_ticket.len == 0 || bytes_equal(keys->new_ticket, keys->offered_ticket))
		return;
	forget_session(gate, flow, keys->new_ticket);
	if (note)
		put_begun(gate, gate_hash_session(gate, flow, keys->new_ticket), &begun);
}

/* Nobody knows what the client was given. */
static void forget_all(struct gate *gate, const struct flow *flow)
{
	const uint64_t ends = gate_hash_ends(gate, flow);

	forget_met(gate, ends);
	forget_begun(gate, ends);
	note_unread(gate, flow);
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
	if (keys.is_resumed) {
		rename_session(gate, flow, &keys);
		return;
	}
	forget_session(gate, flow, keys.server_session_id);
	forget_session(gate, flow, keys.new_ticket);
	note_beginning(gate, flow, &keys);
}
