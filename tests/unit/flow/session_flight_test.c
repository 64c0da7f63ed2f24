/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which order a server's messages make a handshake, and what is kept of those that do. */
#include "flow/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handshake.h"

enum { DRAFT_SESSION_ID_AT = 2 + 32 + 1, DRAFT_SUITE_AT = DRAFT_SESSION_ID_AT + 7 };

#define CURVE_EXCHANGE "\3\0\x17\4keys\4\1\0\3sig"

static const char certificates[] = "\0\0\x0d\0\0\3der\0\0\4abcd";
static const size_t certificates_len = 16;

/* Both hellos, of TLS 1.2; the server's has this suite, and the client's identifier if it shall. */
static struct play greet(uint16_t suite, bool has_id, const struct draft_part *parts, size_t count)
{
	struct draft client = draft_client(handshake_named, 1);
	struct draft server = draft_server(parts, count);
	struct play play = recording_begin();

	put_u16(server.octets + DRAFT_SUITE_AT, suite);
	if (!has_id)
		server.octets[DRAFT_SESSION_ID_AT] ^= 1;
	handshake_say(&play, true, 1, draft_body(&client));
	handshake_say(&play, false, 2, draft_body(&server));
	return play;
}

static struct bytes exchange_of(uint16_t suite)
{
	switch (suite) {
	case 0x0033:
		return bytes_of("\0\3ppp\0\1g\0\2yy\4\1\0\3sig", 19);
	case 0x0034:
		return bytes_of("\0\3ppp\0\1g\0\2yy", 12);
	case 0xc01e:
		return bytes_of("\0\3ppp\0\1g\4salt\0\2yy\6\1\0\3sig", 24);
	case 0x0003:
		return bytes_of("\0\3mod\0\1e\4\1\0\3sig", 15);
	default:
		return bytes_of(CURVE_EXCHANGE, 15);
	}
}

/* One letter for each message or record of the server's. */
static void say(struct play *play, uint16_t suite, char letter)
{
	switch (letter) {
	case 'U': /* SupplementalData */
		handshake_say(play, false, 23, bytes_of_string("data"));
		break;
	case 'C':
		handshake_say(play, false, 11, bytes_of(certificates, certificates_len));
		break;
	case 'S': /* CertificateStatus */
		handshake_say(play, false, 22, bytes_of("\1\0\0\4ocsp", 8));
		break;
	case 'K':
		handshake_say(play, false, 12, exchange_of(suite));
		break;
	case 'R': /* CertificateRequest */
		handshake_say(play, false, 13, bytes_of("\1\1\0\0\0\0", 6));
		break;
	case 'D':
		handshake_say(play, false, 14, bytes_of("", 0));
		break;
	case 'T':
		handshake_say(play, false, 4, bytes_of("\0\0\0\0\0\6ticket", 12));
		break;
	case 'h': /* HelloRequest */
		handshake_say(play, false, 0, bytes_of("", 0));
		break;
	case '!': /* ChangeCipherSpec */
		play_say(play, false, bytes_of("\x14\3\3\0\1\1", 6), true);
		break;
	case 'a': /* an alert that only warns */
		play_say(play, false, bytes_of("\x15\3\3\0\2\1\x64", 7), true);
		break;
	case 'F': /* Finished, encrypted */
		play_say(play, false, bytes_of("\x16\3\3\0\x04seal", 9), true);
		break;
	case 'A': /* application data */
		play_say(play, false, bytes_of("\x17\3\3\0\x04seal", 9), true);
		break;
	default:
		fail();
	}
}

static struct play play_flight(uint16_t suite, bool has_id, const char *flight)
{
	struct play play = greet(suite, has_id, NULL, 0);

	for (; *flight; flight++)
		say(&play, suite, *flight);
	return play;
}

