/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What crosses the wire in clear of a TLS handshake, put together to messages from the records of both directions. Nothing is held back
 * for it, and what cannot be read is a fact.
 */
#include "flow/session_handshake.h"

#include <stdlib.h>

enum {
	ROOM_MIN = 512, /* a hello without post-quantum shares; later rooms are twice as large */
	ALERT_FATAL = 2,
};

void *session_charged(struct session *session, size_t len)
{
	void *octets;

	if (!budget_charge(session->budget, len))
		return NULL;
	octets = calloc(1, len);
	if (!octets)
		budget_refund(session->budget, len);
	return octets;
}

void session_uncharged(struct session *session, void *octets, size_t len)
{
	if (!octets)
		return;
	free(octets);
	budget_refund(session->budget, len);
}

void handshake_stop(struct session *session, struct reader *reader)
{
	reader->is_reading = false;
	session_uncharged(session, reader->messages.room, reader->messages.room_len);
	tls_handshake_give_room(&reader->messages, NULL, 0);
}

void handshake_cut_short(struct session *session, struct reader *reader)
{
	session->facts.is_inspection_cut_short = true;
	handshake_stop(session, reader);
}

void handshake_give_up(struct session *session, struct reader *reader)
{
	session_violated(session);
	handshake_stop(session, reader);
}

void session_begin_handshake(struct session *session)
{
	session_forget_tls(session);
	session->tls = session_charged(session, sizeof(*session->tls));
	if (session->tls)
		session->tls->handshake =
			session_charged(session, sizeof(*session->tls->handshake));
	if (!session->tls || !session->tls->handshake) {
		session->facts.is_inspection_cut_short = true;
		return;
	}
	session->tls->handshake->client.is_reading = true;
	session->tls->handshake->server.is_reading = true;
}

void session_end_handshake(struct session *session)
{
	struct handshake *handshake = session->tls ? session->tls->handshake : NULL;

	if (!handshake)
		return;
	handshake_stop(session, &handshake->client);
	handshake_stop(session, &handshake->server);
	keys_forget(session);
	session_uncharged(session, handshake, sizeof(*handshake));
	session->tls->handshake = NULL;
}

void session_forget_tls(struct session *session)
{
	session_end_handshake(session);
	session_uncharged(session, session->tls, sizeof(*session->tls));
	session->tls = NULL;
}

void session_begin_old_hello(struct session *session, struct bytes head, size_t len)
{
	struct session_tls *tls = session->tls;
	struct reader *client;

	if (!tls || !tls->handshake)
		return;
	client = &tls->handshake->client;
	tls->handshake->is_client_hello_old = true;
	if (len > SESSION_HELLO_MAX) {
		handshake_cut_short(session, client);
		return;
	}
	tls_handshake_begin(&client->messages, TLS_CLIENT_HELLO, (uint32_t)len);
	client->kept_max = SESSION_HELLO_MAX;
	client->is_record_read = true;
	session_read_handshake(session, true, head);
}

/* As much as came, never as much as the header promises. False: no memory for it. */
static bool make_room(struct session *session, struct reader *reader, size_t content_len)
{
	struct tls_handshake *messages = &reader->messages;
	size_t wanted = messages->kept_len + content_len;
	size_t room_len = messages->room_len < ROOM_MIN ? ROOM_MIN : messages->room_len;
	uint8_t *room;

	if (!messages->is_begun)
		return true;
	if (wanted > messages->body_len)
		wanted = messages->body_len;
	if (wanted > reader->kept_max)
		wanted = reader->kept_max;
	if (wanted <= messages->room_len)
		return true;
	while (room_len < wanted)
		room_len *= 2;
	if (room_len > reader->kept_max)
		room_len = reader->kept_max;
	if (room_len > messages->body_len)
		room_len = messages->body_len;
	room = session_charged(session, room_len);
	if (!room)
		return false;
	if (messages->kept_len > 0)
		memcpy(room, messages->room, messages->kept_len);
	session_uncharged(session, messages->room, messages->room_len);
	tls_handshake_give_room(messages, room, room_len);
	return true;
}

static struct reader *reader_of(struct session *session, bool is_client)
{
	struct handshake *handshake = session->tls ? session->tls->handshake : NULL;

