/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What crosses the wire in clear of a TLS handshake: the client's hello, a second one if the server asks for it, the server's hello,
 * and up to TLS 1.2 its certificate. Nothing is held back for it, and what cannot be read is a fact.
 */
#include "flow/session_private.h"

#include <stdlib.h>

#include "wire/tls_certificate.h"
#include "wire/tls_handshake.h"
#include "wire/tls_hello.h"

enum {
	ROOM_MIN = 512, /* a hello without post-quantum shares; later rooms are twice as large */
	CERTIFICATE_KEPT_MAX = TLS_CERTIFICATE_HEAD_LEN + SESSION_LEAF_MAX,
};

/* One direction, while its messages are read. */
struct reader {
	struct tls_handshake messages;
	size_t kept_max; /* of the message in front */
	bool is_reading;
	bool is_record_read; /* the record in front is a handshake record */
};

/* Only until the client's first application data. */
struct handshake {
	struct reader client;
	struct reader server;
	bool offers_early_data;
	bool is_retried; /* the server asked for another ClientHello */
	bool has_server_hello;
	bool has_certificate;
	bool has_hello_done;
	uint8_t *leaf_room;
	size_t leaf_room_len;
	struct bytes leaf;
};

/* What it has shown. */
struct session_tls {
	struct handshake *handshake; /* NULL: it is over */
	uint16_t offered_version;
	uint16_t version;
	uint16_t cipher;
	bool has_ech;
	bool is_hidden; /* the server's certificate is not to be seen */
	bool is_downgraded;
	char server_name[TLS_SERVER_NAME_ROOM];
};

static void *charged(struct session *session, size_t len)
{
	void *octets;

	if (!budget_charge(session->budget, len))
		return NULL;
	octets = calloc(1, len);
	if (!octets)
		budget_refund(session->budget, len);
	return octets;
}

static void uncharged(struct session *session, void *octets, size_t len)
{
	if (!octets)
		return;
	free(octets);
	budget_refund(session->budget, len);
}

static void stop_reading(struct session *session, struct reader *reader)
{
	reader->is_reading = false;
	uncharged(session, reader->messages.room, reader->messages.room_len);
	tls_handshake_give_room(&reader->messages, NULL, 0);
}

static void cut_short(struct session *session, struct reader *reader)
{
	session->facts.is_inspection_cut_short = true;
	stop_reading(session, reader);
}

/* It is no TLS that anybody should speak; what comes behind is anybody's guess. */
static void give_up(struct session *session, struct reader *reader)
{
	session_violated(session);
	stop_reading(session, reader);
}

void session_begin_handshake(struct session *session)
{
	session_forget_tls(session);
	session->tls = charged(session, sizeof(*session->tls));
	if (session->tls)
		session->tls->handshake = charged(session, sizeof(*session->tls->handshake));
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
	stop_reading(session, &handshake->client);
	stop_reading(session, &handshake->server);
	uncharged(session, handshake->leaf_room, handshake->leaf_room_len);
	uncharged(session, handshake, sizeof(*handshake));
	session->tls->handshake = NULL;
}

void session_forget_tls(struct session *session)
{
	session_end_handshake(session);
	uncharged(session, session->tls, sizeof(*session->tls));
	session->tls = NULL;
}

void session_note_old_hello(struct session *session, uint16_t version)
{
	struct session_tls *tls = session->tls;

	if (!tls || !tls->handshake)
		return;
	tls->offered_version = version;
	stop_reading(session, &tls->handshake->client);
}

/* RFC 8446 section 4.1.2: the second hello names the same host. */
static void note_server_name(struct session *session, const struct tls_client_hello *hello)
{
	struct session_tls *tls = session->tls;
	char name[TLS_SERVER_NAME_ROOM] = "";

	if (hello->server_name.len > 0 &&
	    tls_server_name_read(name, hello->server_name) == TLS_SERVER_NAME_INVALID)
		session_violated(session);
	if (tls->handshake->is_retried && strcmp(name, tls->server_name) != 0)
		session_violated(session);
	text_copy(tls->server_name, sizeof(tls->server_name), name);
}

