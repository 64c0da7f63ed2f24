/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_HANDSHAKE_H
#define HOPGUARD_WIRE_TLS_HANDSHAKE_H

/*
 * One direction's handshake messages (RFC 5246 section 7.4, RFC 8446 section 4), put together from the contents of its handshake
 * records. A message may span records, and a record may hold several; however the contents are cut, the outcome is the same. Records
 * of other types, and contents that are encrypted, are the caller's to leave out.
 *
 * Of a message just as much is kept as the caller gave room for: its first octets. The rest is read on without being stored.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	TLS_HANDSHAKE_HEADER_LEN = 4,
	/*
	 * Octets of all messages of one direction: OpenSSL takes 100 KiB of certificates, which is far more than anybody sends,
	 * and the rest is small.
	 */
	TLS_HANDSHAKE_OCTETS_MAX = 128 * 1024,
};

enum tls_handshake_type {
	TLS_HELLO_REQUEST = 0,
	TLS_CLIENT_HELLO = 1,
	TLS_SERVER_HELLO = 2,
	TLS_NEW_SESSION_TICKET = 4,
	TLS_CERTIFICATE = 11,
	TLS_SERVER_KEY_EXCHANGE = 12,
	TLS_CERTIFICATE_REQUEST = 13,
	TLS_SERVER_HELLO_DONE = 14,
	TLS_CERTIFICATE_STATUS = 22,
	TLS_SUPPLEMENTAL_DATA = 23,
};

/* Plain; zeroed it is at the beginning of a direction. */
struct tls_handshake {
	uint8_t header[TLS_HANDSHAKE_HEADER_LEN];
	uint8_t header_len; /* of it that came */
	bool is_begun;      /* the header is whole, the message is not */
	uint8_t type;       /* enum tls_handshake_type, or a value that is none of them */
	uint32_t body_len;  /* as the header says */
	uint32_t read_len;  /* of the body that came */
	size_t all_len;     /* of the messages so far, headers included */
	uint8_t *room;      /* the caller's */
	size_t room_len;
	size_t kept_len; /* of the body, in room */
};

enum tls_handshake_result {
	TLS_HANDSHAKE_MORE, /* nothing is left of the content */
	TLS_HANDSHAKE_BEGUN, /* type and body_len are known, nothing of the body is read: time to give room */
	TLS_HANDSHAKE_MESSAGE, /* it is whole, and stays readable until the next call */
	TLS_HANDSHAKE_TOO_LONG, /* beyond TLS_HANDSHAKE_OCTETS_MAX, by what the header says; so it stays */
};

/* A message begins whose header has another form: the whole of it, body_len octets, comes as its body. Only at a direction's beginning. */
void tls_handshake_begin(struct tls_handshake *handshake, uint8_t type, uint32_t body_len);

/* Takes what it reads off the front of *content. To be called until it says MORE or TOO_LONG, with nothing left too. */
enum tls_handshake_result tls_handshake_read(struct tls_handshake *handshake,
                                             struct bytes *content);

/*
 * Where the body of the message in front is kept; a larger room takes the place of a smaller one, whose octets the caller has copied.
 * Once octets of a message found no room, no later ones of it are kept.
 */
void tls_handshake_give_room(struct tls_handshake *handshake, uint8_t *room, size_t room_len);

/* Of the message in front what is kept of its body. Borrowed from the room. */
struct bytes tls_handshake_kept(const struct tls_handshake *handshake);

/* No message has begun and not ended: another type of record may follow (RFC 8446 section 5.1). */
bool tls_handshake_is_between(const struct tls_handshake *handshake);

#endif
