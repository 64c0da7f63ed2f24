/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate_keys_state.h"

#include <string.h>

#include "base/siphash.h"

/*
 * What makes a session go on shows no certificate, but whoever can go on with it had the key of the handshake that began it. Both ends
 * keep the secret under the server's identifier or ticket, which crossed the wire in clear, and which no signature covers: a man in the
 * middle may begin a session of his own under the true server's name, or call the true server's by the name of his own. So a handshake
 * speaks for a session only when its client has spoken behind it: that far it comes only when Finished was right, which covers the name,
 * too. Until then it speaks against it.
 *
 * A name that two handshakes give is nobody's from then on, whoever has spoken: a client may keep both sessions (Postfix has one for each
 * name that a server gives itself), and the one that speaks first is not the one that it kept last. So it is whatever their addresses
 * are: some clients keep one session for all of a host's, and some have several themselves. So it is when they come by different guards
 * (gate_names.c).
 */

uint64_t gate_hash_ends(const struct gate *gate, const struct flow *flow)
{
	const struct address ends[] = { flow->client.address, flow->server.address };

	return siphash(gate->secret, ends, sizeof(ends));
}

uint64_t gate_hash_beginning(const struct gate *gate, const struct session_keys *keys)
{
	uint8_t randoms[2 * CHECK_RANDOM_LEN];

	memcpy(randoms, keys->client_random, CHECK_RANDOM_LEN);
	memcpy(randoms + CHECK_RANDOM_LEN, keys->server_random, CHECK_RANDOM_LEN);
	return gate_hash_name(gate, bytes_of(randoms, sizeof(randoms)));
}

struct bytes gate_offered_session(const struct session_keys *keys)
{
	return keys->offered_ticket.len > 0 ? keys->offered_ticket : keys->client_session_id;
}

struct session_note *gate_find_session(struct gate *gate, uint64_t name)
{
	struct session_note *note = name != 0 ? table_find(gate->keys->sessions, &name) : NULL;

	return note && note->expires_ms > gate->now_ms ? note : NULL;
}

/*
 * NULL: nothing is known of it. Of a connection that was open when somebody could have given its name to another session, unread, that
 * may have happened: before the server has said the name nobody knows it.
 */
static struct session_note *find_note(struct gate *gate, uint64_t key)
{
	struct session_note *note = gate_find_session(gate, key);
	const struct unread_note *unread;

	if (!note)
		return NULL;
	unread = table_peek(gate->keys->unread, &note->ends);
	return unread && note->opened_ms <= unread->lost_ms ? NULL : note;
}

/* A session is one client's with one server: whoever chooses identifiers must not have it taken for somebody else's. */
static struct session_note *find_own(struct gate *gate, uint64_t key, uint64_t ends)
{
	struct session_note *note = find_note(gate, key);

	return note && note->ends == ends ? note : NULL;
}

static uint64_t *forgotten_of(const struct gate *gate, uint64_t ends)
{
	return &gate->keys->forgotten_ms[ends % GATE_FORGOTTEN_MAX];
}

