/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_TESTS_UNIT_FLOW_PLAY_H
#define HOPGUARD_TESTS_UNIT_FLOW_PLAY_H

/*
 * A connection played through a session: what each side says is shown to it whole or cut, what
 * commits is written down and allowed (or not), and what may pass is counted.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "flow/session.h"

enum {
	PLAY_ROOM = 80 * 1024,
	PLAY_DECISIONS_STEP = 16,
	PLAY_DECISION_LEN = 768,
	PLAY_SHOWN_LEN = 60,
};

struct play_side {
	uint8_t *octets;
	size_t len;
	size_t consumed;
	size_t passed;
};

struct play {
	struct session *session;
	struct play_side client;
	struct play_side server;
	size_t room;     /* of either side */
	bool is_quick;   /* shows octets once, and where they are */
	bool denies;     /* nothing that commits is allowed, MAIL excepted */
	bool is_stopped; /* something was denied */
	size_t decision_count;
	char (*decisions)[PLAY_DECISION_LEN]; /* as "rcpt example.org | RCPT TO" */
	struct facts *facts;                  /* at each of them */
};

static inline const char *play_verb_name(enum smtp_verb verb)
{
	static const char *const names[] = {
		[SMTP_VERB_UNKNOWN] = "unknown",
		[SMTP_EHLO] = "ehlo",
		[SMTP_HELO] = "helo",
		[SMTP_NOOP] = "noop",
		[SMTP_RSET] = "rset",
		[SMTP_QUIT] = "quit",
		[SMTP_HELP] = "help",
		[SMTP_STARTTLS] = "starttls",
		[SMTP_MAIL] = "mail",
		[SMTP_RCPT] = "rcpt",
		[SMTP_DATA] = "data",
		[SMTP_BDAT] = "bdat",
		[SMTP_AUTH] = "auth",
		[SMTP_VRFY] = "vrfy",
		[SMTP_EXPN] = "expn",
		[SMTP_XCLIENT] = "xclient",
		[SMTP_XFORWARD] = "xforward",
	};

	return names[verb];
}

/* What all plays take; back at 0 when they are over. */
static inline struct budget *play_budget(void)
{
	static struct budget budget = { .limit = 1024 * 1024 };

	return &budget;
}

static inline struct play play_new_for(size_t room, bool is_midstream)
{
	struct play play = { .session = session_new(is_midstream, play_budget()), .room = room };

	play.client.octets = malloc(room);
	play.server.octets = malloc(room);
	if (!play.session || !play.client.octets || !play.server.octets)
		abort();
	return play;
}

static inline struct play play_new(bool is_midstream)
{
	return play_new_for(PLAY_ROOM, is_midstream);
}

static inline void play_free(struct play *play)
{
	ASAN_UNPOISON_MEMORY_REGION(play->client.octets, play->room);
	ASAN_UNPOISON_MEMORY_REGION(play->server.octets, play->room);
	session_free(play->session);
	free(play->client.octets);
	free(play->server.octets);
	free(play->decisions);
	free(play->facts);
}

static inline size_t play_read_in_place(struct play *play, bool is_client, size_t *consumed)
{
	struct play_side *side = is_client ? &play->client : &play->server;
	uint8_t *end = side->octets + side->len;
	size_t len = side->len - side->consumed, passing;

	ASAN_POISON_MEMORY_REGION(side->octets, side->consumed);
	ASAN_POISON_MEMORY_REGION(end, play->room - side->len);
	passing = (is_client ? session_from_client : session_from_server)(play->session, consumed,
	                                                                  bytes_of(end - len, len));
	ASAN_UNPOISON_MEMORY_REGION(side->octets, play->room);
	return passing;
}

static inline size_t play_read_copy(struct play *play, bool is_client, size_t *consumed)
{
	struct play_side *side = is_client ? &play->client : &play->server;
	size_t len = side->len - side->consumed, passing;
	uint8_t *copy = malloc(len);

	if (len > 0)
		memcpy(copy, side->octets + side->consumed, len);
	passing = (is_client ? session_from_client : session_from_server)(play->session, consumed,
	                                                                  bytes_of(copy, len));
	free(copy);
	return passing;
}

/*
 * Returns how many may pass. The session sees exactly `len` octets, so that a sanitizer sees one
 * too far.
 */
static inline size_t play_read(struct play *play, bool is_client, size_t *consumed)
{
	const struct play_side *side = is_client ? &play->client : &play->server;
	size_t passing =
		(play->is_quick ? play_read_in_place : play_read_copy)(play, is_client, consumed);

	if (*consumed > passing || passing > side->len - side->consumed)
		abort();
	return passing;
}

