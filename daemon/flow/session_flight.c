/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of a handshake, read and held against their order (RFC 5246 section 7.3): what a client would not accept must not be
 * taken for proof.
 */
#include "flow/session_handshake.h"

#include "wire/tls_certificate.h"
#include "wire/tls_cipher.h"
#include "wire/tls_key_exchange.h"
#include "wire/tls_ticket.h"

enum {
	CHAIN_KEPT_MAX = 3 + SESSION_CHAIN_MAX,
	/* Of a list that is too long the first certificate is still told. */
	LEAF_KEPT_MAX = TLS_CERTIFICATE_HEAD_LEN + SESSION_LEAF_MAX,
	TICKET_KEPT_MAX = 4 + 2 + SESSION_TICKET_MAX,
};

/* Nothing, of what would not be used when it is cut. */
static size_t whole_or_nothing(const struct tls_handshake *message, size_t kept_max)
{
	return message->body_len <= kept_max ? kept_max : 0;
}

static size_t server_kept_max(const struct tls_handshake *message)
{
	switch (message->type) {
	case TLS_SERVER_HELLO:
		return SESSION_HELLO_MAX;
	case TLS_CERTIFICATE:
		return message->body_len <= CHAIN_KEPT_MAX ? CHAIN_KEPT_MAX : LEAF_KEPT_MAX;
	case TLS_CERTIFICATE_STATUS:
		return TLS_CERTIFICATE_STATUS_HEAD_LEN;
	case TLS_SERVER_KEY_EXCHANGE:
		return whole_or_nothing(message, SESSION_EXCHANGE_MAX);
	case TLS_NEW_SESSION_TICKET:
		return whole_or_nothing(message, TICKET_KEPT_MAX);
	default:
		return 0;
	}
}

size_t flight_kept_max(const struct handshake *handshake, bool is_client)
{
	if (!is_client)
		return server_kept_max(&handshake->server.messages);
	return handshake->client.messages.type == TLS_CLIENT_HELLO ? SESSION_HELLO_MAX : 0;
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

/* The same as a hello of today: its random has zeros before the challenge, and its suites lose the zero before them. */
static enum parse_result read_old_hello(struct tls_client_hello *hello, struct handshake *handshake,
                                        struct bytes whole)
{
	uint8_t *room = handshake->client.messages.room;
	struct tls_v2_hello old;
	struct cursor specs;
	size_t len = 0;

	if (tls_v2_hello_read(&old, whole) != PARSE_OK || old.session_id.len > TLS_SESSION_ID_MAX)
		return PARSE_MALFORMED;
	memcpy(handshake->old_random + TLS_RANDOM_LEN - old.challenge.len, old.challenge.data,
	       old.challenge.len);
	/* Into the room's front: it never comes up with what is still to be read. */
	specs = cursor_over(old.cipher_specs);
	while (cursor_left(&specs) > 0) {
		bool is_of_tls = cursor_u8(&specs) == 0;
		uint16_t suite = cursor_u16(&specs);

		if (!is_of_tls)
			continue;
		put_u16(room + len, suite);
		len += 2;
	}
	*hello = (struct tls_client_hello){
		.legacy_version = old.version,
		.version_max = old.version < TLS_VERSION_1_2 ? old.version : TLS_VERSION_1_2,
		.random = bytes_of(handshake->old_random, TLS_RANDOM_LEN),
		.session_id = old.session_id,
		.cipher_suites = bytes_of(room, len),
	};
	return PARSE_OK;
}

static void take_client_hello(struct session *session, struct bytes body)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;
	bool is_old = handshake->is_client_hello_old && handshake->client_hello_count == 0;
	struct tls_client_hello hello;

	if (handshake->client_hello_count >= (handshake->is_retried ? 2 : 1) ||
	    (is_old ? read_old_hello(&hello, handshake, body)
	            : tls_client_hello_parse(&hello, body)) != PARSE_OK) {
		handshake_give_up(session, &handshake->client);
		return;
	}
	note_server_name(session, &hello);
	tls->offered_version = hello.version_max;
	tls->has_ech = tls->has_ech || hello.has_encrypted_hello;
	handshake->client_hello_count++;
	handshake->client_hello = hello;
	keys_keep(session, &handshake->client_hello_kept, &handshake->client);
}

void flight_take_client_message(struct session *session, struct bytes kept)
{
	struct handshake *handshake = session->tls->handshake;
	struct reader *client = &handshake->client;

	if (client->messages.type != TLS_CLIENT_HELLO) {
		/* What comes behind a hello shows nothing of the server. */
		if (handshake->client_hello_count == 0)
			handshake_give_up(session, client);
	} else if (kept.len < client->messages.body_len) {
		handshake_cut_short(session, client);
	} else {
		take_client_hello(session, kept);
	}
}

