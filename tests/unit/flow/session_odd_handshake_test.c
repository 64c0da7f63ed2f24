/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a session makes of handshakes that nobody should send, and of some that only look like it. */
#include "flow/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handshake.h"

static void an_unreadable_client_hello_passes_and_is_a_violation_without_a_name(void **state)
{
	struct draft draft = draft_client(handshake_named, 1);
	struct play play = recording_begin();

	(void)state;
	draft.octets[draft.extensions_at + 1]++;
	handshake_say(&play, true, 1, draft_body(&draft));
	assert_int_equal(play.client.passed, play.client.len);
	assert_true(handshake_facts(&play)->is_protocol_violated);
	assert_int_equal(handshake_facts(&play)->tls, TLS_HELLO);
	assert_string_equal(session_server_name(play.session), "");
	assert_int_equal(session_offered_version(play.session), 0);
	play_free(&play);
}

static void a_name_that_is_none_is_a_violation_and_an_address_is_no_name(void **state)
{
	static const struct {
		struct draft_part part;
		bool is_violation;
	} cases[] = {
		{ { 0, "\0\x0a\0\0\7a.b\0org", 12 }, true },
		{ { 0,
		    "\0\x0c\0\0\x09"
		    "192.0.2.1",
		    14 },
		  false },
		{ { 0, "\0\5\1\0\2zz", 7 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct draft draft = draft_client(&cases[i].part, 1);
		struct play play = recording_begin();

		handshake_say(&play, true, 1, draft_body(&draft));
		assert_int_equal(handshake_facts(&play)->is_protocol_violated,
		                 cases[i].is_violation);
		assert_string_equal(session_server_name(play.session), "");
		assert_int_equal(session_offered_version(play.session), 0x0303);
		play_free(&play);
	}
}

static void another_message_than_a_hello_comes_not_first(void **state)
{
	struct draft server = draft_server(NULL, 0);
	struct play play = recording_begin();

	(void)state;
	handshake_say(&play, true, 16, draft_body(&server));
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);

	play = handshake_greeted();
	handshake_say(&play, false, 0, bytes_of("", 0)); /* HelloRequest: may come at any time */
	assert_false(handshake_facts(&play)->is_protocol_violated);
	handshake_say(&play, false, 0, bytes_of("x", 1)); /* and is empty */
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);

	for (uint8_t type = 0; type < 30; type++) {
		struct draft client = draft_client(handshake_named, 1);

		play = recording_begin();
		handshake_say(&play, true, 1, draft_body(&client));
		handshake_say(&play, false, type, draft_body(&server));
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, type != 2);
		play_free(&play);
	}
}

static void a_second_name_in_a_second_hello_is_a_violation(void **state)
{
	static const struct draft_part other[] = { { 0, "\0\x0e\0\0\x0bmy.abcd.org", 16 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct draft first = draft_client(handshake_named, 1);
		struct draft second = draft_client(i == 0 ? handshake_named : other, 1);
		struct draft retry = draft_server(handshake_of_1_3, 1);
		struct play play = recording_begin();

		memcpy(retry.octets + 2,
		       "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
		       "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
		       32);
		handshake_say(&play, true, 1, draft_body(&first));
		handshake_say(&play, false, 2, draft_body(&retry));
		assert_int_equal(session_tls_version(play.session), 0);
		play_say(&play, true, bytes_of("\x14\3\3\0\1\1", 6), true);
		handshake_say(&play, true, 1, draft_body(&second));
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, i == 1);
		assert_string_equal(session_server_name(play.session),
		                    i == 0 ? "mx.abcd.org" : "my.abcd.org");
		handshake_say(&play, false, 2, draft_body(&retry)); /* twice is once too often */
		assert_true(handshake_facts(&play)->is_protocol_violated);
		play_free(&play);
	}
}

/*
 * Only TLS 1.3 hides alerts among application data; a cipher without a nonce of its own has as short a record for three octets, and one
 * with half a tag for ten.
 */
