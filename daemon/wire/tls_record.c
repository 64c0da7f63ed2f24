/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_record.h"

enum { VERSION_MAJOR = 3, VERSION_MINOR_MAX = 4 };

enum {
	V2_HEADER_LEN = 2, /* its highest bit set: no padding */
	V2_LENGTH_BIT = 0x8000,
	V2_CLIENT_HELLO = 1,
	V2_FIXED_LEN = 9, /* type, version and three lengths */
	V2_CIPHER_SPEC_LEN = 3,
	V2_CHALLENGE_MIN = 16,
	V2_CHALLENGE_MAX = 32,
};

enum parse_result tls_record_header_parse(struct tls_record_header *header, struct bytes readable)
{
	struct cursor fields = cursor_over(readable);
	uint8_t type = cursor_u8(&fields);
	uint8_t major;
	uint8_t minor;
	uint16_t len;

	if (fields.failed)
		return PARSE_MORE;
	if (type < TLS_CHANGE_CIPHER_SPEC || type > TLS_APPLICATION_DATA)
		return PARSE_MALFORMED;
	major = cursor_u8(&fields);
	if (fields.failed)
		return PARSE_MORE;
	if (major != VERSION_MAJOR)
		return PARSE_MALFORMED;
	minor = cursor_u8(&fields);
	if (fields.failed)
		return PARSE_MORE;
	if (minor > VERSION_MINOR_MAX)
		return PARSE_MALFORMED;
	len = cursor_u16(&fields);
	if (fields.failed)
		return PARSE_MORE;
	if (len > TLS_RECORD_MAX || (len == 0 && type != TLS_APPLICATION_DATA))
		return PARSE_MALFORMED;

	header->type = (enum tls_content_type)type;
	header->version = (uint16_t)(major << 8 | minor);
	header->content_len = len;
	return PARSE_OK;
}

enum parse_result tls_v2_hello_parse(size_t *len, struct bytes readable)
{
	struct cursor fields = cursor_over(readable);
	uint8_t high = cursor_u8(&fields);
	size_t message_len = (size_t)(high << 8 | cursor_u8(&fields)) & ~(size_t)V2_LENGTH_BIT;
	uint8_t type = cursor_u8(&fields);
	uint8_t major = cursor_u8(&fields);
	uint8_t minor = cursor_u8(&fields);
	size_t ciphers_len = cursor_u16(&fields);
	size_t session_id_len = cursor_u16(&fields);
	size_t challenge_len = cursor_u16(&fields);

	if (readable.len > 0 && !(high & V2_LENGTH_BIT >> 8))
		return PARSE_MALFORMED;
	if (readable.len > 2 && type != V2_CLIENT_HELLO)
		return PARSE_MALFORMED;
	if (readable.len > 3 && major != VERSION_MAJOR)
		return PARSE_MALFORMED;
	if (readable.len > 4 && minor > VERSION_MINOR_MAX)
		return PARSE_MALFORMED;
	if (fields.failed)
		return PARSE_MORE;
	if (ciphers_len == 0 || ciphers_len % V2_CIPHER_SPEC_LEN != 0 ||
	    challenge_len < V2_CHALLENGE_MIN || challenge_len > V2_CHALLENGE_MAX ||
	    message_len != V2_FIXED_LEN + ciphers_len + session_id_len + challenge_len)
		return PARSE_MALFORMED;
	*len = V2_HEADER_LEN + message_len;
	return PARSE_OK;
}

enum parse_result tls_v2_hello_read(struct tls_v2_hello *hello, struct bytes whole)
{
	struct cursor fields = cursor_over(whole);
	struct tls_v2_hello parsed;
	size_t ciphers_len;
	size_t session_id_len;
	size_t challenge_len;
	size_t len = 0;

	if (tls_v2_hello_parse(&len, whole) != PARSE_OK || len != whole.len)
		return PARSE_MALFORMED;
	cursor_skip(&fields, V2_HEADER_LEN + 1);
	parsed.version = cursor_u16(&fields);
	ciphers_len = cursor_u16(&fields);
	session_id_len = cursor_u16(&fields);
	challenge_len = cursor_u16(&fields);
	parsed.cipher_specs = cursor_bytes(&fields, ciphers_len);
	parsed.session_id = cursor_bytes(&fields, session_id_len);
	parsed.challenge = cursor_bytes(&fields, challenge_len);
	if (!cursor_finished(&fields))
		return PARSE_MALFORMED;
	*hello = parsed;
	return PARSE_OK;
}