static void take_client_hello(struct session *session, struct bytes body)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;
	struct tls_client_hello hello;

	if (handshake->client.messages.type != TLS_CLIENT_HELLO ||
	    tls_client_hello_parse(&hello, body) != PARSE_OK) {
		give_up(session, &handshake->client);
		return;
	}
	note_server_name(session, &hello);
	tls->offered_version = hello.version_max;
	tls->has_ech = tls->has_ech || hello.has_encrypted_hello;
	handshake->offers_early_data = hello.offers_early_data;
	/* What it says else is of no interest, but for the answer to a HelloRetryRequest. */
	stop_reading(session, &handshake->client);
}

static void take_server_hello(struct session *session, struct bytes body)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;
	struct tls_server_hello hello;

	if (handshake->has_server_hello || tls_server_hello_parse(&hello, body) != PARSE_OK ||
	    (hello.is_retry_request && handshake->is_retried)) {
		give_up(session, &handshake->server);
		return;
	}
	if (hello.is_retry_request) {
		handshake->is_retried = true;
		handshake->client.is_reading =
			tls_handshake_is_between(&handshake->client.messages);
		return;
	}
	handshake->has_server_hello = true;
	tls->version = hello.version;
	tls->cipher = hello.cipher_suite;
	tls->is_downgraded = hello.version < hello.version_withheld &&
	                     hello.version_withheld <= tls->offered_version;
	if (hello.version >= TLS_VERSION_1_3) {
		tls->is_hidden = true;
		stop_reading(session, &handshake->server);
	}
}

/* The room goes to the leaf, since no later message is kept. */
static void keep_leaf(struct session *session, struct bytes leaf)
{
	struct handshake *handshake = session->tls->handshake;
	struct tls_handshake *messages = &handshake->server.messages;

	handshake->leaf = leaf;
	handshake->leaf_room = messages->room;
	handshake->leaf_room_len = messages->room_len;
	tls_handshake_give_room(messages, NULL, 0);
}

static void take_certificate(struct session *session, struct bytes kept)
{
	struct handshake *handshake = session->tls->handshake;
	struct reader *server = &handshake->server;
	struct tls_certificates list;
	struct bytes leaf = { 0 };
	enum parse_result result = tls_certificates_begin(&list, kept, server->messages.body_len);

	if (handshake->has_certificate || handshake->has_hello_done || result != PARSE_OK) {
		give_up(session, server);
		return;
	}
	handshake->has_certificate = true;
	/* There is one: only a client may have none. */
	result = tls_certificates_next(&leaf, &list);
	if (result == PARSE_MORE)
		session->facts.is_inspection_cut_short = true;
	while (result == PARSE_OK && list.left_len > 0) {
		struct bytes issuer;

		result = tls_certificates_next(&issuer, &list);
	}
	if (result == PARSE_MALFORMED)
		give_up(session, server);
	else if (leaf.len > 0)
		keep_leaf(session, leaf);
}

static void take_server_message(struct session *session, struct bytes kept)
{
	struct handshake *handshake = session->tls->handshake;
	uint8_t type = handshake->server.messages.type;

	if (!handshake->has_server_hello && type != TLS_SERVER_HELLO && type != TLS_HELLO_REQUEST) {
		give_up(session, &handshake->server);
		return;
	}
	switch (type) {
	case TLS_SERVER_HELLO:
		take_server_hello(session, kept);
		break;
	case TLS_CERTIFICATE:
		take_certificate(session, kept);
		break;
	case TLS_SERVER_HELLO_DONE:
		handshake->has_hello_done = true;
		break;
	default:
		break;
	}
}

/* How much of it is of use. */
static size_t kept_max_of(const struct handshake *handshake, bool is_client)
{
	uint8_t type =
		is_client ? handshake->client.messages.type : handshake->server.messages.type;

	if (type == (is_client ? TLS_CLIENT_HELLO : TLS_SERVER_HELLO))
		return SESSION_HELLO_MAX;
	if (!is_client && type == TLS_CERTIFICATE)
		return CERTIFICATE_KEPT_MAX;
	return 0;
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
	room = charged(session, room_len);
	if (!room)
		return false;
	if (messages->kept_len > 0)
		memcpy(room, messages->room, messages->kept_len);
	uncharged(session, messages->room, messages->room_len);
	tls_handshake_give_room(messages, room, room_len);
	return true;
}