static inline bool play_pending_equal(const struct session_commitment *a,
                                      const struct session_commitment *b)
{
	return a->kind == b->kind && a->verb == b->verb && a->path == b->path &&
	       a->is_line_complete == b->is_line_complete && strcmp(a->domain, b->domain) == 0;
}

/* Shown again, it is the same again. */
static inline void play_show_again(struct play *play, bool is_client, size_t passing)
{
	const struct session_commitment pending = *session_pending(play->session);
	size_t consumed = 0;

	if (play_read(play, is_client, &consumed) != passing || consumed != 0 ||
	    !play_pending_equal(&pending, session_pending(play->session)))
		abort();
}

static inline void play_show(struct play *play, bool is_client)
{
	struct play_side *side = is_client ? &play->client : &play->server;
	size_t consumed = 0;
	size_t passing = play_read(play, is_client, &consumed);

	side->consumed += consumed;
	passing -= consumed;
	if (side->consumed + passing > side->passed)
		side->passed = side->consumed + passing;
	if (!play->is_quick)
		play_show_again(play, is_client, passing);
}

/* What the client got through of the line that waits, as far as one can print it. */
static inline void play_line_passed(const struct play *play, char *text, size_t room)
{
	size_t len = play->client.passed - play->client.consumed;
	size_t out = 0;

	for (size_t i = 0; i < len && i < PLAY_SHOWN_LEN; i++) {
		uint8_t octet = play->client.octets[play->client.consumed + i];

		if (octet > 0x1f && octet < 0x7f)
			text[out++] = (char)octet;
		else
			out += (size_t)snprintf(text + out, room - out, "\\x%02x", octet);
	}
	text[out] = '\0';
	if (len > PLAY_SHOWN_LEN)
		snprintf(text + out, room - out, "... %zu", len);
}

static inline void play_make_room(struct play *play)
{
	size_t count = play->decision_count + PLAY_DECISIONS_STEP;

	if (play->decision_count % PLAY_DECISIONS_STEP != 0)
		return;
	play->decisions = realloc(play->decisions, count * sizeof(*play->decisions));
	play->facts = realloc(play->facts, count * sizeof(*play->facts));
	if (!play->decisions || !play->facts)
		abort();
}

static inline void play_note_decision(struct play *play)
{
	static const char *const paths[] = {
		[SMTP_PATH_DOMAIN] = "",
		[SMTP_PATH_LITERAL] = " literal",
		[SMTP_PATH_LOCAL] = " local",
		[SMTP_PATH_MALFORMED] = " malformed",
	};
	const struct session_commitment *pending = session_pending(play->session);
	char *text;
	char passed[PLAY_SHOWN_LEN * 4 + 32];

	play_make_room(play);
	text = play->decisions[play->decision_count];
	play_line_passed(play, passed, sizeof(passed));
	switch (pending->kind) {
	case COMMITMENT_MAIL:
		snprintf(text, PLAY_DECISION_LEN, "mail | %s", passed);
		break;
	case COMMITMENT_RCPT:
		if (pending->is_line_complete)
			snprintf(text, PLAY_DECISION_LEN, "rcpt %s%s | %s", pending->domain,
			         paths[pending->path], passed);
		else
			snprintf(text, PLAY_DECISION_LEN, "rcpt incomplete | %s", passed);
		break;
	case COMMITMENT_COMMAND:
		snprintf(text, PLAY_DECISION_LEN, "command %s | %s", play_verb_name(pending->verb),
		         passed);
		break;
	case COMMITMENT_TLS:
		snprintf(text, PLAY_DECISION_LEN, "tls | %s", passed);
		break;
	case COMMITMENT_NONE:
	case COMMITMENT_END:
		abort();
	}
	play->facts[play->decision_count] = *session_facts(play->session);
	play->decision_count++;
}

/* False: it waits on. */
static inline bool play_decide(struct play *play, bool waits_for_line)
{
	const struct session_commitment *pending = session_pending(play->session);

	if (session_facts(play->session)->commitment != pending->kind)
		abort();
	if (pending->kind == COMMITMENT_NONE || (waits_for_line && !pending->is_line_complete))
		return false;
	play_note_decision(play);
	if (play->denies && pending->kind != COMMITMENT_MAIL) {
		play->is_stopped = true;
		return false;
	}
	session_allow(play->session);
	if (session_pending(play->session)->kind != COMMITMENT_NONE)
		abort();
	return true;
}

/*
 * Octets that one side says. `ends` false: it has more to say at once, so the other side's wait is
 * not looked at.
 */
