/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_key_exchange.h"

#include "wire/tls_cipher.h"
#include "wire/tls_hello.h"

enum { CURVE_TYPE_NAMED = 3 };

/* A value that has at least an octet. */
static struct bytes read_value(struct cursor *fields, struct bytes value)
{
	if (value.len == 0)
		fields->failed = true;
	return value;
}

/* ServerDHParams; the generator in the middle is of no interest. */
static void read_finite_field(struct tls_key_exchange *exchange, struct cursor *fields)
{
	exchange->prime = read_value(fields, cursor_vector16(fields));
	(void)read_value(fields, cursor_vector16(fields));
	exchange->share = read_value(fields, cursor_vector16(fields));
}

/* ServerECDHParams. */
static void read_curve(struct tls_key_exchange *exchange, struct cursor *fields)
{
	if (cursor_u8(fields) != CURVE_TYPE_NAMED)
		fields->failed = true;
	exchange->group = cursor_u16(fields);
	exchange->share = read_value(fields, cursor_vector8(fields));
}

/* ServerRSAParams, RFC 2246. */
static void read_export_key(struct tls_key_exchange *exchange, struct cursor *fields)
{
	exchange->prime = read_value(fields, cursor_vector16(fields));
	exchange->share = read_value(fields, cursor_vector16(fields));
}

/* ServerSRPParams: between prime and share a generator and a salt. */
static void read_password(struct tls_key_exchange *exchange, struct cursor *fields)
{
	exchange->prime = read_value(fields, cursor_vector16(fields));
	(void)read_value(fields, cursor_vector16(fields));
	(void)read_value(fields, cursor_vector8(fields));
	exchange->share = read_value(fields, cursor_vector16(fields));
}

static void read_params(struct tls_key_exchange *exchange, struct cursor *fields,
                        uint16_t cipher_suite)
{
	switch (tls_cipher_exchange(cipher_suite)) {
	case TLS_EXCHANGE_DHE:
		read_finite_field(exchange, fields);
		break;
	case TLS_EXCHANGE_ECDHE:
		read_curve(exchange, fields);
		break;
	case TLS_EXCHANGE_RSA_EXPORT:
		read_export_key(exchange, fields);
		break;
	case TLS_EXCHANGE_SRP:
		read_password(exchange, fields);
		break;
	/* A hint comes first, which may be empty (RFC 4279 section 2). */
	case TLS_EXCHANGE_PSK:
	case TLS_EXCHANGE_RSA_PSK:
		(void)cursor_vector16(fields);
		break;
	case TLS_EXCHANGE_DHE_PSK:
		(void)cursor_vector16(fields);
		read_finite_field(exchange, fields);
		break;
	case TLS_EXCHANGE_ECDHE_PSK:
		(void)cursor_vector16(fields);
		read_curve(exchange, fields);
		break;
	case TLS_EXCHANGE_UNKNOWN:
	case TLS_EXCHANGE_NONE:
	case TLS_EXCHANGE_RSA:
	case TLS_EXCHANGE_DH:
	case TLS_EXCHANGE_ECDH:
	case TLS_EXCHANGE_KRB5:
	case TLS_EXCHANGE_ECCPWD:
	case TLS_EXCHANGE_GOST:
	case TLS_EXCHANGE_BY_EXTENSIONS:
		fields->failed = true;
		break;
	}
}

enum parse_result tls_key_exchange_parse(struct tls_key_exchange *exchange, struct bytes body,
                                         uint16_t version, uint16_t cipher_suite)
{
	struct cursor fields = cursor_over(body);
	struct tls_key_exchange parsed = { .signature_algorithm = TLS_SIGNATURE_IMPLICIT };

	read_params(&parsed, &fields, cipher_suite);
	if (fields.failed)
		return PARSE_MALFORMED;
	parsed.params = bytes_slice(body, 0, fields.at);
	if (tls_cipher_is_signed(cipher_suite)) {
		if (version >= TLS_VERSION_1_2)
			parsed.signature_algorithm = cursor_u16(&fields);
		parsed.signature = read_value(&fields, cursor_vector16(&fields));
	}
	if (!cursor_finished(&fields))
		return PARSE_MALFORMED;
	*exchange = parsed;
	return PARSE_OK;
}
