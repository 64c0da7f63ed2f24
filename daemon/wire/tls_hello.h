/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_HELLO_H
#define HOPGUARD_WIRE_TLS_HELLO_H

/*
 * ClientHello and ServerHello (RFC 5246 section 7.4.1, RFC 8446 section 4.1), given as the whole body of the message. Views are
 * borrowed from it. Extensions that are not named here are only walked over.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum {
	TLS_VERSION_SSL_3_0 = 0x0300,
	TLS_VERSION_1_0 = 0x0301,
	TLS_VERSION_1_1 = 0x0302,
	TLS_VERSION_1_2 = 0x0303,
	TLS_VERSION_1_3 = 0x0304,
};

enum {
	TLS_RANDOM_LEN = 32,
	TLS_SESSION_ID_MAX = 32,
	/* A host name without a final dot, 253 octets (RFC 1035 section 2.3.4), and a NUL. */
	TLS_SERVER_NAME_ROOM = 254,
};

struct tls_client_hello {
	uint16_t legacy_version;
	uint16_t version_max; /* the highest that is offered; 0: none that is known here */
	struct bytes random;
	struct bytes session_id;
	struct bytes cipher_suites; /* two octets each */
	struct bytes server_name;   /* as sent; empty: none. See tls_server_name_read */
	bool offers_anonymous;      /* a suite without authentication */
	bool offers_null;           /* one without encryption */
	/* Two octets each; empty: none, or not sent. */
	struct bytes signature_algorithms;
	struct bytes groups;
	struct bytes versions;
	struct bytes ticket;             /* of an earlier session, TLS up to 1.2; empty: none */
	bool has_extended_master_secret; /* RFC 7627 */
	bool offers_psk;                 /* TLS 1.3's way to resume */
	bool offers_early_data;
	/* Encrypted Client Hello, or what looks like it: the name may be that of a relay, and proves nothing. */
	bool has_encrypted_hello;
};

/*
 * MALFORMED: a length that contradicts another, a session identifier or a list out of bounds, half of an entry, octets left over, no or two host names
 * in a server_name, or twice an extension that is read here.
 */
enum parse_result tls_client_hello_parse(struct tls_client_hello *hello, struct bytes body);

struct tls_server_hello {
	uint16_t legacy_version;
	uint16_t version; /* that was chosen */
	struct bytes random;
	struct bytes session_id;
	uint16_t cipher_suite;
	bool is_retry_request; /* it only asks for another ClientHello (RFC 8446 section 4.1.4) */
	bool accepts_psk;      /* TLS 1.3: resumed */
	bool has_extended_master_secret;
	bool has_raw_key; /* up to TLS 1.2: a bare key takes the place of its certificates (RFC 7250) */
	/*
	 * The random ends in the sign of a server that would speak a higher version (RFC 8446 section 4.1.3): TLS_VERSION_1_3, or
	 * TLS_VERSION_1_2 at least. 0: no sign. It means something only if the client offered that version.
	 */
	uint16_t version_withheld;
};

/* MALFORMED as above, and for a version that no server may choose in that place. */
enum parse_result tls_server_hello_parse(struct tls_server_hello *hello, struct bytes body);

enum tls_server_name {
	TLS_SERVER_NAME_HOST,
	TLS_SERVER_NAME_LITERAL, /* an address, which names no host (RFC 6066 section 3) */
	TLS_SERVER_NAME_INVALID, /* no host name: a NUL, an empty label, an octet that none has, too long */
};

/* In lower case, without a final dot. Only HOST fills `name` in. */
enum tls_server_name tls_server_name_read(char name[TLS_SERVER_NAME_ROOM],
                                          struct bytes server_name);

#endif
