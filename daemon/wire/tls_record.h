/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_RECORD_H
#define HOPGUARD_WIRE_TLS_RECORD_H

/*
 * TLS records (RFC 5246 section 6.2, RFC 8446 section 5.1), headers only, and the ClientHello in
 * SSL 2.0's framing by which mail servers of old offer TLS 1.0 (RFC 5246 appendix E.2).
 */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/parse.h"

enum tls_content_type {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION_DATA = 23,
};

/* 2^14 of content and 2048 of protection (RFC 5246 section 6.2.3). */
enum { TLS_RECORD_HEADER_LEN = 5, TLS_RECORD_MAX = 16384 + 2048 };

struct tls_record_header {
	enum tls_content_type type;
	uint16_t version;     /* 0x0300-0x0304 */
	uint16_t content_len; /* behind the header */
};

/*
 * Reads just the header. MALFORMED, as soon as its octets show it: no type or version of TLS, a
 * content too long, or none where only application data may be empty.
 */
enum parse_result tls_record_header_parse(struct tls_record_header *header, struct bytes readable);

/*
 * Only a client's first record can be one. *len: octets of the whole, header included, when OK; it
 * may be longer than readable. MALFORMED, as soon as its octets show it: no such ClientHello, or
 * one that offers SSL 2.0 alone.
 */
enum parse_result tls_v2_hello_parse(size_t *len, struct bytes readable);

struct tls_v2_hello {
	uint16_t version; /* the highest that is offered */
	/* Three octets each: a cipher suite behind a zero, and SSL 2.0's own. */
	struct bytes cipher_specs;
	struct bytes session_id;
	/* 16 to 32 octets; with zeros before them they are the client's random. */
	struct bytes challenge;
};

/* What is in one that is whole; views are borrowed. MALFORMED: as above, or it is not of that length. */
enum parse_result tls_v2_hello_read(struct tls_v2_hello *hello, struct bytes whole);

#endif
