/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "flow/session_private.h"
#include "wire/smtp_reply.h"

struct session *session_new(bool is_midstream, struct budget *budget)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->budget = budget;
	session->facts.is_midstream = is_midstream;
	session->may_be_tls = is_midstream;
	session->may_be_rest = is_midstream;
	session_expect_nothing(session);
	session_enter(session, is_midstream ? SESSION_RESYNC : SESSION_BANNER);
	if (!is_midstream)
		(void)session_expect(session, DUE_BANNER);
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	session_forget_tls(session);
	budget_give(session->budget, session->pending, sizeof(*session->pending));
	session_expect_nothing(session);
	free(session->names);
	free(session);
}

void session_enter(struct session *session, enum session_state state)
{
	session->state = state;
	if (state == SESSION_TLS_DUE || state == SESSION_RESYNC) {
		session_expect_nothing(session);
		session->is_front_allowed = false;
		session->is_split_allowed = false;
		session->rest = REST_NONE;
		session->is_challenged = false;
		session->has_recipient = false;
	}
	if (state == SESSION_TLS_DONE || state == SESSION_RESYNC)
		session_end_handshake(session);
}

void session_lose_order(struct session *session, bool is_opaque_allowed)
{
	session_enter(session, SESSION_RESYNC);
	session->is_opaque_allowed = is_opaque_allowed;
}

void session_violated(struct session *session)
{
	session->facts.is_protocol_violated = true;
}

static bool has_many(const struct session_queue *queue)
{
	return queue->room > sizeof(queue->dues.few);
}

static uint8_t *queue_data(struct session_queue *queue)
{
	return has_many(queue) ? queue->dues.many : queue->dues.few;
}

static bool grow_queue(struct session_queue *queue)
{
	size_t room = (size_t)queue->room * 2;
	uint8_t *many;

	if (room > SESSION_PIPELINE_MAX)
		room = SESSION_PIPELINE_MAX;
	if (room == queue->room)
		return false;
	many = malloc(room);
	if (!many)
		return false;
	for (size_t i = 0; i < queue->count; i++)
		many[i] = queue_data(queue)[(queue->head + i) % queue->room];
	if (has_many(queue))
		free(queue->dues.many);
	queue->dues.many = many;
	queue->head = 0;
	queue->room = (uint16_t)room;
	return true;
}

bool session_expect(struct session *session, enum session_due due)
{
	struct session_queue *queue = &session->queue;

	if (queue->count == queue->room && !grow_queue(queue))
		return false;
	queue_data(queue)[(queue->head + queue->count) % queue->room] = (uint8_t)due;
	queue->count++;
	return true;
}

void session_expect_nothing(struct session *session)
{
	struct session_queue *queue = &session->queue;

	if (has_many(queue))
		free(queue->dues.many);
	*queue = (struct session_queue){ .room = sizeof(queue->dues.few) };
}

enum session_due session_first_due(const struct session *session)
{
	const struct session_queue *queue = &session->queue;

	assert(queue->count > 0);
	return (enum session_due)(has_many(queue) ? queue->dues.many
	                                          : queue->dues.few)[queue->head];
}

void session_drop_due(struct session *session)
{
	struct session_queue *queue = &session->queue;

	assert(queue->count > 0);
	queue->head = (uint16_t)((queue->head + 1) % queue->room);
	queue->count--;
	if (queue->count == 0)
		session_expect_nothing(session);
}

void session_hold(struct session *session, enum session_wait wait,
                  const struct session_commitment *commitment)
{
	/* What the server injected is decided first; what is in front of the client comes again. */
	if (session->wait == WAIT_INJECTED_RESPONSE)
		return;
	if (!session->pending)
		session->pending = budget_take(session->budget, sizeof(*session->pending));
	/* Nothing of it is read then, and so nothing passes: it is read again when more comes, or the same. */
	if (!session->pending)
		return;
	*session->pending = *commitment;
	session->wait = wait;
	session->facts.commitment = commitment->kind;
}

static void forget_pending(struct session *session)
{
	budget_give(session->budget, session->pending, sizeof(*session->pending));
	session->pending = NULL;
	session->wait = WAIT_NOTHING;
	session->facts.commitment = COMMITMENT_NONE;
}

