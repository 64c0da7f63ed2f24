/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOPGUARD_WIRE_TLS_RECORD_H
#define HOPGUARD_WIRE_TLS_RECORD_H

/* TLS records (RFC 5246 section 6.2, RFC 8446 section 5.1), headers only. */

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

/* Reads just the header. MALFORMED: no type or version of TLS, or a content too long. */
enum parse_result tls_record_header_parse(struct tls_record_header *header, struct bytes readable);

#endif
