/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_hello.h"

#include "wire/tls_cipher.h"

enum {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_SUPPORTED_GROUPS = 10,
	EXTENSION_SIGNATURE_ALGORITHMS = 13,
	EXTENSION_SERVER_CERTIFICATE_TYPE = 20,
	EXTENSION_EXTENDED_MASTER_SECRET = 23,
	EXTENSION_SESSION_TICKET = 35,
	EXTENSION_PRE_SHARED_KEY = 41,
	EXTENSION_EARLY_DATA = 42,
	EXTENSION_SUPPORTED_VERSIONS = 43,
	EXTENSION_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
};

enum {
	NAME_TYPE_HOST_NAME = 0,
	VERSION_MAJOR = 3,
	LABEL_LEN_MAX = 63,
	CERTIFICATE_TYPE_RAW_KEY = 2,
};

/* SHA-256 of "HelloRetryRequest", RFC 8446 section 4.1.3. */
static const uint8_t retry_random[TLS_RANDOM_LEN] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
	0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* Those that are read here: the bit of each that came. */
static unsigned bit_of(uint16_t type)
{
	switch (type) {
	case EXTENSION_SERVER_NAME:
		return 1U << 0;
	case EXTENSION_SIGNATURE_ALGORITHMS:
		return 1U << 1;
	case EXTENSION_SESSION_TICKET:
		return 1U << 2;
	case EXTENSION_PRE_SHARED_KEY:
		return 1U << 3;
	case EXTENSION_EARLY_DATA:
		return 1U << 4;
	case EXTENSION_SUPPORTED_VERSIONS:
		return 1U << 5;
	case EXTENSION_ENCRYPTED_CLIENT_HELLO:
		return 1U << 6;
	case EXTENSION_SUPPORTED_GROUPS:
		return 1U << 7;
	case EXTENSION_EXTENDED_MASTER_SECRET:
		return 1U << 8;
	case EXTENSION_SERVER_CERTIFICATE_TYPE:
		return 1U << 9;
	default:
		return 0;
	}
}

/* The next extension; *seen fails the cursor when it is one that came before. */
static struct bytes next_extension(uint16_t *type, unsigned *seen, struct cursor *extensions)
{
	struct bytes data;
	unsigned bit;

	*type = cursor_u16(extensions);
	data = cursor_vector16(extensions);
	bit = bit_of(*type);
	if (*seen & bit)
		extensions->failed = true;
	*seen |= bit;
	return data;
}

/* The extensions, which a hello of old may leave out. */
static struct cursor extensions_of(struct cursor *body)
{
	struct bytes extensions = { 0 };

	if (cursor_left(body) > 0)
		extensions = cursor_vector16(body);
	return cursor_over(extensions);
}

/* ServerNameList, RFC 6066 section 3. At most one host_name is allowed. */
static enum parse_result parse_server_name(struct tls_client_hello *hello, struct bytes data)
{
	struct cursor body = cursor_over(data);
	struct cursor list = cursor_over(cursor_vector16(&body));

	if (!cursor_finished(&body) || cursor_left(&list) == 0)
		return PARSE_MALFORMED;
	while (cursor_left(&list) > 0) {
		uint8_t type = cursor_u8(&list);
		struct bytes name = cursor_vector16(&list);

		if (type != NAME_TYPE_HOST_NAME)
			continue;
		if (name.len == 0 || hello->server_name.len > 0)
			return PARSE_MALFORMED;
		hello->server_name = name;
	}
	return list.failed ? PARSE_MALFORMED : PARSE_OK;
}

static bool is_known_version(uint16_t version)
{
	return version >= TLS_VERSION_SSL_3_0 && version <= TLS_VERSION_1_3;
}

/* A list of numbers of two octets. */
static enum parse_result parse_numbers(struct bytes *numbers, struct bytes data)
{
	struct cursor body = cursor_over(data);
	struct bytes list = cursor_vector16(&body);

	if (!cursor_finished(&body) || list.len % 2 != 0)
		return PARSE_MALFORMED;
	*numbers = list;
	return PARSE_OK;
}

/* RFC 8446 section 4.2.1: it alone counts then, and what is not known there (RFC 8701) says nothing. */
static enum parse_result parse_versions(struct tls_client_hello *hello, struct bytes data)
{
	struct cursor body = cursor_over(data);
	struct cursor list;

