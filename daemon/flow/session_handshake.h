/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_FLOW_SESSION_HANDSHAKE_H
#define HOPGUARD_FLOW_SESSION_HANDSHAKE_H

/*
 * What the files of the handshake share: session_handshake.c puts messages together, session_flight.c reads them and minds their order,
 * session_keys.c keeps what they show. Nobody else includes this.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/session_private.h"
#include "wire/tls_handshake.h"
#include "wire/tls_hello.h"

/* One direction, while its messages are read. */
struct reader {
	struct tls_handshake messages;
	size_t kept_max; /* of the message in front */
	bool is_reading;
	bool is_record_read; /* the record in front is a handshake record */
	bool is_alert_due;   /* an alert in clear, whose level has not come yet */
};

/* How far the server is, up to TLS 1.2: each step but the hello may be left out, none comes twice or later (RFC 5246 section 7.3). */
enum flight_step {
	FLIGHT_NOTHING,
	FLIGHT_HELLO,
	FLIGHT_SUPPLEMENT, /* RFC 4680 */
	FLIGHT_CERTIFICATE,
	FLIGHT_STATUS, /* RFC 6066 section 8 */
	FLIGHT_EXCHANGE,
	FLIGHT_REQUEST,
	FLIGHT_DONE,
	FLIGHT_TICKET,  /* RFC 5077 section 3.3; of a session that goes on right behind the hello */
	FLIGHT_CHANGED, /* ChangeCipherSpec: what comes behind it is encrypted */
	FLIGHT_FINISHED,
};

/* Octets of a message, in the room that they were read into. */
struct kept_message {
	uint8_t *room;
	size_t room_len;
};

/* Only until the client's first application data. */
struct handshake {
	struct reader client;
	struct reader server;
	enum flight_step step;
	bool is_client_hello_old; /* in SSL 2.0's framing */
	bool is_retried;          /* the server asked for another ClientHello */
	bool has_certificate;
	bool has_exchange;
	bool has_done;
	bool is_refused; /* by the client, in clear */
	/* It has spoken in TLS before the server's Finished was there, or that came before its own. */
	bool is_client_early;
	uint8_t client_hello_count;
	struct tls_client_hello
		client_hello; /* its views lie in client_hello_kept, or in old_random */
	struct kept_message client_hello_kept;
	uint8_t old_random[TLS_RANDOM_LEN];
	bool has_extended_master_secret; /* says the server */
	bool has_raw_key;
	uint8_t server_random[TLS_RANDOM_LEN];
	uint8_t server_session_id[TLS_SESSION_ID_MAX];
	size_t server_session_id_len;
	struct kept_message certificates_kept;
	bool is_list_cut; /* of certificates: it is beyond a bound */
	struct bytes chain;
	struct bytes leaf;
	struct kept_message exchange_kept;
	struct bytes exchange;
	struct kept_message ticket_kept;
	struct bytes ticket;
};

/* What it has shown. */
struct session_tls {
	struct handshake *handshake; /* NULL: it is over */
	uint16_t offered_version;
	uint16_t version;
	uint16_t cipher;
	bool has_ech;
	bool is_hidden; /* the server's certificate is not to be seen */
	bool is_resumed;
	bool is_downgraded;
	char server_name[TLS_SERVER_NAME_ROOM];
};

/* session_handshake.c */
void handshake_stop(struct session *session, struct reader *reader);
/* A bound was reached. */
void handshake_cut_short(struct session *session, struct reader *reader);
/* It is no TLS that anybody should speak; what comes behind is anybody's guess. */
void handshake_give_up(struct session *session, struct reader *reader);

/* session_flight.c: a whole message, of which `kept` is there; and the server's ChangeCipherSpec */
void flight_take_client_message(struct session *session, struct bytes kept);
void flight_take_server_message(struct session *session, struct bytes kept);
void flight_take_server_change(struct session *session);
/* How much of the message in front is of use. */
size_t flight_kept_max(const struct handshake *handshake, bool is_client);

/* session_keys.c */
/* The reader's room stays with what lies in it; what was kept there before is gone. */
void keys_keep(struct session *session, struct kept_message *kept, struct reader *reader);
void keys_forget(struct session *session);

#endif
