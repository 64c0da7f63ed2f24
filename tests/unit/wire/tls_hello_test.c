/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"
#include "hello_draft.h"

static const struct draft_part host_name[] = { { 0, "\0\x0e\0\0\x0bmx.abcd.org", 16 } };

static enum parse_result parse_client(struct tls_client_hello *hello, const struct draft *draft)
{
	return tls_client_hello_parse(hello, draft_body(draft));
}

/* Of a hello that is whole, cut anywhere, nothing else is a hello but what ends before the extensions. */
static void check_client_cuts(struct bytes body, size_t without_extensions)
{
	struct guarded page = guarded_new();

	for (size_t cut = 0; cut <= body.len; cut++) {
		struct tls_client_hello hello = { .legacy_version = 7 };
		enum parse_result result = tls_client_hello_parse(
			&hello, guarded_bytes(&page, bytes_slice(body, 0, cut)));
		bool is_whole = cut == body.len || cut == without_extensions;

		if (result != (is_whole ? PARSE_OK : PARSE_MALFORMED))
			fail_msg("cut at %zu of %zu: %d", cut, body.len, (int)result);
		assert_int_equal(hello.legacy_version == 7, !is_whole);
	}
	guarded_free(&page);
}

static void a_client_hello_tells_what_it_offers(void **state)
{
	const struct draft_part parts[] = {
		{ 0x1a1a, "", 0 }, /* RFC 8701 */
		host_name[0],
		{ 13, "\0\2\4\3", 4 },
		{ 35, "a ticket", 8 },
		{ 10, "\0\4\0\x1d\0\x17", 6 },
		{ 23, "", 0 },
		{ 43, "\x08\x3a\x3a\3\4\3\3\3\2", 9 },
		{ 42, "", 0 },
		{ 0xfe0d, "\0whatever", 9 },
		{ 41, "keys and binders", 16 },
	};
	struct draft draft = draft_client(parts, 10);
	struct tls_client_hello hello;

	(void)state;
	assert_int_equal(parse_client(&hello, &draft), PARSE_OK);
	assert_int_equal(hello.legacy_version, TLS_VERSION_1_2);
	assert_int_equal(hello.version_max, TLS_VERSION_1_3);
	assert_true(bytes_equal(hello.random, bytes_of_string("rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr")));
	assert_true(bytes_equal(hello.session_id, bytes_of_string("session")));
	assert_true(bytes_equal(hello.cipher_suites, bytes_of("\x13\1\xc0\x2f", 4)));
	assert_true(bytes_equal(hello.server_name, bytes_of_string("mx.abcd.org")));
	assert_true(bytes_equal(hello.signature_algorithms, bytes_of("\4\3", 2)));
	assert_true(bytes_equal(hello.groups, bytes_of("\0\x1d\0\x17", 4)));
	assert_true(bytes_equal(hello.versions, bytes_of("\x3a\x3a\3\4\3\3\3\2", 8)));
	assert_true(bytes_equal(hello.ticket, bytes_of_string("a ticket")));
	assert_true(hello.has_extended_master_secret && hello.offers_psk &&
	            hello.offers_early_data && hello.has_encrypted_hello);
	assert_false(hello.offers_anonymous || hello.offers_null);
	check_client_cuts(draft_body(&draft), draft.extensions_at);
}

static void a_hello_of_old_has_no_extensions(void **state)
{
	struct draft draft = draft_client(NULL, 0);
	struct tls_client_hello hello;

	(void)state;
	draft.octets[1] = 1;
	assert_int_equal(
		tls_client_hello_parse(&hello, bytes_of(draft.octets, draft.extensions_at)),
		PARSE_OK);
	assert_int_equal(hello.version_max, TLS_VERSION_1_0);
	assert_int_equal(hello.server_name.len, 0);
	assert_int_equal(hello.signature_algorithms.len + hello.groups.len + hello.versions.len +
	                         hello.ticket.len,
	                 0);
	assert_false(hello.has_extended_master_secret || hello.offers_psk ||
	             hello.offers_early_data || hello.has_encrypted_hello);
}