	hello->versions = cursor_vector8(&body);
	list = cursor_over(hello->versions);
	if (!cursor_finished(&body) || cursor_left(&list) == 0)
		return PARSE_MALFORMED;
	hello->version_max = 0;
	while (cursor_left(&list) > 0) {
		uint16_t version = cursor_u16(&list);

		if (is_known_version(version) && version > hello->version_max)
			hello->version_max = version;
	}
	return list.failed ? PARSE_MALFORMED : PARSE_OK;
}

static enum parse_result parse_client_extension(struct tls_client_hello *hello, uint16_t type,
                                                struct bytes data)
{
	switch (type) {
	case EXTENSION_SERVER_NAME:
		return parse_server_name(hello, data);
	case EXTENSION_SUPPORTED_VERSIONS:
		return parse_versions(hello, data);
	case EXTENSION_SIGNATURE_ALGORITHMS:
		return parse_numbers(&hello->signature_algorithms, data);
	case EXTENSION_SUPPORTED_GROUPS:
		return parse_numbers(&hello->groups, data);
	case EXTENSION_SESSION_TICKET:
		/* Empty, it only asks for one. */
		hello->ticket = data;
		break;
	case EXTENSION_EXTENDED_MASTER_SECRET:
		hello->has_extended_master_secret = true;
		break;
	case EXTENSION_PRE_SHARED_KEY:
		hello->offers_psk = true;
		break;
	case EXTENSION_EARLY_DATA:
		hello->offers_early_data = true;
		break;
	case EXTENSION_ENCRYPTED_CLIENT_HELLO:
		hello->has_encrypted_hello = true;
		break;
	default:
		break;
	}
	return PARSE_OK;
}

static enum parse_result note_cipher_suites(struct tls_client_hello *hello)
{
	struct cursor suites = cursor_over(hello->cipher_suites);

	if (hello->cipher_suites.len == 0)
		return PARSE_MALFORMED;
	while (cursor_left(&suites) > 0) {
		uint16_t suite = cursor_u16(&suites);

		hello->offers_anonymous |= !suites.failed && tls_cipher_is_anonymous(suite);
		hello->offers_null |= !suites.failed && tls_cipher_is_null(suite);
	}
	return suites.failed ? PARSE_MALFORMED : PARSE_OK;
}

/* Without the extension nobody negotiates more than TLS 1.2 (RFC 8446 section 4.2.1). */
static uint16_t highest_by_legacy_version(uint16_t version)
{
	if (version < TLS_VERSION_SSL_3_0)
		return 0;
	return version < TLS_VERSION_1_2 ? version : TLS_VERSION_1_2;
}

enum parse_result tls_client_hello_parse(struct tls_client_hello *hello, struct bytes body)
{
	struct cursor fields = cursor_over(body);
	struct tls_client_hello parsed = { .legacy_version = cursor_u16(&fields) };
	struct cursor extensions;
	unsigned seen = 0;

	parsed.version_max = highest_by_legacy_version(parsed.legacy_version);
	parsed.random = cursor_bytes(&fields, TLS_RANDOM_LEN);
	parsed.session_id = cursor_vector8(&fields);
	parsed.cipher_suites = cursor_vector16(&fields);
	if (cursor_vector8(&fields).len == 0) /* the compression methods: null at least */
		return PARSE_MALFORMED;
	extensions = extensions_of(&fields);
	if (!cursor_finished(&fields) || parsed.legacy_version >> 8 != VERSION_MAJOR ||
	    parsed.session_id.len > TLS_SESSION_ID_MAX || note_cipher_suites(&parsed) != PARSE_OK)
		return PARSE_MALFORMED;

	while (cursor_left(&extensions) > 0) {
		uint16_t type;
		struct bytes data = next_extension(&type, &seen, &extensions);

		if (extensions.failed || parse_client_extension(&parsed, type, data) != PARSE_OK)
			return PARSE_MALFORMED;
	}
	*hello = parsed;
	return PARSE_OK;
}

static uint16_t withheld_version(struct bytes random)
{
	struct bytes sign = bytes_after(random, TLS_RANDOM_LEN - 8);

	if (bytes_equal(sign, bytes_of("DOWNGRD\x01", 8)))
		return TLS_VERSION_1_3;
	if (bytes_equal(sign, bytes_of("DOWNGRD\x00", 8)))
		return TLS_VERSION_1_2;
	return 0;
}

static enum parse_result parse_server_extension(struct tls_server_hello *hello, uint16_t type,
                                                struct bytes data)
{
	struct cursor body = cursor_over(data);

