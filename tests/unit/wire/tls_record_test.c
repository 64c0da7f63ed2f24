/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tls_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../guarded.h"

struct record_case {
	uint8_t octets[8];
	size_t len;
	enum parse_result want;
	size_t known_at; /* octets from which the outcome is the same */
};

static const struct record_case cases[] = {
	{ { 22, 3, 1, 0, 200, 1 }, 6, PARSE_OK, 5 },
	{ { 22, 3, 3, 0x48, 0x00 }, 5, PARSE_OK, 5 },
	{ { 23, 3, 3, 0, 0 }, 5, PARSE_OK, 5 },
	{ { 20, 3, 0, 0, 1 }, 5, PARSE_OK, 5 },
	{ { 21, 3, 4, 0, 2 }, 5, PARSE_OK, 5 },
	{ { 22, 3, 3, 0x48, 0x01 }, 5, PARSE_MALFORMED, 5 },
	{ { 23, 3, 3, 0xff, 0xff }, 5, PARSE_MALFORMED, 5 },
	{ { 20, 3, 3, 0, 0 }, 5, PARSE_MALFORMED, 5 },
	{ { 21, 3, 3, 0, 0 }, 5, PARSE_MALFORMED, 5 },
	{ { 22, 3, 3, 0, 0 }, 5, PARSE_MALFORMED, 5 },
	{ { 22, 3, 5, 0, 1 }, 5, PARSE_MALFORMED, 3 },
	{ { 22, 2, 0, 0, 1 }, 5, PARSE_MALFORMED, 2 },
	{ { 22, 4, 0, 0, 1 }, 5, PARSE_MALFORMED, 2 },
	{ { 19, 3, 3, 0, 1 }, 5, PARSE_MALFORMED, 1 },
	{ { 24, 3, 3, 0, 1 }, 5, PARSE_MALFORMED, 1 },
	{ { 'E', 'H', 'L', 'O', ' ' }, 5, PARSE_MALFORMED, 1 },
	{ { 0x80, 0x2e, 1, 3, 1 }, 5, PARSE_MALFORMED, 1 },
	{ { 0 }, 5, PARSE_MALFORMED, 1 },
};

static void a_header_is_judged_by_as_few_octets_as_tell(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct record_case *c = &cases[i];

		for (size_t cut = 0; cut <= c->len; cut++) {
			struct tls_record_header header = { .content_len = 7 };
			enum parse_result result = tls_record_header_parse(
				&header, guarded_bytes(&page, bytes_of(c->octets, cut)));

			if (result != (cut < c->known_at ? PARSE_MORE : c->want))
				fail_msg("case %zu cut at %zu: %d", i, cut, (int)result);
			if (result != PARSE_OK) {
				assert_int_equal(header.content_len, 7);
				continue;
			}
			assert_int_equal(header.type, c->octets[0]);
			assert_int_equal(header.version, c->octets[1] << 8 | c->octets[2]);
			assert_int_equal(header.content_len, c->octets[3] << 8 | c->octets[4]);
		}
	}
	guarded_free(&page);
}

/* Two ciphers, no session, a challenge of 16 octets. */
static const uint8_t v2_hello[] = { 0x80, 0x1f, 1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f };

static void a_client_hello_in_the_old_framing_tells_its_length(void **state)
{
	struct guarded page = guarded_new();

	(void)state;
	for (size_t cut = 0; cut <= sizeof(v2_hello); cut++) {
		size_t len = 7;
		enum parse_result result =
			tls_v2_hello_parse(&len, guarded_bytes(&page, bytes_of(v2_hello, cut)));

		assert_int_equal(result, cut < 11 ? PARSE_MORE : PARSE_OK);
		assert_int_equal(len, cut < 11 ? 7 : 2 + 0x1f);
	}
	guarded_free(&page);
}

static void any_version_and_session_of_the_old_framing_are_taken(void **state)
{
	uint8_t octets[sizeof(v2_hello)];
	size_t len;

	(void)state;
	memcpy(octets, v2_hello, sizeof(octets));
	for (uint8_t minor = 0; minor < 6; minor++) {
		octets[4] = minor;
		assert_int_equal(tls_v2_hello_parse(&len, bytes_of(octets, sizeof(octets))),
		                 minor <= 4 ? PARSE_OK : PARSE_MALFORMED);
	}
	octets[4] = 0;
	octets[8] = 16;
	octets[1] = (uint8_t)(octets[1] + 16);
	assert_int_equal(tls_v2_hello_parse(&len, bytes_of(octets, sizeof(octets))), PARSE_OK);
	assert_int_equal(len, 2 + 0x1f + 16);
}