static bool is_accepted(const struct gate *gate, const struct session_note *note)
{
	const struct unread_note *unread = table_peek(gate->keys->unread, &note->ends);

	return note->is_accepted && !note->is_disputed && !note->is_doubted &&
	       note->opened_ms > gate->keys->names_lost_ms &&
	       note->opened_ms > *forgotten_of(gate, note->ends) &&
	       !(unread && note->opened_ms <= unread->doubted_ms);
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

/* Of these two; NULL: out of memory. */
static struct unread_note *unread_of(struct gate *gate, uint64_t ends)
{
	struct unread_note *unread = table_find(gate->keys->unread, &ends);

	return unread ? unread : table_insert(gate->keys->unread, &ends);
}

/* Whatever these two may go on with, nobody knows. */
static void note_unread(struct gate *gate, uint64_t ends)
{
	struct unread_note *unread = unread_of(gate, ends);

	if (unread)
		unread->until_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
}

void gate_on_unread_leave(void *owner, const void *key, void *value)
{
	const struct unread_note *unread = value;
	const uint64_t *ends = key;
	uint64_t *forgotten_ms = forgotten_of(owner, *ends);

	if (*forgotten_ms < unread->lost_ms)
		*forgotten_ms = unread->lost_ms;
	if (*forgotten_ms < unread->doubted_ms)
		*forgotten_ms = unread->doubted_ms;
}

void gate_on_session_leave(void *owner, const void *key, void *value)
{
	struct gate *gate = owner;
	const struct session_note *note = value;

	(void)key;
	if (note->expires_ms <= gate->now_ms)
		return;
	/* Pushed out. Its name may be given once more, in a connection that was open then. */
	if (gate->keys->pushed_out_ms < note->expires_ms - GATE_SESSION_LIFE_MS)
		gate->keys->pushed_out_ms = note->expires_ms - GATE_SESSION_LIFE_MS;
	/* Without it one that was refused would be one that nobody saw. */
	if (!note->has_passed)
		note_unread(gate, note->ends);
}

static struct session_note note_of(const struct key_evidence *shown, uint64_t opened_ms)
{
	return (struct session_note){
		.opened_ms = opened_ms,
		.beginning = shown->beginning,
		.handshake = shown->handshake,
		.leaf = shown->leaf,
		.ends = shown->ends,
		.is_list_cut = shown->is_list_cut,
		.is_unkept = shown->is_unkept,
		.is_unsigned = shown->is_unsigned,
		.is_weak = shown->is_weak || shown->is_downgraded,
	};
}

void gate_recall_session(struct gate *gate, struct key_evidence *evidence)
{
	const struct session_note *note = find_note(gate, evidence->resumed);
	const struct unread_note *unread = table_find(gate->keys->unread, &evidence->ends);
	bool is_unread = unread && unread->until_ms > gate->now_ms;

	evidence->is_beginning_known = evidence->is_beginning_accepted = false;
	if (!note || note->ends != evidence->ends || note->beginning == 0) {
		evidence->is_beginning_lost = is_unread || (note && note->is_disputed);
		return;
	}
	evidence->is_beginning_accepted = is_accepted(gate, note);
	evidence->is_beginning_lost =
		note->is_disputed || (is_unread && !evidence->is_beginning_accepted);
	evidence->is_beginning_known = true;
	evidence->has_beginning_passed = note->has_passed;
	evidence->beginning = note->beginning;
	evidence->handshake = note->handshake;
	evidence->leaf = note->leaf;
	evidence->is_list_cut = note->is_list_cut;
	evidence->is_unkept = note->is_unkept;
	evidence->is_unsigned = note->is_unsigned;
	evidence->is_weak |= note->is_weak;
}

enum session_met gate_has_session_met(struct gate *gate, const struct key_evidence *evidence,
                                      const struct met_promise *asked)
{
	const struct session_note *note = find_own(gate, evidence->resumed, evidence->ends);
	enum session_met met = SESSION_MET_NOTHING;

	if (!note || !is_accepted(gate, note))
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
		struct session_note *note = find_own(gate, names[i], evidence->ends);

		if (!note || !is_accepted(gate, note) || note->beginning != evidence->beginning)
			continue;
		note->expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
		add_promise(note, met);
	}
}

/* Unless another session may have had the name, as far as is still known. */
static void accept(const struct gate *gate, struct session_note *note)
{
	note->is_accepted |= note->opened_ms > gate->keys->pushed_out_ms;
}

/* It is the same session, under another name. */
static void accept_another_name(struct gate *gate, const struct key_evidence *evidence)
{
	const struct session_note *offered = find_own(gate, evidence->resumed, evidence->ends);
	struct session_note *given = find_own(gate, evidence->begun[1], evidence->ends);

	if (offered && given && offered->beginning == given->beginning &&
	    is_accepted(gate, offered))
		accept(gate, given);
}