static void application_data_are_held_unless_they_may_be_a_hidden_alert(void **state)
{
	static const struct {
		uint16_t version, suite;
		uint8_t len;
		bool passes;
	} cases[] = {
		{ 0x0303, 0x1301, 19, false }, { 0x0304, 0x1301, 19, true },
		{ 0x0304, 0x1301, 20, false }, { 0x0304, 0x1304, 19, true },
		{ 0x0304, 0x1305, 19, false }, { 0x0304, 0x1305, 12, false },
		{ 0x0304, 0x1305, 11, true },
	};
	static const struct draft_part offered[] = { { 43, "\2\3\4", 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char record[5 + 32] = { 23, 3, 3, 0, (char)cases[i].len };
		struct draft client = draft_client(offered, 1);
		struct draft server = draft_server(handshake_of_1_3, cases[i].version == 0x0304);
		struct play play = recording_begin();

		put_u16(server.octets + server.extensions_at - 3, cases[i].suite);
		handshake_say(&play, true, 1, draft_body(&client));
		handshake_say(&play, false, 2, draft_body(&server));
		assert_int_equal(session_tls_version(play.session), cases[i].version);
		assert_int_equal(session_cipher(play.session), cases[i].suite);
		assert_int_equal(play.client.passed, play.client.len);
		play_say(&play, true, bytes_of(record, 5 + (size_t)cases[i].len), true);
		assert_int_equal(play.client.passed == play.client.len, cases[i].passes);
		play_free(&play);
	}
}

static void who_asks_for_another_hello_chooses_tls_1_3(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct draft client = draft_client(handshake_named, 1);
		struct draft retry = draft_server(handshake_of_1_3, 1);
		struct draft server = draft_server(handshake_of_1_3, i);
		struct play play = recording_begin();
		struct session_keys keys;

		memcpy(retry.octets + 2,
		       "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
		       "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
		       32);
		handshake_say(&play, true, 1, draft_body(&client));
		handshake_say(&play, false, 2, draft_body(&retry));
		assert_false(session_keys(&keys, play.session));
		memset(client.octets + 2, 'q', 32);
		handshake_say(&play, true, 1, draft_body(&client));
		handshake_say(&play, false, 2, draft_body(&server));
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, i == 0);
		assert_int_equal(session_keys(&keys, play.session), i == 1);
		if (i == 1) {
			assert_true(keys.is_hidden);
			assert_memory_equal(keys.client_random, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
			                    32);
		}
		play_free(&play);
	}
}

static void a_server_says_hello_and_shows_its_certificate_once(void **state)
{
	static const uint8_t certificate[] = { 0, 0, 6, 0, 0, 3, 'd', 'e', 'r' };
	static const uint8_t none[] = { 0, 0, 0 };
	struct draft server = draft_server(NULL, 0);
	struct bytes body = bytes_of(certificate, sizeof(certificate));
	struct play play = handshake_greeted();

	(void)state;
	handshake_say(&play, false, 2, draft_body(&server));
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);

	play = handshake_greeted();
	handshake_say(&play, false, 11, body);
	assert_true(bytes_equal(session_leaf(play.session), bytes_of_string("der")));
	assert_false(handshake_facts(&play)->is_protocol_violated);
	handshake_say(&play, false, 11, body);
	assert_true(handshake_facts(&play)->is_protocol_violated);
	assert_true(bytes_equal(session_leaf(play.session), bytes_of_string("der")));
	play_free(&play);

	play = handshake_greeted();
	handshake_say(&play, false, 14, bytes_of("", 0));
	handshake_say(&play, false, 11, body);
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);

	play = handshake_greeted();
	handshake_say(&play, false, 11, bytes_of(none, sizeof(none)));
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
	assert_int_equal(play_budget()->used, 0);
}