	switch (type) {
	case EXTENSION_SUPPORTED_VERSIONS:
		hello->version = cursor_u16(&body);
		/* Lower ones are chosen in the old field. */
		if (!cursor_finished(&body) || hello->version < TLS_VERSION_1_3 ||
		    hello->legacy_version != TLS_VERSION_1_2)
			return PARSE_MALFORMED;
		break;
	case EXTENSION_PRE_SHARED_KEY:
		hello->accepts_psk = true;
		break;
	case EXTENSION_SERVER_CERTIFICATE_TYPE:
		hello->has_raw_key = cursor_u8(&body) == CERTIFICATE_TYPE_RAW_KEY;
		if (!cursor_finished(&body))
			return PARSE_MALFORMED;
		break;
	case EXTENSION_EXTENDED_MASTER_SECRET:
		hello->has_extended_master_secret = true;
		break;
	default:
		break;
	}
	return PARSE_OK;
}

enum parse_result tls_server_hello_parse(struct tls_server_hello *hello, struct bytes body)
{
	struct cursor fields = cursor_over(body);
	struct tls_server_hello parsed = { .legacy_version = cursor_u16(&fields) };
	struct cursor extensions;
	unsigned seen = 0;

	parsed.version = parsed.legacy_version;
	parsed.random = cursor_bytes(&fields, TLS_RANDOM_LEN);
	parsed.session_id = cursor_vector8(&fields);
	parsed.cipher_suite = cursor_u16(&fields);
	cursor_skip(&fields, 1); /* the compression method */
	extensions = extensions_of(&fields);
	if (!cursor_finished(&fields) || parsed.session_id.len > TLS_SESSION_ID_MAX ||
	    parsed.legacy_version < TLS_VERSION_SSL_3_0 || parsed.legacy_version > TLS_VERSION_1_2)
		return PARSE_MALFORMED;

	while (cursor_left(&extensions) > 0) {
		uint16_t type;
		struct bytes data = next_extension(&type, &seen, &extensions);

		if (extensions.failed || parse_server_extension(&parsed, type, data) != PARSE_OK)
			return PARSE_MALFORMED;
	}
	parsed.is_retry_request =
		bytes_equal(parsed.random, bytes_of(retry_random, TLS_RANDOM_LEN));
	if (parsed.is_retry_request && parsed.version < TLS_VERSION_1_3)
		return PARSE_MALFORMED;
	parsed.version_withheld = withheld_version(parsed.random);
	*hello = parsed;
	return PARSE_OK;
}

static bool is_name_octet(uint8_t octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
	       octet == '_';
}

static bool is_digits(struct bytes label)
{
	for (size_t i = 0; i < label.len; i++) {
		if (label.data[i] < '0' || label.data[i] > '9')
			return false;
	}
	return true;
}

static bool is_hexadecimal(uint8_t octet)
{
	uint8_t lower = ascii_lower(octet);

	return (lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f');
}

/* IPv6, in brackets or not; zone identifiers aside, no other text has such octets and a colon among them. */
static bool is_literal_6(struct bytes name)
{
	if (bytes_find(name, ':') == name.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (!is_hexadecimal(name.data[i]) && !memchr(":.[]", name.data[i], 4))
			return false;
	}
	return true;
}

static struct bytes without_final_dot(struct bytes name)
{
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

enum tls_server_name tls_server_name_read(char name[TLS_SERVER_NAME_ROOM], struct bytes server_name)
{
	struct bytes rest = without_final_dot(server_name);
	uint8_t host[TLS_SERVER_NAME_ROOM] = { 0 };
	struct bytes label = { 0 };

	if (is_literal_6(rest))
		return TLS_SERVER_NAME_LITERAL;
	if (rest.len == 0 || rest.len >= TLS_SERVER_NAME_ROOM)
		return TLS_SERVER_NAME_INVALID;
	for (size_t i = 0; i < rest.len; i++) {
		host[i] = ascii_lower(rest.data[i]);
		if (host[i] != '.' && !is_name_octet(host[i]))
			return TLS_SERVER_NAME_INVALID;
	}
	for (size_t at = 0; at <= rest.len; at += label.len + 1) {
		label = bytes_after(rest, at);
		label.len = bytes_find(label, '.');
		if (label.len == 0 || label.len > LABEL_LEN_MAX)
			return TLS_SERVER_NAME_INVALID;
	}
	/* No top level domain is a number: 192.0.2.1, and all that inet_aton takes for one. */
	if (is_digits(label))
		return TLS_SERVER_NAME_LITERAL;
	memcpy(name, host, rest.len);
	name[rest.len] = '\0';
	return TLS_SERVER_NAME_HOST;
}
