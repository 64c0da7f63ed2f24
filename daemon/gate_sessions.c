/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "base/siphash.h"

/*
 * What makes a session go on shows no certificate, but whoever can go on with it had the key of the handshake that began it. Both ends
 * keep the secret under the server's identifier or ticket, which crossed the wire in clear, and which no signature covers: a man in the
 * middle may begin a session of his own under the true server's name, or call the true server's by the name of his own. So a name
 * belongs to the last handshake behind which its client has spoken: that far it only comes when Finished was right, which covers the
 * name, too. Until then a handshake speaks against a session, never for it.
 *
 * Whether the handshake was refused does not matter: the client has what it was given, in place of what it had.
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

struct bytes gate_offered_session(const struct session_keys *keys)
{
	return keys->offered_ticket.len > 0 ? keys->offered_ticket : keys->client_session_id;
}

static struct session_note *find_note(struct gate *gate, uint64_t key)
{
	struct session_note *note = key != 0 ? table_find(gate->keys->sessions, &key) : NULL;

	return note && note->expires_ms > gate->now_ms ? note : NULL;
}

static void put_note(struct gate *gate, uint64_t key, const struct session_note *wanted)
{
	struct session_note *note = key != 0 ? table_find(gate->keys->sessions, &key) : NULL;

	if (!note && key != 0)
		note = table_insert(gate->keys->sessions, &key);
	if (!note)
		return;
	*note = *wanted;
	note->expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
}

/* Whatever these two may go on with, nobody knows. */
static void note_unread(struct gate *gate, uint64_t ends)
{
	uint64_t *expires_ms = table_find(gate->keys->unread, &ends);

	if (!expires_ms)
		expires_ms = table_insert(gate->keys->unread, &ends);
	if (expires_ms)
		*expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
}

void gate_on_session_leave(void *owner, const void *key, void *value)
{
	struct gate *gate = owner;
	const struct session_note *note = value;

	(void)key;
	/* Pushed out. Without it one that was refused would be one that nobody saw. */
	if (note->expires_ms > gate->now_ms && !note->has_passed)
		note_unread(gate, note->ends);
}

static struct session_note note_of(const struct key_evidence *shown)
{
	return (struct session_note){
		.handshake = shown->handshake,
		.leaf = shown->leaf,
		.ends = shown->ends,
		.is_list_cut = shown->is_list_cut,
		.is_unkept = shown->is_unkept,
		.is_unsigned = shown->is_unsigned,
	};
}

/* The same that stands there: anonymous ones cannot be told apart. */
static bool is_same_beginning(const struct session_note *a, const struct session_note *b)
{
	return a->handshake != 0 && a->handshake == b->handshake;
}

void gate_recall_session(struct gate *gate, struct key_evidence *evidence)
{
	const struct session_note *note = find_note(gate, evidence->resumed);
	const uint64_t *unread_ms;

	if (!note) {
		unread_ms = table_find(gate->keys->unread, &evidence->ends);
		evidence->is_beginning_lost = unread_ms && *unread_ms > gate->now_ms;
		return;
	}
	evidence->is_beginning_lost = note->is_disputed;
	evidence->is_beginning_known = true;
	evidence->is_beginning_accepted = note->is_accepted;
	evidence->has_beginning_passed = note->has_passed;
	evidence->handshake = note->handshake;
	evidence->leaf = note->leaf;
	evidence->is_list_cut = note->is_list_cut;
	evidence->is_unkept = note->is_unkept;
	evidence->is_unsigned = note->is_unsigned;
}

enum session_met gate_has_session_met(struct gate *gate, const struct key_evidence *evidence,
                                      const struct met_promise *asked)
{
	const struct session_note *note = find_note(gate, evidence->resumed);
	enum session_met met = SESSION_MET_NOTHING;

	if (!note || !note->is_accepted || note->is_disputed)
		return met;
	for (size_t i = 0; i < GATE_SESSION_PROMISES; i++) {
		if (note->met[i].hop != asked->hop)
			continue;
		if (note->met[i].rules == asked->rules)
			return SESSION_MET_THIS;
		met = SESSION_MET_BEFORE;
	}
	return met;
}

static void add_promise(struct session_note *note, const struct met_promise *met)
{
	for (size_t i = 0; i < GATE_SESSION_PROMISES; i++) {
		if (note->met[i].hop == met->hop && note->met[i].rules == met->rules)
			return;
	}
	note->met[note->next++ % GATE_SESSION_PROMISES] = *met;
}

void gate_note_sessions(struct gate *gate, const struct key_evidence *evidence,
                        const struct met_promise *met)
{
	const uint64_t names[] = { evidence->begun[0], evidence->begun[1], evidence->resumed };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct session_note *note = find_note(gate, names[i]);

		if (!note || !note->is_accepted || note->handshake != evidence->handshake)
			continue;
		note->expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
		add_promise(note, met);
	}
}