static void behind_a_server_hello_of_tls_1_3_nothing_of_the_handshake_is_clear(void **state)
{
	struct draft client = draft_client(handshake_named, 1);
	struct draft server = draft_server(handshake_of_1_3, 1);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct handshake_record record = { .len = 0 };
		struct play play = recording_begin();

		handshake_say(&play, true, 1, draft_body(&client));
		handshake_add(&record, 2, draft_body(&server));
		if (i == 1)
			handshake_add(&record, 11, bytes_of("\0\0\6\0\0\3der", 9));
		handshake_say_record(&play, false, &record);
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, i == 1);
		play_say(&play, false, bytes_of("\x14\3\3\0\1\1", 6), true);
		if (i == 2)
			handshake_say(&play, false, 11, bytes_of("\0\0\6\0\0\3der", 9));
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, i > 0);
		assert_true(session_is_resumed_or_hidden(play.session));
		assert_int_equal(session_leaf(play.session).len, 0);
		play_free(&play);
	}
}

static void other_records_come_between_messages_and_alerts_anywhere(void **state)
{
	static const struct {
		const char *record;
		bool is_violation;
	} cases[] = { { "\x14\3\3\0\1\1", true },
		      { "\x15\3\3\0\1\1", false },
		      { "\x17\3\3\0\1\1", true } };
	struct draft draft = draft_client(handshake_named, 1);
	struct handshake_record record = { .len = 0 };

	(void)state;
	handshake_add(&record, 1, draft_body(&draft));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct play play = recording_begin();
		struct handshake_record half = { .len = 25 };

		memcpy(half.octets, record.octets, half.len);
		handshake_say_record(&play, true, &half);
		play_say(&play, true, bytes_of(cases[i].record, 6), true);
		assert_int_equal(handshake_facts(&play)->is_protocol_violated,
		                 cases[i].is_violation);
		half.len = record.len - 20;
		memcpy(half.octets + 5, record.octets + 25, record.len - 25);
		handshake_say_record(&play, true, &half);
		assert_string_equal(session_server_name(play.session),
		                    cases[i].is_violation ? "" : "mx.abcd.org");
		play_free(&play);
	}
}

static void early_data_are_a_violation_and_the_same_octets_later_are_none(void **state)
{
	static const struct draft_part early[] = { { 42, "", 0 }, { 41, "keys", 4 } };
	static const uint8_t data[5 + 20] = { 0x17, 3, 3, 0, 20 };
	struct draft client = draft_client(early, 2);
	struct draft server = draft_server(handshake_of_1_3, 1);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct play play = recording_begin();

		handshake_say(&play, true, 1, draft_body(&client));
		if (i == 1)
			handshake_say(&play, false, 2, draft_body(&server));
		play_say(&play, true, bytes_of(data, sizeof(data)), true);
		assert_int_equal(session_pending(play.session)->kind, COMMITMENT_TLS);
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, i == 0);
		play_free(&play);
	}
}

static void a_hello_beyond_its_bound_is_cut_short_and_passes(void **state)
{
	static uint8_t body[SESSION_HELLO_MAX + 1];
	struct draft draft = draft_client(NULL, 0);

	(void)state;
	for (size_t len = SESSION_HELLO_MAX; len <= SESSION_HELLO_MAX + 1; len++) {
		size_t padding = len - draft.extensions_at - 2 - 4;
		struct play play = recording_begin();

		memset(body, 0, sizeof(body));
		memcpy(body, draft.octets, draft.extensions_at);
		put_u16(body + draft.extensions_at, (uint16_t)(padding + 4));
		body[draft.extensions_at + 3] = 21;
		put_u16(body + draft.extensions_at + 4, (uint16_t)padding);
		handshake_say(&play, true, 1, bytes_of(body, len));
		assert_int_equal(handshake_facts(&play)->is_inspection_cut_short,
		                 len > SESSION_HELLO_MAX);
		assert_false(handshake_facts(&play)->is_protocol_violated);
		assert_int_equal(session_offered_version(play.session),
		                 len > SESSION_HELLO_MAX ? 0 : 0x0303);
		assert_int_equal(play.client.passed, play.client.len);
		play_free(&play);
	}
}

