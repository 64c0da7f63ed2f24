/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The body of a ServerKeyExchange behind an octet for the version and two for the cipher suite. What was read puts together to the
 * whole body again, and a body that is cut is none.
 */

#include "require.h"

#include "wire/tls_cipher.h"
#include "wire/tls_hello.h"
#include "wire/tls_key_exchange.h"

enum { HEAD_LEN = 3, LEN_MAX = 4096, CUTS_MAX = 64 };

static void require_within(struct bytes view, struct bytes body)
{
	REQUIRE(view.len == 0 ||
	        (view.data >= body.data && view.data + view.len <= body.data + body.len));
}

static void check_whole(const struct tls_key_exchange *exchange, struct bytes body,
                        uint16_t version, uint16_t suite)
{
	struct cursor fields = cursor_over(body);

	REQUIRE(bytes_equal(cursor_bytes(&fields, exchange->params.len), exchange->params));
	REQUIRE(exchange->params.data == body.data);
	require_within(exchange->prime, exchange->params);
	require_within(exchange->share, exchange->params);
	REQUIRE(tls_cipher_key_exchange(suite) != TLS_ABSENT);
	REQUIRE((exchange->signature.len > 0) == tls_cipher_is_signed(suite));
	if (tls_cipher_is_signed(suite)) {
		uint16_t algorithm =
			version >= TLS_VERSION_1_2 ? cursor_u16(&fields) : TLS_SIGNATURE_IMPLICIT;
		struct bytes signature = cursor_vector16(&fields);

		REQUIRE(exchange->signature_algorithm == algorithm);
		REQUIRE(signature.data == exchange->signature.data &&
		        signature.len == exchange->signature.len);
	}
	REQUIRE(cursor_finished(&fields));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tls_key_exchange exchange;
	struct bytes copy;
	uint16_t version;
	uint16_t suite;

	if (len < HEAD_LEN || len > LEN_MAX)
		return 0;
	version = (uint16_t)(TLS_VERSION_SSL_3_0 + data[0] % 4);
	suite = (uint16_t)(data[1] << 8 | data[2]);
	copy = exact_copy(bytes_of(data + HEAD_LEN, len - HEAD_LEN));
	if (tls_key_exchange_parse(&exchange, copy, version, suite) == PARSE_OK) {
		size_t step = 1 + copy.len / CUTS_MAX;

		check_whole(&exchange, copy, version, suite);
		for (size_t cut = 0; cut < copy.len; cut += step)
			REQUIRE(tls_key_exchange_parse(&exchange, exact_cut(copy, cut), version,
			                               suite) == PARSE_MALFORMED);
	}
	exact_free(copy);
	return 0;
}
