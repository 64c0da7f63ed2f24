/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_key_exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"
#include "wire/tls_hello.h"

enum { LENGTHS_MAX = 12 };

#define DH    "\0\3ppp\0\1g\0\2yy"
#define CURVE "\3\0\x17\4keys"
#define HINT  "\0\4hint"

/* Bodies: what is signed, how much that is, and where the octets of their lengths stand. */
static const struct {
	const char *name;
	uint16_t version;
	uint16_t suite;
	const char *body;
	size_t len;
	size_t params_len;
	uint16_t algorithm;
	const char *signature;
	uint16_t group;
	const char *prime;
	const char *share;
	size_t length_count;
	size_t lengths[LENGTHS_MAX];
} cases[] = {
	{ "DHE_RSA 1.2",
	  0x0303,
	  0x0033,
	  DH "\4\1\0\3sig",
	  19,
	  12,
	  0x0401,
	  "sig",
	  0,
	  "ppp",
	  "yy",
	  8,
	  { 0, 1, 5, 6, 8, 9, 14, 15 } },
	{ "DHE_RSA 1.1",
	  0x0302,
	  0x0033,
	  DH "\0\3sig",
	  17,
	  12,
	  0,
	  "sig",
	  0,
	  "ppp",
	  "yy",
	  8,
	  { 0, 1, 5, 6, 8, 9, 12, 13 } },
	{ "DHE_DSS 1.0",
	  0x0301,
	  0x0013,
	  DH "\0\3sig",
	  17,
	  12,
	  0,
	  "sig",
	  0,
	  "ppp",
	  "yy",
	  8,
	  { 0, 1, 5, 6, 8, 9, 12, 13 } },
	{ "DH_anon 1.2",
	  0x0303,
	  0x0034,
	  DH,
	  12,
	  12,
	  0,
	  "",
	  0,
	  "ppp",
	  "yy",
	  6,
	  { 0, 1, 5, 6, 8, 9 } },
	{ "ECDHE_RSA 1.2",
	  0x0303,
	  0xc02f,
	  CURVE "\x08\4\0\3sig",
	  15,
	  8,
	  0x0804,
	  "sig",
	  0x0017,
	  "",
	  "keys",
	  3,
	  { 3, 10, 11 } },
	{ "ECDHE_ECDSA 1.0",
	  0x0301,
	  0xc009,
	  CURVE "\0\3sig",
	  13,
	  8,
	  0,
	  "sig",
	  0x0017,
	  "",
	  "keys",
	  3,
	  { 3, 8, 9 } },
	{ "ECDHE_ECDSA 1.2",
	  0x0303,
	  0xc02b,
	  CURVE "\x08\7\0\3sig",
	  15,
	  8,
	  0x0807,
	  "sig",
	  0x0017,
	  "",
	  "keys",
	  3,
	  { 3, 10, 11 } },
	{ "ECDH_anon 1.2", 0x0303, 0xc018, CURVE, 8, 8, 0, "", 0x0017, "", "keys", 1, { 3 } },
	{ "RSA_EXPORT 1.0",
	  0x0301,
	  0x0003,
	  "\0\3mod\0\1e\0\3sig",
	  13,
	  8,
	  0,
	  "sig",
	  0,
	  "mod",
	  "e",
	  6,
	  { 0, 1, 5, 6, 8, 9 } },
	{ "PSK 1.2", 0x0303, 0x008c, HINT, 6, 6, 0, "", 0, "", "", 2, { 0, 1 } },
	{ "RSA_PSK 1.2", 0x0303, 0x0094, "\0\0", 2, 2, 0, "", 0, "", "", 2, { 0, 1 } },
	{ "DHE_PSK 1.2",
	  0x0303,
	  0x0090,
	  HINT DH,
	  18,
	  18,
	  0,
	  "",
	  0,
	  "ppp",
	  "yy",
	  8,
	  { 0, 1, 6, 7, 11, 12, 14, 15 } },
	{ "ECDHE_PSK 1.2",
	  0x0303,
	  0xc035,
	  HINT CURVE,
	  14,
	  14,
	  0,
	  "",
	  0x0017,
	  "",
	  "keys",
	  3,
	  { 0, 1, 9 } },
	{ "SRP 1.1",
	  0x0302,
	  0xc01d,
	  "\0\3ppp\0\1g\4salt\0\2yy",
	  17,
	  17,
	  0,
	  "",
	  0,
	  "ppp",
	  "yy",
	  7,
	  { 0, 1, 5, 6, 8, 13, 14 } },
	{ "SRP_RSA 1.2",
	  0x0303,
	  0xc01e,
	  "\0\3ppp\0\1g\4salt\0\2yy\6\1\0\3sig",
	  24,
	  17,
	  0x0601,
	  "sig",
	  0,
	  "ppp",
	  "yy",
	  9,
	  { 0, 1, 5, 6, 8, 13, 14, 19, 20 } },
};

enum { CASE_COUNT = sizeof(cases) / sizeof(cases[0]) };