static void put_u24(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 16);
	put_u16(at + 1, (uint16_t)value);
}

/* The server's own certificate may be as long as the list. */
static void of_a_list_beyond_its_bound_the_first_certificate_is_there_if_it_is_not_too_long(
	void **state)
{
	static const struct {
		size_t list, leaf;
		bool is_list_cut, is_leaf_told;
	} cases[] = {
		{ SESSION_CHAIN_MAX, SESSION_LEAF_MAX + 1, false, true },
		{ SESSION_CHAIN_MAX, SESSION_CHAIN_MAX - 3, false, true },
		{ SESSION_CHAIN_MAX + 1, SESSION_LEAF_MAX, true, true },
		{ SESSION_CHAIN_MAX + 1, SESSION_LEAF_MAX + 1, true, false },
	};
	static uint8_t body[3 + SESSION_CHAIN_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t list = cases[i].list, leaf = cases[i].leaf;
		struct play play = handshake_greeted();
		struct session_keys keys;

		memset(body, 0, sizeof(body));
		put_u24(body, list);
		put_u24(body + 3, leaf);
		if (leaf + 3 < list)
			put_u24(body + 6 + leaf, list - 3 - leaf - 3);
		handshake_say(&play, false, 11, bytes_of(body, 3 + list));
		assert_int_equal(handshake_facts(&play)->is_inspection_cut_short,
		                 !cases[i].is_leaf_told);
		assert_false(handshake_facts(&play)->is_protocol_violated);
		assert_int_equal(session_leaf(play.session).len, cases[i].is_leaf_told ? leaf : 0);
		assert_true(session_keys(&keys, play.session));
		assert_int_equal(keys.is_list_cut, cases[i].is_list_cut);
		assert_int_equal(keys.chain.len, !cases[i].is_list_cut   ? list
		                                 : cases[i].is_leaf_told ? 3 + leaf
		                                                         : 0);
		assert_true(play_budget()->used < sizeof(body) + 4096);
		play_free(&play);
	}
}

static void a_message_that_claims_to_be_endless_ends_the_reading(void **state)
{
	struct play play = handshake_greeted();

	(void)state;
	play_say(&play, false, bytes_of("\x16\3\3\0\6\x0b\xff\xff\xffxx", 11), true);
	assert_true(handshake_facts(&play)->is_inspection_cut_short);
	assert_int_equal(play.server.passed, play.server.len);
	play_free(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_unreadable_client_hello_passes_and_is_a_violation_without_a_name),
		cmocka_unit_test(a_name_that_is_none_is_a_violation_and_an_address_is_no_name),
		cmocka_unit_test(another_message_than_a_hello_comes_not_first),
		cmocka_unit_test(a_second_name_in_a_second_hello_is_a_violation),
		cmocka_unit_test(application_data_are_held_unless_they_may_be_a_hidden_alert),
		cmocka_unit_test(who_asks_for_another_hello_chooses_tls_1_3),
		cmocka_unit_test(a_server_says_hello_and_shows_its_certificate_once),
		cmocka_unit_test(
			behind_a_server_hello_of_tls_1_3_nothing_of_the_handshake_is_clear),
		cmocka_unit_test(other_records_come_between_messages_and_alerts_anywhere),
		cmocka_unit_test(early_data_are_a_violation_and_the_same_octets_later_are_none),
		cmocka_unit_test(a_hello_beyond_its_bound_is_cut_short_and_passes),
		cmocka_unit_test(
			of_a_list_beyond_its_bound_the_first_certificate_is_there_if_it_is_not_too_long),
		cmocka_unit_test(a_message_that_claims_to_be_endless_ends_the_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
