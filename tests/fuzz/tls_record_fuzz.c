/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Octets as TLS records, one after the other: each outcome, once reached, stays with more octets.
 */

#include "require.h"

#include "wire/tls_record.h"

static void check_cuts(struct bytes rest)
{
	enum parse_result record = PARSE_MORE;
	enum parse_result hello = PARSE_MORE;
	struct tls_record_header header;
	size_t hello_len = 0;
	struct bytes copy = exact_copy(bytes_slice(rest, 0, 16));

	for (size_t cut = 0; cut <= copy.len; cut++) {
		enum parse_result now = tls_record_header_parse(&header, exact_cut(copy, cut));

		REQUIRE(record == PARSE_MORE || now == record);
		REQUIRE(now != PARSE_OK || cut >= TLS_RECORD_HEADER_LEN);
		REQUIRE(now != PARSE_MORE || cut < TLS_RECORD_HEADER_LEN);
		record = now;

		now = tls_v2_hello_parse(&hello_len, exact_cut(copy, cut));
		REQUIRE(hello == PARSE_MORE || now == hello);
		REQUIRE(now != PARSE_OK || (hello_len >= 30 && hello_len < 2 + 0x8000));
		hello = now;
	}
	/* No octets are both. */
	REQUIRE(record != PARSE_OK || hello == PARSE_MALFORMED);
	exact_free(copy);
}

/* One in the old framing that is whole, and nothing behind it. */
static void check_old_hello(struct bytes octets)
{
	struct tls_v2_hello hello;
	struct bytes copy;
	size_t len = 0;
	bool is_whole = tls_v2_hello_parse(&len, octets) == PARSE_OK && len <= octets.len;

	if (!is_whole)
		len = octets.len;
	copy = exact_copy(bytes_slice(octets, 0, len));
	REQUIRE((tls_v2_hello_read(&hello, copy) == PARSE_OK) == is_whole);
	if (is_whole)
		REQUIRE(hello.cipher_specs.len + hello.session_id.len + hello.challenge.len + 11 ==
		        len);
	exact_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes rest = bytes_of(data, len);
	struct tls_record_header header;

	check_cuts(rest);
	check_old_hello(rest);
	while (tls_record_header_parse(&header, rest) == PARSE_OK) {
		REQUIRE(header.content_len <= TLS_RECORD_MAX);
		REQUIRE(header.version >= 0x0300 && header.version <= 0x0304);
		check_cuts(rest);
		rest = bytes_after(rest, (size_t)TLS_RECORD_HEADER_LEN + header.content_len);
	}
	return 0;
}