static struct bytes body_of(size_t i)
{
	return bytes_of(cases[i].body, cases[i].len);
}

static enum parse_result parse(struct tls_key_exchange *exchange, size_t i, struct bytes body)
{
	return tls_key_exchange_parse(exchange, body, cases[i].version, cases[i].suite);
}

static void an_exchange_tells_what_is_signed_and_by_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tls_key_exchange exchange;

		if (parse(&exchange, i, body_of(i)) != PARSE_OK)
			fail_msg("%s", cases[i].name);
		assert_true(
			bytes_equal(exchange.params, bytes_of(cases[i].body, cases[i].params_len)));
		assert_int_equal(exchange.signature_algorithm, cases[i].algorithm);
		assert_true(bytes_equal(exchange.signature, bytes_of_string(cases[i].signature)));
		assert_int_equal(exchange.group, cases[i].group);
		assert_true(bytes_equal(exchange.prime, bytes_of_string(cases[i].prime)));
		assert_true(bytes_equal(exchange.share, bytes_of_string(cases[i].share)));
	}
}

static void a_body_that_is_cut_or_too_long_is_malformed(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		struct tls_key_exchange exchange = { .group = 7 };
		uint8_t longer[64] = { 0 };

		for (size_t cut = 0; cut < cases[i].len; cut++) {
			struct bytes body = guarded_bytes(&page, bytes_slice(body_of(i), 0, cut));

			if (parse(&exchange, i, body) != PARSE_MALFORMED)
				fail_msg("%s cut at %zu", cases[i].name, cut);
		}
		memcpy(longer, cases[i].body, cases[i].len);
		assert_int_equal(parse(&exchange, i, bytes_of(longer, cases[i].len + 1)),
		                 PARSE_MALFORMED);
		assert_int_equal(exchange.group, 7);
	}
	guarded_free(&page);
}

static void each_length_that_contradicts_another_is_malformed(void **state)
{
	static const int changes[] = { 1, -1, 0x40 };
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++) {
		for (size_t at = 0; at < cases[i].length_count; at++) {
			for (size_t change = 0; change < 3; change++) {
				uint8_t *octets = guarded_place(&page, body_of(i));
				size_t where = cases[i].lengths[at];
				struct tls_key_exchange exchange;

				octets[where] = (uint8_t)(octets[where] + changes[change]);
				if (parse(&exchange, i, bytes_of(octets, cases[i].len)) == PARSE_OK)
					fail_msg("%s octet %zu as %u", cases[i].name, where,
					         octets[where]);
			}
		}
	}
	guarded_free(&page);
}

static void a_value_or_a_signature_without_octets_is_none(void **state)
{
	static const struct {
		uint16_t suite;
		const char *body;
		size_t len;
	} empty[] = {
		{ 0x0034, "\0\0\0\1g\0\2yy", 9 },   { 0x0034, "\0\3ppp\0\0\0\2yy", 11 },
		{ 0x0034, "\0\3ppp\0\1g\0\0", 10 }, { 0xc018, "\3\0\x17\0", 4 },
		{ 0xc02f, CURVE "\4\1\0\0", 12 },   { 0xc01d, "\0\3ppp\0\1g\0\0\2yy", 13 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct tls_key_exchange exchange;

		if (tls_key_exchange_parse(&exchange, bytes_of(empty[i].body, empty[i].len),
		                           TLS_VERSION_1_2, empty[i].suite) != PARSE_MALFORMED)
			fail_msg("case %zu", i);
	}
}

static void a_curve_that_is_spelt_out_is_refused(void **state)
{
	struct tls_key_exchange exchange;
	uint8_t body[15];

	(void)state;
	memcpy(body, CURVE "\x08\4\0\3sig", sizeof(body));
	for (unsigned type = 0; type < 256; type++) {
		body[0] = (uint8_t)type;
		assert_int_equal(tls_key_exchange_parse(&exchange, bytes_of(body, sizeof(body)),
		                                        TLS_VERSION_1_2, 0xc02f),
		                 type == 3 ? PARSE_OK : PARSE_MALFORMED);
	}
}

static void a_suite_without_an_exchange_has_none_that_could_be_read(void **state)
{
	static const uint16_t suites[] = { 0x0000, 0x002f, 0x0030, 0x001e, 0xc004, 0xc00e,
		                           0x0081, 0xc0b0, 0x1301, 0x00ff, 0xfafa };
	struct tls_key_exchange exchange;

	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		assert_int_equal(
			tls_key_exchange_parse(&exchange, body_of(0), TLS_VERSION_1_2, suites[i]),
			PARSE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_tells_what_is_signed_and_by_what),
		cmocka_unit_test(a_body_that_is_cut_or_too_long_is_malformed),
		cmocka_unit_test(each_length_that_contradicts_another_is_malformed),
		cmocka_unit_test(a_value_or_a_signature_without_octets_is_none),
		cmocka_unit_test(a_curve_that_is_spelt_out_is_refused),
		cmocka_unit_test(a_suite_without_an_exchange_has_none_that_could_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