static void keep_server_hello(struct session *session, const struct tls_server_hello *hello)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;

	handshake->step = FLIGHT_HELLO;
	tls->version = hello->version;
	tls->cipher = hello->cipher_suite;
	tls->is_downgraded = hello->version < hello->version_withheld &&
	                     hello->version_withheld <= tls->offered_version;
	handshake->has_extended_master_secret = hello->has_extended_master_secret;
	handshake->has_raw_key = hello->has_raw_key;
	memcpy(handshake->server_random, hello->random.data, TLS_RANDOM_LEN);
	if (hello->session_id.len > 0)
		memcpy(handshake->server_session_id, hello->session_id.data, hello->session_id.len);
	handshake->server_session_id_len = hello->session_id.len;
}

static void take_server_hello(struct session *session, struct bytes body)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;
	struct tls_server_hello hello;

	if (body.len < handshake->server.messages.body_len) {
		handshake_cut_short(session, &handshake->server);
		return;
	}
	/* Who asks for another hello speaks TLS 1.3, and asks once (RFC 8446 section 4.1.4). */
	if (tls_server_hello_parse(&hello, body) != PARSE_OK ||
	    (handshake->is_retried &&
	     (hello.is_retry_request || hello.version < TLS_VERSION_1_3))) {
		handshake_give_up(session, &handshake->server);
		return;
	}
	if (hello.is_retry_request) {
		handshake->is_retried = true;
		return;
	}
	keep_server_hello(session, &hello);
	if (hello.version >= TLS_VERSION_1_3) {
		tls->is_hidden = true;
		handshake_stop(session, &handshake->client);
		handshake_stop(session, &handshake->server);
	}
}

/* Each certificate of a list; of one that was cut the first ones. MORE: not even the leaf is whole. */
static enum parse_result walk_chain(struct bytes *leaf, struct tls_certificates list)
{
	/* There is one: only a client may have none. */
	enum parse_result result = tls_certificates_next(leaf, &list);
	enum parse_result next = result;

	/* What stands behind so many is not looked at. */
	while (next == PARSE_OK && list.left_len > 0 && list.count < TLS_CERTIFICATES_MAX) {
		struct bytes issuer;

		next = tls_certificates_next(&issuer, &list);
	}
	return next == PARSE_MALFORMED ? next : result;
}

static void take_certificate(struct session *session, struct bytes kept)
{
	struct handshake *handshake = session->tls->handshake;
	struct reader *server = &handshake->server;
	bool is_whole = kept.len == server->messages.body_len;
	struct tls_certificates list = { 0 };
	struct bytes leaf = { 0 };
	enum parse_result result = tls_certificates_begin(&list, kept, server->messages.body_len);

	if (result == PARSE_OK && handshake->has_raw_key)
		result = list.left_len > 0 ? PARSE_OK : PARSE_MALFORMED;
	else if (result == PARSE_OK)
		result = walk_chain(&leaf, list);
	if (result == PARSE_MALFORMED) {
		handshake_give_up(session, server);
		return;
	}
	handshake->has_certificate = true;
	handshake->leaf = leaf;
	handshake->is_list_cut = !is_whole;
	if (is_whole)
		handshake->chain = list.kept;
	else if (leaf.len > 0)
		handshake->chain = bytes_slice(list.kept, 0, TLS_CERTIFICATE_LENGTH_LEN + leaf.len);
	else
		session->facts.is_inspection_cut_short = true;
	keys_keep(session, &handshake->certificates_kept, server);
}

static void take_exchange(struct session *session, struct bytes kept)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;
	struct reader *server = &handshake->server;
	struct tls_key_exchange exchange;

	handshake->has_exchange = true;
	if (kept.len < server->messages.body_len) {
		session->facts.is_inspection_cut_short = true;
		return;
	}
	if (tls_cipher_is_signed(tls->cipher) &&
	    tls_key_exchange_parse(&exchange, kept, tls->version, tls->cipher) != PARSE_OK) {
		handshake_give_up(session, server);
		return;
	}
	handshake->exchange = kept;
	keys_keep(session, &handshake->exchange_kept, server);
}

static void take_ticket(struct session *session, struct bytes kept)
{
	struct handshake *handshake = session->tls->handshake;
	struct reader *server = &handshake->server;
	struct tls_ticket ticket;

	/* Too long to be kept it is as good as none: a session that it makes go on is not known. */
	if (kept.len < server->messages.body_len)
		return;
	if (tls_ticket_parse(&ticket, kept) != PARSE_OK) {
		handshake_give_up(session, server);
		return;
	}
	handshake->ticket = ticket.ticket;
	keys_keep(session, &handshake->ticket_kept, server);
}

/* All that the suite asks for is there. */
static bool is_complete(const struct session_tls *tls)
{
	const struct handshake *handshake = tls->handshake;

	return (handshake->has_certificate ||
	        tls_cipher_certificate(tls->cipher) != TLS_REQUIRED) &&
	       (handshake->has_exchange || tls_cipher_key_exchange(tls->cipher) != TLS_REQUIRED);
}