	if (!handshake)
		return NULL;
	return is_client ? &handshake->client : &handshake->server;
}

static void take_message(struct session *session, bool is_client)
{
	const struct reader *reader = reader_of(session, is_client);
	struct bytes kept = tls_handshake_kept(&reader->messages);

	if (is_client)
		flight_take_client_message(session, kept);
	else
		flight_take_server_message(session, kept);
}

void session_read_handshake(struct session *session, bool is_client, struct bytes content)
{
	struct reader *reader = reader_of(session, is_client);

	if (reader && reader->is_alert_due && content.len > 0) {
		reader->is_alert_due = false;
		session->tls->handshake->is_refused |= content.data[0] == ALERT_FATAL;
	}
	if (!reader || !reader->is_record_read)
		return;
	while (reader->is_reading) {
		if (!make_room(session, reader, content.len)) {
			handshake_cut_short(session, reader);
			return;
		}
		switch (tls_handshake_read(&reader->messages, &content)) {
		case TLS_HANDSHAKE_MORE:
			return;
		case TLS_HANDSHAKE_BEGUN:
			reader->kept_max = flight_kept_max(session->tls->handshake, is_client);
			break;
		case TLS_HANDSHAKE_MESSAGE:
			take_message(session, is_client);
			break;
		case TLS_HANDSHAKE_TOO_LONG:
			session->tls->handshake->is_list_cut |=
				!is_client && reader->messages.type == TLS_CERTIFICATE;
			handshake_cut_short(session, reader);
			return;
		}
	}
	/* Behind a ServerHello of TLS 1.3 all of the handshake is encrypted. */
	if (!is_client && content.len > 0 && session->tls->version >= TLS_VERSION_1_3)
		session_violated(session);
}

/*
 * Up to TLS 1.2 what comes behind it is encrypted. In TLS 1.3 it means nothing, and a client that sends early data or is about to say
 * hello again may send one before (RFC 8446 appendix D.4).
 */
static void note_client_change(struct session *session)
{
	struct handshake *handshake = session->tls->handshake;

	if ((handshake->is_retried && handshake->client_hello_count < 2) ||
	    (handshake->client_hello.offers_early_data && handshake->step < FLIGHT_HELLO))
		return;
	handshake_stop(session, &handshake->client);
}

static void note_client_data(struct session *session)
{
	struct handshake *handshake = session->tls->handshake;

	handshake_stop(session, &handshake->client);
	handshake->is_client_early |= handshake->step < FLIGHT_FINISHED;
	/* Early data are sent before anybody was authenticated, and can be replayed. */
	if (handshake->client_hello.offers_early_data && handshake->step < FLIGHT_HELLO)
		session_violated(session);
}

static void note_server_data(struct session *session)
{
	struct handshake *handshake = session->tls->handshake;

	/* Up to TLS 1.2 they come behind its Finished. */
	if (handshake->server.is_reading || handshake->step == FLIGHT_CHANGED)
		handshake_give_up(session, &handshake->server);
}

void session_note_record(struct session *session, bool is_client, enum tls_content_type type)
{
	struct reader *reader = reader_of(session, is_client);

	if (!reader)
		return;
	reader->is_record_read = type == TLS_HANDSHAKE;
	reader->is_alert_due = is_client && type == TLS_ALERT && reader->is_reading;
	if (type == TLS_HANDSHAKE || type == TLS_ALERT)
		return;
	if (reader->is_reading && !tls_handshake_is_between(&reader->messages))
		handshake_give_up(session, reader);
	if (type == TLS_APPLICATION_DATA && is_client)
		note_client_data(session);
	else if (type == TLS_APPLICATION_DATA)
		note_server_data(session);
	else if (is_client)
		note_client_change(session);
	else
		flight_take_server_change(session);
}

void session_note_record_end(struct session *session, bool is_client)
{
	const struct reader *reader = reader_of(session, is_client);

	if (!reader || is_client || !reader->is_record_read)
		return;
	if (session->tls->handshake->step == FLIGHT_CHANGED)
		session->tls->handshake->step = FLIGHT_FINISHED;
}
