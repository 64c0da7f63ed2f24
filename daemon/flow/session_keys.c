/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake has shown, and what is kept of it until the client's first application data. */
#include "flow/session_handshake.h"

#include <stdlib.h>

static void forget(struct session *session, struct kept_message *kept)
{
	session_uncharged(session, kept->room, kept->room_len);
	*kept = (struct kept_message){ 0 };
}

void keys_keep(struct session *session, struct kept_message *kept, struct reader *reader)
{
	forget(session, kept);
	kept->room = reader->messages.room;
	kept->room_len = reader->messages.room_len;
	tls_handshake_give_room(&reader->messages, NULL, 0);
}

void keys_forget(struct session *session)
{
	struct handshake *handshake = session->tls->handshake;

	forget(session, &handshake->client_hello_kept);
	forget(session, &handshake->certificates_kept);
	forget(session, &handshake->exchange_kept);
	forget(session, &handshake->ticket_kept);
}

bool session_keys(struct session_keys *keys, const struct session *session)
{
	const struct session_tls *tls = session->tls;
	const struct handshake *handshake = tls ? tls->handshake : NULL;
	const struct tls_client_hello *client;

	if (!handshake || handshake->step < FLIGHT_HELLO || handshake->client_hello_count == 0)
		return false;
	client = &handshake->client_hello;
	*keys = (struct session_keys){
		.version = tls->version,
		.cipher_suite = tls->cipher,
		.is_hidden = tls->version >= TLS_VERSION_1_3,
		.is_resumed = tls->is_resumed,
		.is_server_finished = handshake->step == FLIGHT_FINISHED,
		.is_client_early = handshake->is_client_early,
		.has_extended_master_secret =
			client->has_extended_master_secret && handshake->has_extended_master_secret,
		.is_raw_key = handshake->has_raw_key,
		.is_list_cut = handshake->is_list_cut,
		.chain = handshake->chain,
		.key_exchange = handshake->exchange,
		.client_random = client->random.data,
		.server_random = handshake->server_random,
		.client_session_id = client->session_id,
		.server_session_id =
			bytes_of(handshake->server_session_id, handshake->server_session_id_len),
		.offered_ticket = client->ticket,
		.new_ticket = handshake->ticket,
		.shape = { client->cipher_suites, client->groups, client->signature_algorithms,
		           client->versions },
	};
	return true;
}

/* A client that does not know where TLS 1.3 is chosen goes on, in clear, in the version that is chosen in the old place. */
static bool was_version_offered(const struct session_tls *tls)
{
	return tls->handshake->client_hello_count > 0 && tls->version <= tls->offered_version;
}

enum session_flight session_server_flight(const struct session *session)
{
	const struct handshake *handshake = session->tls ? session->tls->handshake : NULL;

	if (session->state != SESSION_TLS)
		return SESSION_FLIGHT_OPEN;
	if (handshake && handshake->step >= FLIGHT_CHANGED)
		return SESSION_FLIGHT_READ;
	if (handshake && session->tls->is_hidden && was_version_offered(session->tls))
		return SESSION_FLIGHT_OPEN;
	return handshake && handshake->server.is_reading && !session->is_server_opaque
	               ? SESSION_FLIGHT_OPEN
	               : SESSION_FLIGHT_LOST;
}

bool session_came_to_nothing(const struct session *session, bool has_client_ended)
{
	const struct handshake *handshake = session->tls ? session->tls->handshake : NULL;

	return handshake && handshake->client.is_reading &&
	       (handshake->is_refused || has_client_ended);
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
