/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"
#include "hello_draft.h"

static enum parse_result parse_server(struct tls_server_hello *hello, const struct draft *draft)
{
	return tls_server_hello_parse(hello, draft_body(draft));
}

static void a_server_says_which_master_secret_and_what_kind_of_key_it_has(void **state)
{
	static const struct {
		struct draft_part part;
		enum parse_result want;
		bool is_extended;
		bool is_raw;
	} extensions[] = {
		{ { 21, "", 0 }, PARSE_OK, false, false },
		{ { 23, "", 0 }, PARSE_OK, true, false },
		{ { 20, "\2", 1 }, PARSE_OK, false, true },
		{ { 20, "\0", 1 }, PARSE_OK, false, false },
		{ { 20, "", 0 }, PARSE_MALFORMED, false, false },
		{ { 20, "\1\2", 2 }, PARSE_MALFORMED, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		struct draft draft = draft_server(&extensions[i].part, 1);
		struct tls_server_hello hello = { .version = 0 };

		assert_int_equal(parse_server(&hello, &draft), extensions[i].want);
		assert_int_equal(hello.has_extended_master_secret, extensions[i].is_extended);
		assert_int_equal(hello.has_raw_key, extensions[i].is_raw);
	}
}

static void a_server_hello_tells_what_it_chose(void **state)
{
	const struct draft_part of_1_3[] = { { 51, "a share", 7 }, { 43, "\3\4", 2 } };
	struct guarded page = guarded_new();
	struct draft draft = draft_server(of_1_3, 2);
	struct tls_server_hello hello;

	(void)state;
	assert_int_equal(parse_server(&hello, &draft), PARSE_OK);
	assert_int_equal(hello.legacy_version, TLS_VERSION_1_2);
	assert_int_equal(hello.version, TLS_VERSION_1_3);
	assert_int_equal(hello.cipher_suite, 0x1301);
	assert_true(bytes_equal(hello.session_id, bytes_of_string("session")));
	assert_false(hello.is_retry_request || hello.accepts_psk);
	assert_int_equal(hello.version_withheld, 0);
	for (size_t cut = 0; cut <= draft.len; cut++) {
		bool is_whole = cut == draft.len || cut == draft.extensions_at;

		assert_int_equal(tls_server_hello_parse(
					 &hello, guarded_bytes(&page, bytes_of(draft.octets, cut))),
		                 is_whole ? PARSE_OK : PARSE_MALFORMED);
	}
	assert_int_equal(
		tls_server_hello_parse(&hello, bytes_of(draft.octets, draft.extensions_at)),
		PARSE_OK);
	assert_int_equal(hello.version, TLS_VERSION_1_2);
	guarded_free(&page);
}

static void a_server_chooses_each_version_in_its_place(void **state)
{
	static const struct {
		uint16_t legacy;
		struct draft_part part;
		uint16_t want; /* 0: malformed */
	} cases[] = {
		{ 0x0300, { 21, "", 0 }, 0x0300 },     { 0x0303, { 21, "", 0 }, 0x0303 },
		{ 0x0304, { 21, "", 0 }, 0 },          { 0x0200, { 21, "", 0 }, 0 },
		{ 0x0303, { 43, "\3\4", 2 }, 0x0304 }, { 0x0303, { 43, "\3\3", 2 }, 0 },
		{ 0x0302, { 43, "\3\4", 2 }, 0 },      { 0x0303, { 43, "\3", 1 }, 0 },
		{ 0x0303, { 43, "\3\4\0", 3 }, 0 },    { 0x0303, { 43, "", 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct draft draft = draft_server(&cases[i].part, 1);
		struct tls_server_hello hello;
		enum parse_result result;

		put_u16(draft.octets, cases[i].legacy);
		result = parse_server(&hello, &draft);
		if ((result == PARSE_OK ? hello.version : 0) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

static void a_random_may_be_a_sign(void **state)
{
	static const uint8_t retry[] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
		0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
		0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};
	const struct draft_part of_1_3[] = { { 43, "\3\4", 2 }, { 41, "\0\0", 2 } };
	struct draft draft = draft_server(of_1_3, 2);
	struct tls_server_hello hello;

	(void)state;
	memcpy(draft.octets + 2, retry, sizeof(retry));
	assert_int_equal(parse_server(&hello, &draft), PARSE_OK);
	assert_true(hello.is_retry_request && hello.accepts_psk);
	draft.octets[2 + 31] ^= 1;
	assert_int_equal(parse_server(&hello, &draft), PARSE_OK);
	assert_false(hello.is_retry_request);

	draft = draft_server(NULL, 0);
	memcpy(draft.octets + 2, retry, sizeof(retry)); /* only TLS 1.3 has it */
	assert_int_equal(parse_server(&hello, &draft), PARSE_MALFORMED);
	memcpy(draft.octets + 2 + 24, "DOWNGRD\1", 8);
	assert_int_equal(parse_server(&hello, &draft), PARSE_OK);
	assert_int_equal(hello.version_withheld, TLS_VERSION_1_3);
	draft.octets[2 + 31] = 0;
	assert_int_equal(parse_server(&hello, &draft), PARSE_OK);
	assert_int_equal(hello.version_withheld, TLS_VERSION_1_2);
	draft.octets[2 + 31] = 2;
	assert_int_equal(parse_server(&hello, &draft), PARSE_OK);
	assert_int_equal(hello.version_withheld, 0);
}

static void each_length_of_a_server_hello_counts(void **state)
{
	const struct draft_part parts[] = { { 51, "a share", 7 }, { 43, "\3\4", 2 } };
	static const int changes[] = { 1, -1, 0x40 };
	const struct draft whole = draft_server(parts, 2);

	(void)state;
	assert_true(whole.length_count >= 5);
	for (size_t i = 0; i < whole.length_count; i++) {
		for (size_t change = 0; change < 3; change++) {
			struct draft draft = whole;
			struct tls_server_hello hello;
			uint8_t *octet = &draft.octets[whole.lengths[i]];

			*octet = (uint8_t)(*octet + changes[change]);
			if (parse_server(&hello, &draft) != PARSE_MALFORMED)
				fail_msg("octet %zu as %u", whole.lengths[i], *octet);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_says_which_master_secret_and_what_kind_of_key_it_has),
		cmocka_unit_test(a_server_hello_tells_what_it_chose),
		cmocka_unit_test(a_server_chooses_each_version_in_its_place),
		cmocka_unit_test(a_random_may_be_a_sign),
		cmocka_unit_test(each_length_of_a_server_hello_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