void gate_accept_sessions(struct gate *gate, const struct hop_query *query)
{
	const struct key_evidence *evidence = query->evidence;

	if (evidence->resumed != 0) {
		/* What speaks against the session must not come behind its new name. */
		if (gate_are_names_in(gate, query->judged_ms))
			accept_another_name(gate, evidence);
		return;
	}
	if (evidence->sight != SIGHT_WIRE || !evidence->is_server_finished ||
	    evidence->is_client_early)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct session_note *note = find_own(gate, evidence->begun[i], evidence->ends);

		if (!note || note->beginning != evidence->beginning)
			continue;
		accept(gate, note);
		/* There may be memory for it by now. */
		if (note->handshake == 0) {
			note->handshake = evidence->handshake;
			note->is_unkept = evidence->is_unkept;
		}
	}
}

void gate_let_sessions_pass(struct gate *gate, const struct key_evidence *evidence)
{
	const uint64_t names[] = { evidence->begun[0], evidence->begun[1] };

	for (size_t i = 0; i < 2; i++) {
		struct session_note *note = find_own(gate, names[i], evidence->ends);

		if (note && note->beginning == evidence->beginning && !note->is_disputed)
			note->has_passed = true;
	}
}

void gate_dispute_session(const struct gate *gate, struct session_note *note)
{
	note->expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
	note->is_disputed = true;
	/* Pushed out, it must not be one that nobody saw. */
	note->has_passed = false;
}

/* Whose name it is already keeps his session, and perhaps under another name of the server's than the new one: both may go on by it. */
static void begin(struct gate *gate, uint64_t key, const struct session_note *begun)
{
	struct session_note *note = find_note(gate, key);

	if (!note) {
		put_note(gate, key, begun);
		return;
	}
	note->expires_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
	if (note->beginning != begun->beginning)
		gate_dispute_session(gate, note);
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
	begun = note_of(shown, flow->started_ms);
	begin(gate, shown->begun[0], &begun);
	if (shown->begun[1] != shown->begun[0])
		begin(gate, shown->begun[1], &begun);
	gate_tell_names(gate, shown->begun, &begun);
}

/* Another ticket for a session that goes on, and be it one that nobody saw begin. */
static void begin_resumed(struct gate *gate, const struct flow *flow,
                          const struct session_keys *keys)
{
	uint64_t ends = gate_hash_ends(gate, flow);
	uint64_t offered = gate_hash_name(gate, gate_offered_session(keys));
	uint64_t given = gate_hash_name(gate, keys->new_ticket);
	const struct session_note *note = find_own(gate, offered, ends);
	struct session_note begun = { .ends = ends, .has_passed = true };

	if (given == 0 || given == offered)
		return;
	if (note)
		begun = *note;
	begun.opened_ms = flow->started_ms;
	begun.is_accepted = false;
	begin(gate, given, &begun);
	gate_tell_names(gate, (const uint64_t[]){ given, 0 }, &begun);
}

/*
 * With each progress: the client has what it is given at the last. Of a connection that was in TLS when it was first seen, that may have
 * been long ago.
 */
static void lose_sessions(struct gate *gate, const struct flow *flow)
{
	const uint64_t ends = gate_hash_ends(gate, flow);
	bool is_lost = !session_facts(flow->session)->is_midstream ||
	               session_offered_version(flow->session);
	struct unread_note *unread = unread_of(gate, ends);

	if (!unread) {
		*forgotten_of(gate, ends) = gate->now_ms;
	} else if (is_lost) {
		unread->until_ms = gate->now_ms + GATE_SESSION_LIFE_MS;
		unread->lost_ms = gate->now_ms;
	} else {
		unread->doubted_ms = gate->now_ms;
	}
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
	if (flight == SESSION_FLIGHT_LOST || !session_keys(&keys, flow->session)) {
		if (!session_came_to_nothing(flow->session, flow->from_client.has_fin))
			lose_sessions(gate, flow);
		return;
	}
	flow->are_sessions_begun = true;
	if (keys.is_resumed)
		begin_resumed(gate, flow, &keys);
	else
		begin_full(gate, flow, &keys);
}