const struct session_commitment *session_pending(const struct session *session)
{
	static const struct session_commitment nothing = { .kind = COMMITMENT_NONE };

	return session->wait == WAIT_NOTHING ? &nothing : session->pending;
}

void session_allow(struct session *session)
{
	enum session_wait wait = session->wait;

	if (wait == WAIT_NOTHING)
		return;
	forget_pending(session);
	session->was_anything_allowed = true;

	switch (wait) {
	case WAIT_NOTHING:
		break;
	case WAIT_LINE:
		session->is_front_allowed = true;
		session->front_allowed_len = session->front_held_len;
		session->is_split_allowed = session->is_split_held;
		break;
	case WAIT_OPAQUE:
		session->is_opaque_allowed = true;
		session->may_be_tls = false;
		break;
	case WAIT_INJECTED_COMMAND:
		session->is_injection_allowed = true;
		break;
	case WAIT_INJECTED_RESPONSE:
		session->is_server_opaque = true;
		break;
	case WAIT_CLEAR_IN_TLS:
		session->is_clear_in_tls_allowed = true;
		session_lose_order(session, true);
		break;
	case WAIT_TLS_DATA:
		session->facts.tls = TLS_ESTABLISHED;
		session_enter(session, SESSION_TLS_DONE);
		break;
	}
}

static struct session_step pass(struct bytes readable)
{
	return (struct session_step){ readable.len, readable.len };
}

static struct session_step read_client(struct session *session, struct bytes readable)
{
	switch (session->state) {
	case SESSION_BANNER:
	case SESSION_GREETED:
	case SESSION_COMMAND:
	case SESSION_RESYNC:
		return session_read_command(session, readable);
	case SESSION_STARTTLS:
		return session_read_behind_starttls(session, readable);
	case SESSION_DATA:
		break;
	case SESSION_BODY:
		return session_read_body(session, readable);
	case SESSION_CHUNK:
		return session_read_chunk(session, readable);
	case SESSION_TLS_DUE:
		return session_read_hello(session, readable);
	case SESSION_TLS:
		return session_read_client_records(session, readable);
	case SESSION_TLS_DONE:
		return pass(readable);
	}
	return (struct session_step){ 0, 0 };
}

static struct session_step client_step(struct session *session, struct bytes readable)
{
	struct session_step step = read_client(session, readable);

	if (step.consumed > 0)
		session->is_clear_in_tls_allowed = false;
	return step;
}

static struct session_step server_step(struct session *session, struct bytes readable)
{
	switch (session->state) {
	case SESSION_BANNER:
	case SESSION_GREETED:
	case SESSION_COMMAND:
	case SESSION_RESYNC:
	case SESSION_STARTTLS:
	case SESSION_DATA:
	case SESSION_BODY:
	case SESSION_CHUNK:
		return session_read_reply(session, readable);
	case SESSION_TLS_DUE:
	case SESSION_TLS:
		return session_read_server_records(session, readable);
	case SESSION_TLS_DONE:
		break;
	}
	return pass(readable);
}

/* Steps on as long as one consumes octets or changes the state, so that it always ends. */
static size_t read_on(struct session *session, size_t *consumed, struct bytes readable,
                      struct session_step (*step)(struct session *, struct bytes))
{
	size_t at = 0;
	size_t passing = 0;

	while (at < readable.len) {
		enum session_state before = session->state;
		struct session_step made = step(session, bytes_after(readable, at));

		if (at + made.passing > passing)
			passing = at + made.passing;
		at += made.consumed;
		if (made.consumed == 0 && session->state == before)
			break;
	}
	*consumed = at;
	return passing;
}

void session_give_up_reply(struct session *session)
{
	if (session->facts.starttls_answer == STARTTLS_PENDING)
		session->is_reply_given_up = true;
}