static void take_message(struct session *session, bool is_client)
{
	struct handshake *handshake = session->tls->handshake;
	struct reader *reader = is_client ? &handshake->client : &handshake->server;
	struct bytes kept = tls_handshake_kept(&reader->messages);

	if (reader->kept_max == SESSION_HELLO_MAX && kept.len < reader->messages.body_len)
		cut_short(session, reader);
	else if (is_client)
		take_client_hello(session, kept);
	else
		take_server_message(session, kept);
}

static struct reader *reader_of(struct session *session, bool is_client)
{
	struct handshake *handshake = session->tls ? session->tls->handshake : NULL;

	if (!handshake)
		return NULL;
	return is_client ? &handshake->client : &handshake->server;
}

void session_read_handshake(struct session *session, bool is_client, struct bytes content)
{
	struct reader *reader = reader_of(session, is_client);

	if (!reader || !reader->is_record_read)
		return;
	while (reader->is_reading) {
		if (!make_room(session, reader, content.len)) {
			cut_short(session, reader);
			return;
		}
		switch (tls_handshake_read(&reader->messages, &content)) {
		case TLS_HANDSHAKE_MORE:
			return;
		case TLS_HANDSHAKE_BEGUN:
			reader->kept_max = kept_max_of(session->tls->handshake, is_client);
			break;
		case TLS_HANDSHAKE_MESSAGE:
			take_message(session, is_client);
			break;
		case TLS_HANDSHAKE_TOO_LONG:
			cut_short(session, reader);
			return;
		}
	}
	/* Behind a ServerHello of TLS 1.3 all of the handshake is encrypted. */
	if (!is_client && content.len > 0 && session->tls->version >= TLS_VERSION_1_3)
		session_violated(session);
}

/* RFC 8446 appendix D.4: it means something only up to TLS 1.2, and there it comes behind the ServerHello. */
static void note_server_change(struct session *session)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;

	if (!handshake->server.is_reading || !handshake->has_server_hello)
		return;
	tls->is_hidden = !handshake->has_hello_done;
	stop_reading(session, &handshake->server);
}

void session_note_record(struct session *session, bool is_client, enum tls_content_type type)
{
	struct reader *reader = reader_of(session, is_client);

	if (!reader)
		return;
	reader->is_record_read = type == TLS_HANDSHAKE;
	if (type == TLS_HANDSHAKE || type == TLS_ALERT)
		return;
	if (reader->is_reading && !tls_handshake_is_between(&reader->messages))
		give_up(session, reader);
	if (type == TLS_CHANGE_CIPHER_SPEC && !is_client)
		note_server_change(session);
	if (type != TLS_APPLICATION_DATA)
		return;
	stop_reading(session, reader);
	/* Early data are sent before anybody was authenticated, and can be replayed. */
	if (is_client && session->tls->handshake->offers_early_data &&
	    !session->tls->handshake->has_server_hello)
		session_violated(session);
}

const char *session_server_name(const struct session *session)
{
	return session->tls ? session->tls->server_name : "";
}

uint16_t session_tls_version(const struct session *session)
{
	return session->tls ? session->tls->version : 0;
}

uint16_t session_offered_version(const struct session *session)
{
	return session->tls ? session->tls->offered_version : 0;
}

uint16_t session_cipher(const struct session *session)
{
	return session->tls ? session->tls->cipher : 0;
}

bool session_has_ech(const struct session *session)
{
	return session->tls && session->tls->has_ech;
}

bool session_is_resumed_or_hidden(const struct session *session)
{
	return session->tls && session->tls->is_hidden;
}

bool session_is_downgraded(const struct session *session)
{
	return session->tls && session->tls->is_downgraded;
}

struct bytes session_leaf(const struct session *session)
{
	if (!session->tls || !session->tls->handshake)
		return (struct bytes){ 0 };
	return session->tls->handshake->leaf;
}