static bool may_come(const struct session_tls *tls, enum flight_step step)
{
	const struct handshake *handshake = tls->handshake;

	if (step <= handshake->step || (step > FLIGHT_HELLO && handshake->step < FLIGHT_HELLO))
		return false;
	switch (step) {
	case FLIGHT_NOTHING:
		return false;
	case FLIGHT_HELLO:
	case FLIGHT_SUPPLEMENT:
		return true;
	case FLIGHT_CERTIFICATE:
		return tls_cipher_certificate(tls->cipher) != TLS_ABSENT;
	case FLIGHT_STATUS:
		return handshake->step == FLIGHT_CERTIFICATE;
	case FLIGHT_EXCHANGE:
		return tls_cipher_key_exchange(tls->cipher) != TLS_ABSENT &&
		       (handshake->has_certificate ||
		        tls_cipher_certificate(tls->cipher) != TLS_REQUIRED);
	case FLIGHT_REQUEST:
	case FLIGHT_DONE:
		return is_complete(tls);
	case FLIGHT_TICKET:
		return handshake->has_done || handshake->step == FLIGHT_HELLO;
	case FLIGHT_CHANGED:
		return handshake->has_done || handshake->step == FLIGHT_HELLO ||
		       handshake->step == FLIGHT_TICKET;
	case FLIGHT_FINISHED:
		return handshake->step == FLIGHT_CHANGED;
	}
	return false;
}

/* FLIGHT_NOTHING: no server sends such a message. */
static enum flight_step step_of(uint8_t type)
{
	switch (type) {
	case TLS_SERVER_HELLO:
		return FLIGHT_HELLO;
	case TLS_SUPPLEMENTAL_DATA:
		return FLIGHT_SUPPLEMENT;
	case TLS_CERTIFICATE:
		return FLIGHT_CERTIFICATE;
	case TLS_CERTIFICATE_STATUS:
		return FLIGHT_STATUS;
	case TLS_SERVER_KEY_EXCHANGE:
		return FLIGHT_EXCHANGE;
	case TLS_CERTIFICATE_REQUEST:
		return FLIGHT_REQUEST;
	case TLS_SERVER_HELLO_DONE:
		return FLIGHT_DONE;
	case TLS_NEW_SESSION_TICKET:
		return FLIGHT_TICKET;
	default:
		return FLIGHT_NOTHING;
	}
}

static void take_step(struct session *session, enum flight_step step, struct bytes kept)
{
	struct handshake *handshake = session->tls->handshake;
	struct reader *server = &handshake->server;

	switch (step) {
	case FLIGHT_HELLO:
		take_server_hello(session, kept);
		return;
	case FLIGHT_CERTIFICATE:
		take_certificate(session, kept);
		break;
	case FLIGHT_STATUS:
		if (tls_certificate_status_check(kept, server->messages.body_len) ==
		    PARSE_MALFORMED)
			handshake_give_up(session, server);
		break;
	case FLIGHT_EXCHANGE:
		take_exchange(session, kept);
		break;
	case FLIGHT_DONE:
		handshake->has_done = true;
		if (server->messages.body_len > 0)
			handshake_give_up(session, server);
		break;
	case FLIGHT_TICKET:
		take_ticket(session, kept);
		break;
	case FLIGHT_SUPPLEMENT:
	case FLIGHT_REQUEST:
	case FLIGHT_NOTHING:
	case FLIGHT_CHANGED:
	case FLIGHT_FINISHED:
		break;
	}
	handshake->step = step;
}

void flight_take_server_message(struct session *session, struct bytes kept)
{
	struct session_tls *tls = session->tls;
	struct reader *server = &tls->handshake->server;
	enum flight_step step = step_of(server->messages.type);

	/* It may come at any time, and is ignored while a handshake is on its way (RFC 5246 section 7.4.1.1). */
	if (server->messages.type == TLS_HELLO_REQUEST && server->messages.body_len == 0)
		return;
	if (may_come(tls, step))
		take_step(session, step, kept);
	else
		handshake_give_up(session, server);
}

/*
 * The client has offered to go on with an earlier session, and this may be it. Who takes the ticket says so by the identifier beside it
 * (RFC 5077 section 3.4).
 */
static bool was_offered(const struct handshake *handshake)
{
	const struct tls_client_hello *client = &handshake->client_hello;
	struct bytes server_id =
		bytes_of(handshake->server_session_id, handshake->server_session_id_len);

	if (client->session_id.len == 0)
		return client->ticket.len > 0;
	return bytes_equal(server_id, client->session_id);
}

void flight_take_server_change(struct session *session)
{
	struct session_tls *tls = session->tls;
	struct handshake *handshake = tls->handshake;

	/* One behind the other is none of TLS; in TLS 1.3 it means nothing (RFC 8446 appendix D.4). */
	if (handshake->step == FLIGHT_CHANGED)
		session_violated(session);
	if (!handshake->server.is_reading || handshake->step < FLIGHT_HELLO)
		return;
	if (!may_come(tls, FLIGHT_CHANGED)) {
		handshake_give_up(session, &handshake->server);
		return;
	}
	if (!handshake->has_done) {
		tls->is_hidden = true;
		tls->is_resumed = was_offered(handshake);
		if (!tls->is_resumed)
			session_violated(session);
	} else if (handshake->client.is_reading) {
		/* No right Finished comes before the client's: one that goes on has not read it. */
		handshake->is_client_early = true;
	}
	handshake->step = FLIGHT_CHANGED;
	handshake_stop(session, &handshake->server);
}