/* Each length of a hello, each of its octets, off by one and by a lot. */
static void each_length_that_contradicts_another_is_malformed(void **state)
{
	const struct draft_part parts[] = {
		{ 0x1a1a, "x", 1 }, host_name[0], { 43, "\4\3\4\3\3", 5 }, { 13, "\0\2\4\3", 4 }
	};
	static const int changes[] = { 1, -1, 0x40 };
	const struct draft whole = draft_client(parts, 4);

	(void)state;
	assert_true(whole.length_count >= 8);
	for (size_t i = 0; i < whole.length_count; i++) {
		for (size_t change = 0; change < 3; change++) {
			struct draft draft = whole;
			uint8_t *octet = &draft.octets[whole.lengths[i]];
			struct tls_client_hello hello;

			*octet = (uint8_t)(*octet + changes[change]);
			if (parse_client(&hello, &draft) != PARSE_MALFORMED)
				fail_msg("octet %zu as %u", whole.lengths[i], *octet);
		}
	}
}

static void octets_left_over_make_it_malformed(void **state)
{
	struct draft draft = draft_client(host_name, 1);
	struct tls_client_hello hello;

	(void)state;
	draft.octets[draft.len++] = 0;
	assert_int_equal(parse_client(&hello, &draft), PARSE_MALFORMED);
}

static void a_server_name_has_one_host_name(void **state)
{
	static const struct {
		struct draft_part part;
		enum parse_result want;
		const char *name;
	} cases[] = {
		{ { 0, "\0\x04\0\0\1a", 6 }, PARSE_OK, "a" },
		{ { 0, "\0\x09\1\0\2zz\0\0\1a", 11 }, PARSE_OK, "a" }, /* another type of name */
		{ { 0, "\0\x05\1\0\2zz", 7 }, PARSE_OK, "" },
		{ { 0, "", 0 }, PARSE_MALFORMED, "" },
		{ { 0, "\0\0", 2 }, PARSE_MALFORMED, "" },
		{ { 0, "\0\3\0\0\0", 5 }, PARSE_MALFORMED, "" },
		{ { 0, "\0\x08\0\0\1a\0\0\1b", 10 }, PARSE_MALFORMED, "" }, /* two */
		{ { 0, "\0\4\0\0\2a", 6 }, PARSE_MALFORMED, "" },
		{ { 0, "\0\5\0\0\1a", 6 }, PARSE_MALFORMED, "" },
		{ { 0, "\0\4\0\0\1ab", 7 }, PARSE_MALFORMED, "" },
		{ { 0, "\0\4\0\0\1", 5 }, PARSE_MALFORMED, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct draft draft = draft_client(&cases[i].part, 1);
		struct tls_client_hello hello;
		enum parse_result result = parse_client(&hello, &draft);

		if (result != cases[i].want)
			fail_msg("case %zu: %d", i, (int)result);
		if (result == PARSE_OK)
			assert_true(bytes_equal(hello.server_name, bytes_of_string(cases[i].name)));
	}
}

static void an_extension_that_is_read_comes_once(void **state)
{
	static const uint16_t types[] = { 0, 10, 13, 23, 35, 41, 42, 43, 0xfe0d };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool is_list = types[i] == 10 || types[i] == 13;
		const char *data = types[i] == 0 ? "\0\4\0\0\1a" : is_list ? "\0\2\3\4" : "\2\3\4";
		size_t len = types[i] == 0 ? 6 : is_list ? 4 : 3;
		const struct draft_part parts[] = { { types[i], data, len },
			                            { 21, "padding", 7 },
			                            { types[i], data, len } };
		struct draft draft = draft_client(parts, 2);
		struct tls_client_hello hello;

		assert_int_equal(parse_client(&hello, &draft), PARSE_OK);
		draft = draft_client(parts, 3);
		assert_int_equal(parse_client(&hello, &draft), PARSE_MALFORMED);
	}
}