static void messages_come_in_their_order_and_those_that_the_suite_asks_for(void **state)
{
	static const struct {
		uint16_t suite;
		const char *good;
		const char *bad;
	} suites[] = {
		{ 0xc02f, "CKD CKD!F CSKRD UCKD CKDT!F hChKhDh!F aCaKaDa!aFA CKDT CSKD!F",
		  "K D CD CR KCD CC CKK CKC CKDD CKDC CKDK CKRR CSSKD CKS SCKD CUKD UUCKD CKDTT T! "
		  "CT CKT C! "
		  "CK! CKD!! CKDA CKD!A CKDR A CA" },
		{ 0x0033, "CKD CKD!F CSKRD!F", "CD K CRK" },
		{ 0xc01e, "CKD", "KD CD" },
		/* Encrypted to the certificate's key: there is nothing to exchange. */
		{ 0x002f, "CD CD!F CSRD CRDT!F UCD", "CKD K D CK CSK C!" },
		{ 0xc004, "CD", "CKD D" },
		{ 0x0030, "CD", "CKD" },
		/* A key of its own if the certificate's is too long. */
		{ 0x0003, "CD CKD", "D KD" },
		/* Anonymous, or by a secret that both know. */
		{ 0x0034, "KD KD!F", "CKD D C KKD KD!A SKD" },
		{ 0x008c, "D KD", "CD" },
		{ 0xc035, "KD", "D CKD" },
		{ 0xc01d, "KD", "D CKD" },
		{ 0x001e, "D", "KD CD" },
		/* Not known: anything, but in its order. */
		{ 0xfafa, "D CD KD CKD CSKRDT!F", "KCD DD CKDC C!" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		for (size_t is_bad = 0; is_bad < 2; is_bad++) {
			char list[512];
			char *rest = list;
			char *flight;

			snprintf(list, sizeof(list), "%s", is_bad ? suites[i].bad : suites[i].good);
			while ((flight = strsep(&rest, " "))) {
				struct play play = play_flight(suites[i].suite, false, flight);

				if (handshake_facts(&play)->is_protocol_violated != is_bad)
					fail_msg("%04x %s", suites[i].suite, flight);
				assert_false(handshake_facts(&play)->is_inspection_cut_short);
				assert_int_equal(play.server.passed, play.server.len);
				play_free(&play);
			}
		}
	}
	assert_int_equal(play_budget()->used, 0);
}

static void a_server_sends_no_other_message(void **state)
{
	(void)state;
	for (uint8_t type = 0; type < 64; type++) {
		struct play play = greet(0xfafa, false, NULL, 0);

		if (strchr("\2\4\x0b\x0c\x0d\x0e\x16\x17", type) && type != 0) {
			play_free(&play);
			continue;
		}
		handshake_say(&play, false, type, bytes_of("x", 1));
		if (!handshake_facts(&play)->is_protocol_violated)
			fail_msg("type %u", type);
		play_free(&play);
	}
}

static void forget_id(struct draft *draft)
{
	draft->octets[DRAFT_SESSION_ID_AT - 1] = 0;
	memmove(draft->octets + DRAFT_SESSION_ID_AT, draft->octets + DRAFT_SESSION_ID_AT + 7,
	        draft->len - 7);
	draft->len -= 7;
}

/* By its identifier; by a ticket where that comes back, too, or there is none (RFC 5077 section 3.4). */
static void a_session_goes_on_only_if_the_client_has_offered_it(void **state)
{
	static const struct draft_part ticket[] = { { 35, "a ticket", 8 } };
	static const struct {
		bool has_id, comes_back, has_ticket, goes_on;
	} cases[] = {
		{ true, false, false, false },  { true, true, false, true },
		{ true, false, true, false },   { true, true, true, true },
		{ false, false, false, false }, { false, false, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct draft client = draft_client(ticket, cases[i].has_ticket);
		struct draft server = draft_server(NULL, 0);
		struct play play = recording_begin();
		struct session_keys keys;

		if (!cases[i].has_id)
			forget_id(&client);
		if (!cases[i].comes_back)
			server.octets[DRAFT_SESSION_ID_AT] ^= 1;
		handshake_say(&play, true, 1, draft_body(&client));
		handshake_say(&play, false, 2, draft_body(&server));
		say(&play, 0, '!');
		say(&play, 0, 'F');
		assert_true(session_keys(&keys, play.session));
		assert_int_equal(keys.is_resumed, cases[i].goes_on);
		assert_int_equal(handshake_facts(&play)->is_protocol_violated, !cases[i].goes_on);
		assert_true(keys.is_server_finished);
		assert_true(session_is_resumed_or_hidden(play.session));
		play_free(&play);
	}
}

static void of_two_empty_identifiers_neither_is_a_sessions(void **state)
{
	struct draft client = draft_client(handshake_named, 1);
	struct draft server = draft_server(NULL, 0);
	struct play play = recording_begin();

	(void)state;
	forget_id(&client);
	forget_id(&server);
	handshake_say(&play, true, 1, draft_body(&client));
	handshake_say(&play, false, 2, draft_body(&server));
	assert_int_equal(session_tls_version(play.session), 0x0303);
	say(&play, 0, '!');
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
}

static void a_session_that_goes_on_may_have_a_new_ticket(void **state)
{
	struct play play = play_flight(0xc02f, true, "T!F");
	struct session_keys keys;

	(void)state;
	assert_true(session_keys(&keys, play.session));
	assert_false(handshake_facts(&play)->is_protocol_violated);
	assert_true(keys.is_resumed && keys.is_server_finished);
	assert_true(bytes_equal(keys.new_ticket, bytes_of_string("ticket")));
	play_free(&play);

	play = play_flight(0xc02f, true, "UT!F");
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
}

static void a_server_is_finished_with_a_handshake_record_behind_its_change(void **state)
{
	static const struct {
		const char *flight;
		bool want;
	} flights[] = {
		{ "CKD", false },   { "CKD!", false }, { "CKD!F", true },  { "CKD!a", false },
		{ "CKD!aF", true }, { "CK!F", false }, { "CKDFF", false }, { "CKD!FA", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flights) / sizeof(flights[0]); i++) {
		struct play play = play_flight(0xc02f, false, flights[i].flight);
		struct session_keys keys;

		assert_true(session_keys(&keys, play.session));
		if (keys.is_server_finished != flights[i].want)
			fail_msg("%s", flights[i].flight);
		play_free(&play);
	}
}

/* What came before stays: it is what the client has seen, too. */
static void what_is_kept_is_each_messages_own(void **state)
{
	struct play play = play_flight(0xc02f, false, "CSKRDT");
	struct session_keys keys;

	(void)state;
	assert_true(session_keys(&keys, play.session));
	assert_true(bytes_equal(keys.chain, bytes_of(certificates + 3, certificates_len - 3)));
	assert_true(bytes_equal(keys.key_exchange, exchange_of(0xc02f)));
	assert_true(bytes_equal(keys.new_ticket, bytes_of_string("ticket")));
	assert_memory_equal(keys.client_random, "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", 32);
	assert_memory_equal(keys.server_random, "ssssssssssssssssssssssssssssssss", 32);
	assert_true(bytes_equal(keys.client_session_id, bytes_of_string("session")));
	assert_int_equal(keys.server_session_id.len, 7);
	say(&play, 0, 'C');
	assert_true(handshake_facts(&play)->is_protocol_violated);
	assert_true(session_keys(&keys, play.session));
	assert_true(bytes_equal(keys.chain, bytes_of(certificates + 3, certificates_len - 3)));
	play_free(&play);
}

static void a_message_that_cannot_be_read_is_a_violation(void **state)
{
	static const struct {
		const char *before;
		uint8_t type;
		const char *body;
		size_t len;
	} messages[] = {
		{ "", 11, "\0\0\4\0\0\3der", 9 },      { "", 11, "\0\0\0", 3 },
		{ "C", 22, "\1\0\0\3ocsp", 8 },        { "C", 22, "", 0 },
		{ "C", 12, CURVE_EXCHANGE, 14 },       { "C", 12, "", 0 },
		{ "C", 12, "\1" CURVE_EXCHANGE, 16 },  { "CK", 14, "x", 1 },
		{ "CKD", 4, "\0\0\0\0\0\6ticke", 11 }, { "CKD", 4, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct play play = play_flight(0xc02f, false, messages[i].before);

		assert_false(handshake_facts(&play)->is_protocol_violated);
		handshake_say(&play, false, messages[i].type,
		              bytes_of(messages[i].body, messages[i].len));
		if (!handshake_facts(&play)->is_protocol_violated)
			fail_msg("case %zu", i);
		play_free(&play);
	}
	assert_int_equal(play_budget()->used, 0);
}

/* Behind a message that is too long the others are read on. */
static void what_is_beyond_its_bound_is_left_out(void **state)
{
	static uint8_t body[SESSION_CHAIN_MAX + 4];
	static const struct {
		const char *before;
		const char *behind;
		uint8_t type;
		size_t max;
		bool is_told;
	} bounds[] = {
		{ "", "KDT!F", 11, 3 + SESSION_CHAIN_MAX, false },
		{ "C", "DT!F", 12, SESSION_EXCHANGE_MAX, true },
		{ "CKD", "!F", 4, 6 + SESSION_TICKET_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (size_t over = 0; over < 2; over++) {
			size_t len = bounds[i].max + over;
			struct play play = play_flight(0xc02f, false, bounds[i].before);
			struct session_keys keys;

			memset(body, 0, sizeof(body));
			if (bounds[i].type == 11) {
				body[0] = (uint8_t)((len - 3) >> 16);
				put_u16(body + 1, (uint16_t)(len - 3));
				body[5] = 1;
				body[7] = (uint8_t)((len - 10) >> 16);
				put_u16(body + 8, (uint16_t)(len - 10));
			} else if (bounds[i].type == 12) {
				memcpy(body, "\3\0\x17\1k\4\1", 7);
				put_u16(body + 7, (uint16_t)(len - 9));
			} else {
				put_u16(body + 4, (uint16_t)(len - 6));
			}
			handshake_say(&play, false, bounds[i].type, bytes_of(body, len));
			for (const char *at = bounds[i].behind; *at; at++)
				say(&play, 0xc02f, *at);
			assert_true(session_keys(&keys, play.session));
			assert_false(handshake_facts(&play)->is_protocol_violated);
			assert_int_equal(handshake_facts(&play)->is_inspection_cut_short,
			                 over > 0 && bounds[i].is_told);
			assert_true(keys.chain.len > 0);
			assert_int_equal(keys.is_list_cut, bounds[i].type == 11 && over > 0);
			assert_int_equal(keys.key_exchange.len > 0,
			                 bounds[i].type != 12 || over == 0);
			assert_int_equal(keys.new_ticket.len > 0, bounds[i].type != 4 || over == 0);
			assert_true(session_leaf(play.session).len > 0);
			assert_true(keys.is_server_finished);
			play_free(&play);
		}
	}
	assert_int_equal(play_budget()->used, 0);
}

static void a_bare_key_is_no_list_of_certificates(void **state)
{
	static const struct draft_part raw[] = { { 20, "\2", 1 } };
	struct play play = greet(0xc02f, false, raw, 1);
	struct session_keys keys;

	(void)state;
	handshake_say(&play, false, 11, bytes_of("\0\0\4\x30\2\5\0", 7));
	say(&play, 0xc02f, 'K');
	say(&play, 0xc02f, 'D');
	assert_false(handshake_facts(&play)->is_protocol_violated);
	assert_true(session_keys(&keys, play.session));
	assert_true(keys.is_raw_key);
	assert_true(bytes_equal(keys.chain, bytes_of("\x30\2\5\0", 4)));
	assert_int_equal(session_leaf(play.session).len, 0);
	play_free(&play);

	play = greet(0xc02f, false, raw, 1);
	handshake_say(&play, false, 11, bytes_of("\0\0\0", 3));
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
}

static void an_extended_master_secret_that_only_the_server_names_is_none(void **state)
{
	static const struct draft_part extended[] = { { 23, "", 0 } };
	struct play play = greet(0xc02f, false, extended, 1);
	struct session_keys keys;

	(void)state;
	assert_true(session_keys(&keys, play.session));
	assert_false(keys.has_extended_master_secret);
	play_free(&play);
}

static void a_second_hello_of_the_clients_is_a_violation(void **state)
{
	struct draft client = draft_client(handshake_named, 1);
	struct play play = play_flight(0xc02f, false, "CKD");

	(void)state;
	/* Its other messages are not. */
	handshake_say(&play, true, 16, bytes_of_string("premaster"));
	assert_false(handshake_facts(&play)->is_protocol_violated);
	handshake_say(&play, true, 1, draft_body(&client));
	assert_true(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);

	/* Behind its change all is encrypted, and may look like anything. */
	play = play_flight(0xc02f, false, "CKD");
	play_say(&play, true, bytes_of("\x14\3\3\0\1\1", 6), true);
	handshake_say(&play, true, 1, draft_body(&client));
	assert_false(handshake_facts(&play)->is_protocol_violated);
	play_free(&play);
}

/* As old mail servers call (RFC 5246 appendix E.2). */
static void a_hello_in_the_old_framing_is_as_good_as_another(void **state)
{
	static const char hello[] = "\x80\x37\1\3\1\0\x0c\0\x10\0\x12"
				    "\0\0\x2f\1\0\x80\0\0\x0a\7\0\xc0"
				    "identifier012345"
				    "challenge012345678";
	struct bytes octets = bytes_of(hello, sizeof(hello) - 1);

	(void)state;
	assert_int_equal(octets.len, 2 + 0x37);
	for (size_t cut = 0; cut < octets.len; cut++) {
		struct draft server = draft_server(NULL, 0);
		struct play play = recording_begin();
		struct session_keys keys;

		put_u16(server.octets, 0x0301);
		put_u16(server.octets + DRAFT_SUITE_AT, 0x002f);
		if (cut == 0)
			play_spell(&play, true, octets);
		else
			play_cut(&play, true, octets, cut);
		handshake_say(&play, false, 2, draft_body(&server));
		say(&play, 0x002f, 'C');
		say(&play, 0x002f, 'D');
		assert_false(handshake_facts(&play)->is_protocol_violated);
		assert_true(session_keys(&keys, play.session));
		assert_int_equal(keys.version, 0x0301);
		assert_int_equal(session_offered_version(play.session), 0x0301);
		assert_memory_equal(keys.client_random,
		                    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0challenge012345678", 32);
		assert_true(
			bytes_equal(keys.client_session_id, bytes_of_string("identifier012345")));
		assert_true(bytes_equal(keys.shape.cipher_suites, bytes_of("\0\x2f\0\x0a", 4)));
		assert_int_equal(keys.chain.len, certificates_len - 3);
		play_free(&play);
	}
	assert_int_equal(play_budget()->used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_in_their_order_and_those_that_the_suite_asks_for),
		cmocka_unit_test(a_server_sends_no_other_message),
		cmocka_unit_test(a_session_goes_on_only_if_the_client_has_offered_it),
		cmocka_unit_test(of_two_empty_identifiers_neither_is_a_sessions),
		cmocka_unit_test(a_session_that_goes_on_may_have_a_new_ticket),
		cmocka_unit_test(a_server_is_finished_with_a_handshake_record_behind_its_change),
		cmocka_unit_test(what_is_kept_is_each_messages_own),
		cmocka_unit_test(a_message_that_cannot_be_read_is_a_violation),
		cmocka_unit_test(what_is_beyond_its_bound_is_left_out),
		cmocka_unit_test(a_bare_key_is_no_list_of_certificates),
		cmocka_unit_test(an_extended_master_secret_that_only_the_server_names_is_none),
		cmocka_unit_test(a_second_hello_of_the_clients_is_a_violation),
		cmocka_unit_test(a_hello_in_the_old_framing_is_as_good_as_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