static void what_is_no_client_hello_in_the_old_framing_is_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t octet;
	} wrong[] = {
		{ 0, 0x00 },                        /* three octets of header, or none of SSL 2.0 */
		{ 2, 2 },                           /* another message */
		{ 3, 0 },                           /* version 2, and nothing newer */
		{ 3, 2 },    { 4, 5 }, { 1, 0x1e }, /* lengths that do not add up */
		{ 0, 0x81 }, { 6, 5 },              /* not a whole number of ciphers */
		{ 6, 0 },    { 8, 1 }, { 10, 15 },  /* challenge too short */
		{ 10, 33 },
	};
	struct guarded page = guarded_new();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t octets[sizeof(v2_hello)];
		bool is_settled = false;

		memcpy(octets, v2_hello, sizeof(octets));
		octets[wrong[i].at] = wrong[i].octet;
		for (size_t cut = 0; cut <= sizeof(octets); cut++) {
			size_t len;
			enum parse_result result = tls_v2_hello_parse(
				&len, guarded_bytes(&page, bytes_of(octets, cut)));

			assert_int_not_equal(result, PARSE_OK);
			if (is_settled)
				assert_int_equal(result, PARSE_MALFORMED);
			is_settled = result == PARSE_MALFORMED;
		}
		if (!is_settled)
			fail_msg("case %zu", i);
	}
	guarded_free(&page);
}

static void a_challenge_out_of_bounds_is_malformed_even_if_lengths_agree(void **state)
{
	uint8_t octets[sizeof(v2_hello)];
	size_t len;

	(void)state;
	memcpy(octets, v2_hello, sizeof(octets));
	for (uint8_t challenge = 0; challenge < 64; challenge++) {
		octets[1] = (uint8_t)(9 + 6 + challenge);
		octets[10] = challenge;
		assert_int_equal(tls_v2_hello_parse(&len, bytes_of(octets, sizeof(octets))),
		                 challenge >= 16 && challenge <= 32 ? PARSE_OK : PARSE_MALFORMED);
	}
	octets[1] = 9 + 5 + 16;
	octets[10] = 16;
	octets[6] = 5;
	assert_int_equal(tls_v2_hello_parse(&len, bytes_of(octets, sizeof(octets))),
	                 PARSE_MALFORMED);
	octets[1] = 9 + 16;
	octets[6] = 0;
	assert_int_equal(tls_v2_hello_parse(&len, bytes_of(octets, sizeof(octets))),
	                 PARSE_MALFORMED);
}

static void a_client_hello_in_the_old_framing_tells_what_it_offers(void **state)
{
	static const uint8_t octets[] = "\x80\x33\1\3\1\0\6\0\x10\0\x14"
					"\0\0\x2f\7\0\xc0"
					"identifier012345"
					"challenge0123456789x";
	const size_t len = sizeof(octets) - 1;
	struct guarded page = guarded_new();
	struct tls_v2_hello hello = { .version = 7 };

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(
			tls_v2_hello_read(&hello, guarded_bytes(&page, bytes_of(octets, cut))),
			PARSE_MALFORMED);
		assert_int_equal(hello.version, 7);
	}
	assert_int_equal(tls_v2_hello_read(&hello, bytes_of(octets, len + 1)), PARSE_MALFORMED);
	assert_int_equal(tls_v2_hello_read(&hello, guarded_bytes(&page, bytes_of(octets, len))),
	                 PARSE_OK);
	assert_int_equal(hello.version, 0x0301);
	assert_true(bytes_equal(hello.cipher_specs, bytes_of("\0\0\x2f\7\0\xc0", 6)));
	assert_true(bytes_equal(hello.session_id, bytes_of_string("identifier012345")));
	assert_true(bytes_equal(hello.challenge, bytes_of_string("challenge0123456789x")));
	guarded_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_judged_by_as_few_octets_as_tell),
		cmocka_unit_test(a_client_hello_in_the_old_framing_tells_its_length),
		cmocka_unit_test(any_version_and_session_of_the_old_framing_are_taken),
		cmocka_unit_test(what_is_no_client_hello_in_the_old_framing_is_malformed),
		cmocka_unit_test(a_client_hello_in_the_old_framing_tells_what_it_offers),
		cmocka_unit_test(a_challenge_out_of_bounds_is_malformed_even_if_lengths_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