static void the_highest_version_is_the_highest_that_is_known(void **state)
{
	static const struct {
		uint16_t legacy;
		struct draft_part part; /* of type 43, or of one that says nothing */
		uint16_t want;          /* 0xffff: malformed */
	} cases[] = {
		{ 0x0300, { 21, "", 0 }, TLS_VERSION_SSL_3_0 },
		{ 0x0302, { 21, "", 0 }, TLS_VERSION_1_1 },
		{ 0x0303, { 21, "", 0 }, TLS_VERSION_1_2 },
		{ 0x0304, { 21, "", 0 }, TLS_VERSION_1_2 }, /* RFC 8446 section 4.2.1 */
		{ 0x03ff, { 21, "", 0 }, TLS_VERSION_1_2 },
		{ 0x0200, { 21, "", 0 }, 0xffff },
		{ 0x0400, { 21, "", 0 }, 0xffff },
		{ 0x0303, { 43, "\2\3\3", 3 }, TLS_VERSION_1_2 },
		{ 0x0303, { 43, "\4\3\1\3\4", 5 }, TLS_VERSION_1_3 },
		{ 0x0303, { 43, "\4\xfa\xfa\3\3", 5 }, TLS_VERSION_1_2 },
		{ 0x0303, { 43, "\2\x7f\x1c", 3 }, 0 },
		{ 0x0303, { 43, "\0", 1 }, 0xffff },
		{ 0x0303, { 43, "", 0 }, 0xffff },
		{ 0x0303, { 43, "\3\3\4\3", 4 }, 0xffff },
		{ 0x0303, { 43, "\2\3\4\0", 4 }, 0xffff },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct draft draft = draft_client(&cases[i].part, 1);
		struct tls_client_hello hello;
		enum parse_result result;

		put_u16(draft.octets, cases[i].legacy);
		result = parse_client(&hello, &draft);
		if ((result == PARSE_OK ? hello.version_max : 0xffff) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

static void an_empty_ticket_only_asks_for_one(void **state)
{
	const struct draft_part parts[] = { { 35, "", 0 } };
	struct draft draft = draft_client(parts, 1);
	struct tls_client_hello hello;

	(void)state;
	assert_int_equal(parse_client(&hello, &draft), PARSE_OK);
	assert_int_equal(hello.ticket.len, 0);
}

static void a_list_of_numbers_has_no_halves_and_may_be_empty(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		enum parse_result want;
	} lists[] = {
		{ "\0\2\4\3", 4, PARSE_OK },        { "\0\0", 2, PARSE_OK },
		{ "", 0, PARSE_MALFORMED },         { "\0", 1, PARSE_MALFORMED },
		{ "\0\1\4", 3, PARSE_MALFORMED },   { "\0\3\4\3\5", 5, PARSE_MALFORMED },
		{ "\0\4\4\3", 4, PARSE_MALFORMED }, { "\0\2\4\3\5\3", 6, PARSE_MALFORMED },
	};

	(void)state;
	for (uint16_t type = 10; type <= 13; type = (uint16_t)(type + 3)) {
		for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
			const struct draft_part part = { type, lists[i].data, lists[i].len };
			struct draft draft = draft_client(&part, 1);
			struct tls_client_hello hello;

			if (parse_client(&hello, &draft) != lists[i].want)
				fail_msg("type %u, list %zu", type, i);
		}
	}
}

static void suites_without_authentication_or_encryption_are_noted(void **state)
{
	struct draft draft = draft_client(NULL, 0);
	struct tls_client_hello hello;
	size_t suites = (size_t)(draft.extensions_at - 2 - 4);

	(void)state;
	put_u16(draft.octets + suites, 0x0034);
	assert_int_equal(parse_client(&hello, &draft), PARSE_OK);
	assert_true(hello.offers_anonymous && !hello.offers_null);
	put_u16(draft.octets + suites, 0x003b);
	assert_int_equal(parse_client(&hello, &draft), PARSE_OK);
	assert_true(!hello.offers_anonymous && hello.offers_null);
}

static void names_are_told_as_text_that_is_a_host_name_or_not_at_all(void **state)
{
	static char labels[4 * 64];
	static const struct {
		const char *spelt;
		size_t len;
		enum tls_server_name want;
		const char *name;
	} cases[] = {
		{ "mx.example.org", 14, TLS_SERVER_NAME_HOST, "mx.example.org" },
		{ "MX.Example.ORG", 14, TLS_SERVER_NAME_HOST, "mx.example.org" },
		{ "mx.example.org.", 15, TLS_SERVER_NAME_HOST, "mx.example.org" },
		{ "_a-b_.1x", 8, TLS_SERVER_NAME_HOST, "_a-b_.1x" },
		{ "xn--mnchen-3ya.de", 17, TLS_SERVER_NAME_HOST, "xn--mnchen-3ya.de" },
		{ "localhost", 9, TLS_SERVER_NAME_HOST, "localhost" },
		{ "192.0.2.1.example", 17, TLS_SERVER_NAME_HOST, "192.0.2.1.example" },
		{ "dead.beef", 9, TLS_SERVER_NAME_HOST, "dead.beef" },
		{ "192.0.2.1", 9, TLS_SERVER_NAME_LITERAL, "" },
		{ "192.0.2.1.", 10, TLS_SERVER_NAME_LITERAL, "" },
		{ "3221225985", 10, TLS_SERVER_NAME_LITERAL, "" },
		{ "2001:db8::1", 11, TLS_SERVER_NAME_LITERAL, "" },
		{ "[2001:DB8::1]", 13, TLS_SERVER_NAME_LITERAL, "" },
		{ "::ffff:192.0.2.1", 16, TLS_SERVER_NAME_LITERAL, "" },
		{ "mx.example.org..", 16, TLS_SERVER_NAME_INVALID, "" },
		{ ".", 1, TLS_SERVER_NAME_INVALID, "" },
		{ ".example.org", 12, TLS_SERVER_NAME_INVALID, "" },
		{ "mx..example", 11, TLS_SERVER_NAME_INVALID, "" },
		{ "mx.example.org\0.evil", 20, TLS_SERVER_NAME_INVALID, "" },
		{ "\0", 1, TLS_SERVER_NAME_INVALID, "" },
		{ "mx example.org", 14, TLS_SERVER_NAME_INVALID, "" },
		{ "mx.example.org\n", 15, TLS_SERVER_NAME_INVALID, "" },
		{ "m\xc3\xbcnchen.de", 11, TLS_SERVER_NAME_INVALID, "" },
		{ "mx.example:25", 13, TLS_SERVER_NAME_INVALID, "" },
		{ "[192.0.2.1]", 11, TLS_SERVER_NAME_INVALID, "" },
		{ labels, 63, TLS_SERVER_NAME_HOST, NULL },
		{ labels, 4 * 64 - 3, TLS_SERVER_NAME_HOST, NULL }, /* 253 */
		{ labels, 4 * 64 - 2, TLS_SERVER_NAME_INVALID, "" },
		{ labels + 64 - 1, 65, TLS_SERVER_NAME_INVALID, "" },
	};
	struct guarded page = guarded_new();

	(void)state;
	memset(labels, 'a', sizeof(labels));
	for (size_t i = 1; i < 4; i++)
		labels[i * 64 - 1] = '.';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes spelt = bytes_of(cases[i].spelt, cases[i].len);
		char name[TLS_SERVER_NAME_ROOM] = "";
		enum tls_server_name kind = tls_server_name_read(name, guarded_bytes(&page, spelt));

		if (kind != cases[i].want)
			fail_msg("case %zu: %d", i, (int)kind);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
		else
			assert_true(bytes_equal(bytes_of_string(name), spelt));
	}
	guarded_free(&page);
}

static void a_label_has_63_octets_and_no_more(void **state)
{
	char text[70];
	char name[TLS_SERVER_NAME_ROOM];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(tls_server_name_read(name, bytes_of(text, 63)), TLS_SERVER_NAME_HOST);
	assert_int_equal(tls_server_name_read(name, bytes_of(text, 64)), TLS_SERVER_NAME_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_hello_tells_what_it_offers),
		cmocka_unit_test(a_hello_of_old_has_no_extensions),
		cmocka_unit_test(each_length_that_contradicts_another_is_malformed),
		cmocka_unit_test(octets_left_over_make_it_malformed),
		cmocka_unit_test(a_server_name_has_one_host_name),
		cmocka_unit_test(an_extension_that_is_read_comes_once),
		cmocka_unit_test(the_highest_version_is_the_highest_that_is_known),
		cmocka_unit_test(an_empty_ticket_only_asks_for_one),
		cmocka_unit_test(a_list_of_numbers_has_no_halves_and_may_be_empty),
		cmocka_unit_test(suites_without_authentication_or_encryption_are_noted),
		cmocka_unit_test(names_are_told_as_text_that_is_a_host_name_or_not_at_all),
		cmocka_unit_test(a_label_has_63_octets_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