void session_skip(struct session *session)
{
	/* What was left out may have been anybody's recipient. */
	session_store_name(session, NAME_BANNER, (struct bytes){ 0 });
	session_store_name(session, NAME_EHLO, (struct bytes){ 0 });
	switch (session->state) {
	case SESSION_BANNER:
	case SESSION_GREETED:
	case SESSION_COMMAND:
	case SESSION_STARTTLS:
	case SESSION_DATA:
	case SESSION_BODY:
	case SESSION_CHUNK:
	case SESSION_RESYNC:
		session_lose_order(session, false);
		session->may_be_rest = true;
		break;
	case SESSION_TLS_DUE:
	case SESSION_TLS:
	case SESSION_TLS_DONE:
		session_end_handshake(session);
		break;
	}
}

size_t session_from_client(struct session *session, size_t *consumed, struct bytes readable)
{
	if (session->wait != WAIT_INJECTED_RESPONSE)
		forget_pending(session);
	return read_on(session, consumed, readable, client_step);
}

size_t session_from_server(struct session *session, size_t *consumed, struct bytes readable)
{
	return read_on(session, consumed, readable, server_step);
}

void session_end(struct session *session)
{
	struct facts *facts = &session->facts;

	if (facts->starttls_answer == STARTTLS_PENDING)
		facts->starttls_answer = STARTTLS_UNANSWERED;
	if (facts->starttls_answer == STARTTLS_READY && facts->tls != TLS_ESTABLISHED)
		facts->tls = TLS_BROKEN;
	if (session->wait == WAIT_NOTHING && !session->was_anything_allowed)
		facts->commitment = COMMITMENT_END;
}

const struct facts *session_facts(const struct session *session)
{
	return &session->facts;
}

bool session_is_in_body(const struct session *session)
{
	return session->state == SESSION_BODY || session->state == SESSION_CHUNK;
}

bool session_is_done(const struct session *session)
{
	return session->state == SESSION_TLS_DONE;
}

static const char *name_of(const struct session *session, enum session_name which)
{
	const char *name = session->names;
	int before = (int)which;

	if (!name)
		return "";
	if (session->is_named_alike && before > NAME_BANNER)
		before--;
	while (before-- > 0)
		name += strlen(name) + 1;
	return name;
}

void session_store_name(struct session *session, enum session_name which, struct bytes text)
{
	struct bytes host = smtp_greeting_host(text);
	struct bytes names[SESSION_NAMES];
	size_t len = 0;
	bool is_alike = session->is_named_alike;
	char *stored, *at;

	if (which != NAME_CLIENT)
		is_alike = bytes_equal_nocase(
			host, name_of(session, which == NAME_EHLO ? NAME_BANNER : NAME_EHLO));

	for (int i = 0; i < SESSION_NAMES; i++)
		names[i] = i == (int)which
		                   ? host
		                   : bytes_of_string(name_of(session, (enum session_name)i));
	for (int i = 0; i < SESSION_NAMES; i++)
		len += is_alike && i == NAME_EHLO ? 0 : names[i].len + 1;
	/* Without memory none is known. */
	at = stored = len > SESSION_NAMES ? malloc(len) : NULL;
	for (int i = 0; stored && i < SESSION_NAMES; i++) {
		if (is_alike && i == NAME_EHLO)
			continue;
		for (size_t k = 0; k < names[i].len; k++)
			*at++ = (char)ascii_lower(names[i].data[k]);
		*at++ = '\0';
	}
	free(session->names);
	session->names = stored;
	session->is_named_alike = is_alike;
}

const char *session_banner_name(const struct session *session)
{
	return name_of(session, NAME_BANNER);
}

const char *session_ehlo_name(const struct session *session)
{
	return name_of(session, NAME_EHLO);
}

const char *session_state_name(const struct session *session)
{
	switch (session->state) {
	case SESSION_BANNER:
		return "banner";
	case SESSION_GREETED:
		return "ehlo";
	case SESSION_COMMAND:
		return "command";
	case SESSION_STARTTLS:
		return "starttls";
	case SESSION_TLS_DUE:
		return "tls-due";
	case SESSION_TLS:
		return "handshake";
	case SESSION_TLS_DONE:
		return "tls";
	case SESSION_DATA:
		return "data";
	case SESSION_BODY:
		return "body";
	case SESSION_CHUNK:
		return "chunk";
	case SESSION_RESYNC:
		return "resync";
	}
	return "";
}

const char *session_client_name(const struct session *session)
{
	return name_of(session, NAME_CLIENT);
}