static inline void play_say(struct play *play, bool is_client, struct bytes bytes, bool ends)
{
	struct play_side *side = is_client ? &play->client : &play->server;
	size_t before;

	if (play->is_stopped)
		return;
	if (bytes.len > play->room - side->len)
		abort();
	if (bytes.len > 0)
		memcpy(side->octets + side->len, bytes.data, bytes.len);
	side->len += bytes.len;

	do {
		play_show(play, is_client);
	} while (play_decide(play, !ends) && !play->is_stopped);
	if (!ends)
		return;
	do {
		before = play->client.passed + play->server.passed;
		play_show(play, false);
		play_show(play, true);
	} while (!play->is_stopped &&
	         (play_decide(play, false) || play->client.passed + play->server.passed > before));
}

/* The same in single octets. */
static inline void play_spell(struct play *play, bool is_client, struct bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		play_say(play, is_client, bytes_slice(bytes, i, 1), i + 1 == bytes.len);
}

/* In two parts. */
static inline void play_cut(struct play *play, bool is_client, struct bytes bytes, size_t at)
{
	play_say(play, is_client, bytes_slice(bytes, 0, at), false);
	play_say(play, is_client, bytes_after(bytes, at), true);
}

static inline bool play_facts_equal(const struct facts *a, const struct facts *b)
{
	return a->commitment == b->commitment && a->ehlo == b->ehlo && a->starttls == b->starttls &&
	       a->starttls_answer == b->starttls_answer && a->starttls_code == b->starttls_code &&
	       a->tls == b->tls && a->injection == b->injection &&
	       a->is_banner_masked == b->is_banner_masked &&
	       a->is_authenticated == b->is_authenticated && a->is_midstream == b->is_midstream &&
	       a->is_protocol_violated == b->is_protocol_violated &&
	       a->is_inspection_cut_short == b->is_inspection_cut_short;
}

static inline bool play_keys_equal(const struct session *a, const struct session *b)
{
	struct session_keys x;
	struct session_keys y;
	bool has_keys = session_keys(&x, a);

	if (session_keys(&y, b) != has_keys)
		return false;
	return !has_keys ||
	       (x.version == y.version && x.cipher_suite == y.cipher_suite &&
	        x.is_hidden == y.is_hidden && x.is_resumed == y.is_resumed &&
	        x.is_server_finished == y.is_server_finished &&
	        x.has_extended_master_secret == y.has_extended_master_secret &&
	        x.is_raw_key == y.is_raw_key && bytes_equal(x.chain, y.chain) &&
	        bytes_equal(x.key_exchange, y.key_exchange) &&
	        memcmp(x.client_random, y.client_random, 32) == 0 &&
	        memcmp(x.server_random, y.server_random, 32) == 0 &&
	        bytes_equal(x.client_session_id, y.client_session_id) &&
	        bytes_equal(x.server_session_id, y.server_session_id) &&
	        bytes_equal(x.offered_ticket, y.offered_ticket) &&
	        bytes_equal(x.new_ticket, y.new_ticket) &&
	        bytes_equal(x.shape.cipher_suites, y.shape.cipher_suites) &&
	        bytes_equal(x.shape.groups, y.shape.groups) &&
	        bytes_equal(x.shape.signature_algorithms, y.shape.signature_algorithms) &&
	        bytes_equal(x.shape.versions, y.shape.versions));
}

static inline bool play_handshakes_equal(const struct session *a, const struct session *b)
{
	return strcmp(session_server_name(a), session_server_name(b)) == 0 &&
	       session_tls_version(a) == session_tls_version(b) &&
	       session_offered_version(a) == session_offered_version(b) &&
	       session_cipher(a) == session_cipher(b) && session_has_ech(a) == session_has_ech(b) &&
	       session_is_resumed_or_hidden(a) == session_is_resumed_or_hidden(b) &&
	       session_is_downgraded(a) == session_is_downgraded(b) &&
	       bytes_equal(session_leaf(a), session_leaf(b)) && play_keys_equal(a, b);
}

/* Same decisions, with the same facts, the same handshake, and the same octets passed. */
static inline bool play_equal(const struct play *a, const struct play *b)
{
	if (a->decision_count != b->decision_count || a->client.passed != b->client.passed ||
	    a->server.passed != b->server.passed ||
	    !play_facts_equal(session_facts(a->session), session_facts(b->session)) ||
	    !play_handshakes_equal(a->session, b->session))
		return false;
	for (size_t i = 0; i < a->decision_count; i++) {
		if (strcmp(a->decisions[i], b->decisions[i]) != 0 ||
		    !play_facts_equal(&a->facts[i], &b->facts[i]))
			return false;
	}
	return true;
}

#endif