/* It is the same session, under another name, which may be the one that it had. */
static void accept_another_name(struct gate *gate, uint64_t offered, uint64_t given)
{
	const struct session_note *note = find_note(gate, offered);
	const struct session_note accepted = note ? *note : (struct session_note){ 0 };
	struct session_note *before = find_note(gate, given);

	if (given == offered)
		return;
	if (note)
		put_note(gate, given, &accepted);
	else if (before)
		before->expires_ms = 0;
}

void gate_accept_sessions(struct gate *gate, const struct key_evidence *evidence)
{
	struct session_note accepted = note_of(evidence);

	if (evidence->resumed != 0) {
		accept_another_name(gate, evidence->resumed, evidence->begun[1]);
		return;
	}
	if (evidence->sight != SIGHT_WIRE || !evidence->is_server_finished)
		return;
	accepted.is_accepted = true;
	for (size_t i = 0; i < 2; i++) {
		struct session_note *note = find_note(gate, evidence->begun[i]);

		if (note && is_same_beginning(note, &accepted)) {
			note->is_accepted = true;
			note->is_disputed = false;
		} else {
			put_note(gate, evidence->begun[i], &accepted);
		}
	}
}

void gate_let_sessions_pass(struct gate *gate, const struct key_evidence *evidence)
{
	const uint64_t names[] = { evidence->begun[0], evidence->begun[1] };

	for (size_t i = 0; i < 2; i++) {
		struct session_note *note = find_note(gate, names[i]);

		if (note && note->handshake == evidence->handshake)
			note->has_passed = true;
	}
}

/* A name that somebody has already: which of the two a client will go on with is not known until it has spoken. */
static void begin(struct gate *gate, uint64_t key, const struct session_note *begun)
{
	struct session_note *note = find_note(gate, key);

	if (!note)
		put_note(gate, key, begun);
	else if (!is_same_beginning(note, begun))
		note->is_disputed = true;
	/* Pushed out, it must not be one that nobody saw. */
	if (note && note->is_disputed)
		note->has_passed = false;
}

/* All that is known yet of what the client is given: what was shown to it. */
static void begin_full(struct gate *gate, const struct flow *flow, const struct session_keys *keys)
{
	struct key_evidence *shown = &gate->evidence;
	struct session_note begun;

	if (keys->server_session_id.len == 0 && keys->new_ticket.len == 0)
		return;
	memset(shown, 0, sizeof(*shown));
	shown->ends = gate_hash_ends(gate, flow);
	gate_read_full(gate, shown, flow, keys);
	begun = note_of(shown);
	begin(gate, shown->begun[0], &begun);
	if (shown->begun[1] != shown->begun[0])
		begin(gate, shown->begun[1], &begun);
}

/* Another ticket for a session that goes on. */
static void begin_resumed(struct gate *gate, const struct flow *flow,
                          const struct session_keys *keys)
{
	uint64_t offered = gate_hash_session(gate, flow, gate_offered_session(keys));
	uint64_t given = gate_hash_session(gate, flow, keys->new_ticket);
	const struct session_note *note = find_note(gate, offered);
	struct session_note begun = { .ends = gate_hash_ends(gate, flow), .has_passed = true };

	if (given == 0 || given == offered)
		return;
	if (note) {
		begun = *note;
		begun.is_accepted = false;
	}
	if (note || find_note(gate, given))
		begin(gate, given, &begun);
}

static void forget_all(struct gate *gate, const struct flow *flow)
{
	const uint64_t ends = gate_hash_ends(gate, flow);
	struct table *sessions = gate->keys->sessions;
	const void *key;
	struct session_note *note = table_oldest(sessions, &key);

	for (; note; note = table_younger(sessions, note, &key)) {
		if (note->ends == ends)
			note->expires_ms = 0;
	}
	/* Of a connection that is in TLS when it is first seen, what the client goes on with may have been long ago. */
	if (!session_facts(flow->session)->is_midstream || session_offered_version(flow->session))
		note_unread(gate, ends);
}

void gate_begin_sessions(struct gate *gate, struct flow *flow)
{
	enum session_flight flight = session_server_flight(flow->session);
	struct session_keys keys;

	if (flight == SESSION_FLIGHT_OPEN) {
		flow->are_sessions_begun = false;
		return;
	}
	if (flow->are_sessions_begun)
		return;
	flow->are_sessions_begun = true;
	if (flight == SESSION_FLIGHT_LOST || !session_keys(&keys, flow->session))
		forget_all(gate, flow);
	else if (keys.is_resumed)
		begin_resumed(gate, flow, &keys);
	else
		begin_full(gate, flow, &keys);
}
