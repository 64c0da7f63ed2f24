/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../hellos.h"
#include "play.h"

static void client_says(struct play *play, const char *text)
{
	play_say(play, true, bytes_of_string(text), true);
}

static void server_says(struct play *play, const char *text)
{
	play_say(play, false, bytes_of_string(text), true);
}

/* Up to the first recipient, who was allowed. */
static struct play transaction(void)
{
	struct play play = play_new(false);

	server_says(&play, "220 mx.example.org\r\n");
	client_says(&play, "EHLO client.example.net\r\n");
	server_says(&play, "250 mx.example.org\r\n");
	client_says(&play, "MAIL FROM:<>\r\n");
	server_says(&play, "250 ok\r\n");
	client_says(&play, "RCPT TO:<b@example.org>\r\n");
	server_says(&play, "250 ok\r\n");
	return play;
}

static struct play body(void)
{
	struct play play = transaction();

	client_says(&play, "DATA\r\n");
	server_says(&play, "354 go\r\n");
	assert_true(session_is_in_body(play.session));
	return play;
}

static void test_a_recipient_waits_and_is_known_when_its_line_ends(void **state)
{
	struct session *session = session_new(false, play_budget());
	const struct session_commitment *pending;
	const char *line = "RCPT TO:<b@example.org>\r\n";
	size_t consumed = 9;

	(void)state;
	assert_int_equal(session_from_client(session, &consumed, bytes_of(line, 7)), 7);
	assert_int_equal(consumed, 0);
	assert_int_equal(session_pending(session)->kind, COMMITMENT_NONE);

	assert_int_equal(session_from_client(session, &consumed, bytes_of(line, 8)), 7);
	pending = session_pending(session);
	assert_int_equal(pending->kind, COMMITMENT_RCPT);
	assert_false(pending->is_line_complete);
	assert_string_equal(pending->domain, "");
	assert_int_equal(session_facts(session)->commitment, COMMITMENT_RCPT);

	assert_int_equal(session_from_client(session, &consumed, bytes_of_string(line)), 7);
	assert_int_equal(consumed, 0);
	pending = session_pending(session);
	assert_true(pending->is_line_complete);
	assert_int_equal(pending->path, SMTP_PATH_DOMAIN);
	assert_string_equal(pending->domain, "example.org");

	session_allow(session);
	assert_int_equal(session_pending(session)->kind, COMMITMENT_NONE);
	assert_int_equal(session_facts(session)->commitment, COMMITMENT_NONE);
	assert_int_equal(session_from_client(session, &consumed, bytes_of_string(line)),
	                 strlen(line));
	assert_int_equal(consumed, strlen(line));
	session_free(session);
}

static void test_one_permission_is_for_one_line(void **state)
{
	struct session *session = session_new(false, play_budget());
	struct bytes lines =
		bytes_of_string("RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.net>\r\n");
	size_t consumed;

	(void)state;
	session_allow(session);
	assert_int_equal(session_from_client(session, &consumed, lines), 7);
	session_allow(session);
	assert_int_equal(session_from_client(session, &consumed, lines), 25 + 7);
	assert_int_equal(consumed, 25);
	assert_string_equal(session_pending(session)->domain, "example.net");
	session_free(session);
}

static const struct {
	const char *line;
	const char *domain;
} spellings[] = {
	{ "RCPT TO:<b@\xc3\xbc.example>\r\n", "\xc3\xbc.example" },
	{ "RCPT TO:<b@\xe2\x82\xac.example>\r\n", "\xe2\x82\xac.example" },
	{ "RCPT TO:<b@\xf0\x9f\x93\xa7.example>\r\n", "\xf0\x9f\x93\xa7.example" },
	{ "RCPT TO:<b@\xf4\x8f\xbf\xbf.example>\r\n", "\xf4\x8f\xbf\xbf.example" },
	{ "RCPT TO:<b@\xf0\x90\x80\x80.example>\r\n", "\xf0\x90\x80\x80.example" },
	{ "RCPT TO:<b@\xed\x9f\xbf.example>\r\n", "\xed\x9f\xbf.example" },
	{ "RCPT TO:<b@\xe0\xa0\x80.example>\r\n", "\xe0\xa0\x80.example" },
	{ "RCPT TO:<b@\xc0\xaf.example>\r\n", "??.example" },
	{ "RCPT TO:<b@\xe0\x80\xaf.example>\r\n", "???.example" },
	{ "RCPT TO:<b@\xed\xa0\x80.example>\r\n", "???.example" },
	{ "RCPT TO:<b@\xf0\x80\x80\xaf.example>\r\n", "????.example" },
	{ "RCPT TO:<b@\xf4\x90\x80\x80.example>\r\n", "????.example" },
	{ "RCPT TO:<b@\xf5\x80\x80\x80.example>\r\n", "????.example" },
	{ "RCPT TO:<b@example\xc3>\r\n", "example?" },
	{ "RCPT TO:<b@\xc3.example>\r\n", "?.example" },
	{ "RCPT TO:<b@\x80.example>\r\n", "?.example" },
};

static void test_octets_of_a_domain_that_are_no_utf_8_are_replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct session *session = session_new(false, play_budget());
		size_t consumed;

		session_from_client(session, &consumed, bytes_of_string(spellings[i].line));
		assert_string_equal(session_pending(session)->domain, spellings[i].domain);
		session_free(session);
	}
}

/*
 * The last octet of the message, or 0: what begins with a line end and a dot, by the words of RFC
 * 5321 section 4.1.1.4.
 */
static size_t message_len(const char *text)
{
	char with_line_end[32];
	const char *end;

	snprintf(with_line_end, sizeof(with_line_end), "\r\n%s", text);
	end = strstr(with_line_end, "\r\n.\r\n");
	return end ? (size_t)(end - with_line_end) + 3 : 0;
}

/* [CR|LF] "." [CR|LF] within the message that is not its end. */
static bool is_smuggling(const char *text, size_t len)
{
	char with_line_end[32];
	size_t total = len + 2;

	snprintf(with_line_end, sizeof(with_line_end), "\r\n%.*s", (int)len, text);
	for (size_t at = 2; at + 1 < total; at++) {
		bool is_crlf_before =
			with_line_end[at - 2] == '\r' && with_line_end[at - 1] == '\n';
		bool is_crlf_behind = with_line_end[at + 1] == '\r' && at + 2 < total &&
		                      with_line_end[at + 2] == '\n';

		/* A CR at the very end may still become one. */
		if (with_line_end[at + 1] == '\r' && at + 2 == total && is_crlf_before)
			continue;
		if (with_line_end[at] == '.' && strchr("\r\n", with_line_end[at - 1]) &&
		    strchr("\r\n", with_line_end[at + 1]) && !(is_crlf_before && is_crlf_behind))
			return true;
	}
	return false;
}

enum { BODY_LEN = 7, BODY_ALPHABET = 4 };

static void check_body(struct session *session, const char *text)
{
	size_t len = message_len(text);
	size_t expected = len > 0 ? len : strlen(text);
	size_t consumed = 0;
	size_t total = 0;

	for (size_t at = 0; at < strlen(text) && session_is_in_body(session); at++) {
		assert_int_equal(session_from_client(session, &consumed, bytes_of(text + at, 1)),
		                 1);
		total += consumed;
	}
	assert_int_equal(total, expected);
	assert_int_equal(session_is_in_body(session), len == 0);
	if (session_facts(session)->is_protocol_violated != is_smuggling(text, expected)) {
		for (size_t at = 0; at < strlen(text); at++)
			print_error("%02x ", (unsigned char)text[at]);
		fail_msg("smuggling: %d", session_facts(session)->is_protocol_violated);
	}
}

static void test_a_message_ends_where_the_standard_says_and_smuggling_is_noted(void **state)
{
	static const char alphabet[BODY_ALPHABET + 1] = "\r\n.a";
	size_t variants = 1;

	(void)state;
	for (size_t i = 0; i < BODY_LEN; i++)
		variants *= BODY_ALPHABET;
	for (size_t variant = 0; variant < variants; variant++) {
		char text[BODY_LEN + 1] = "";
		size_t rest = variant;
		struct session *session = session_new(false, play_budget());
		size_t consumed;
		struct bytes data = bytes_of_string("RCPT TO:<b@example.org>\r\nDATA\r\n");
		struct bytes replies = bytes_of_string("220 mx\r\n250 ok\r\n354 go\r\n");

		for (size_t i = 0; i < BODY_LEN; i++, rest /= BODY_ALPHABET)
			text[i] = alphabet[rest % BODY_ALPHABET];
		session_from_client(session, &consumed, data);
		session_allow(session);
		session_from_client(session, &consumed, data);
		session_from_server(session, &consumed, replies);
		check_body(session, text);
		session_free(session);
	}
}

static void test_a_body_cut_anywhere_ends_at_the_same_octet(void **state)
{
	static const char text[] = "Subject: x\r\n\r\n..\r\nend.\r\n.\r\nQUIT\r\n";

	(void)state;
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		struct play play = body();

		play_cut(&play, true, bytes_of_string(text), cut);
		assert_int_equal(play.client.consumed, play.client.len);
		assert_string_equal(session_state_name(play.session), "command");
		assert_false(session_facts(play.session)->is_protocol_violated);
		play_free(&play);
	}
}

static void test_the_body_is_over_where_its_marker_ends(void **state)
{
	struct play play = body();
	struct bytes text = bytes_of_string("x\r\n.\r\nRCPT TO:<c@example.net>\r\n");
	size_t consumed;

	(void)state;
	assert_int_equal(session_from_client(play.session, &consumed, text), 6 + 7);
	assert_int_equal(consumed, 6);
	assert_false(session_is_in_body(play.session));
	assert_string_equal(session_pending(play.session)->domain, "example.net");
	play_free(&play);
}

static void test_a_chunk_is_as_long_as_it_says(void **state)
{
	struct play play = transaction();
	size_t consumed;

	(void)state;
	client_says(&play, "BDAT 5000000000 LAST\r\n");
	assert_true(session_is_in_body(play.session));
	for (size_t left = 5000; left > 0; left--) {
		static uint8_t octets[1000000];

		assert_int_equal(session_from_client(play.session, &consumed,
		                                     bytes_of(octets, sizeof(octets))),
		                 sizeof(octets));
		assert_int_equal(session_is_in_body(play.session), left > 1);
	}
	play_free(&play);
}

static void test_replies_meet_their_commands_however_many_are_out(void **state)
{
	struct play play = play_new(false);

	(void)state;
	server_says(&play, "220 mx.example.org\r\n");
	for (size_t i = 0; i < 300; i++) {
		client_says(&play, "NOOP\r\nNOOP\r\nRSET\r\n");
		server_says(&play, "250 ok\r\n250 ok\r\n");
	}
	client_says(&play, "EHLO x\r\n");
	for (size_t i = 0; i < 300; i++)
		server_says(&play, "500 no\r\n");
	assert_int_equal(session_facts(play.session)->ehlo, EHLO_UNSEEN);
	server_says(&play, "250-mx.example.org\r\n250 STARTTLS\r\n");
	assert_int_equal(session_facts(play.session)->ehlo, EHLO_ACCEPTED);
	assert_int_equal(session_facts(play.session)->starttls, STARTTLS_OFFERED);
	assert_false(session_facts(play.session)->is_protocol_violated);
	play_free(&play);
}

static void test_what_was_allowed_as_no_tls_is_not_asked_about_again(void **state)
{
	static const uint8_t no_tls[] = { 0xff, 'w', 0xe8, 0xfc, 'x', 'y' };
	struct play play = play_new(true);

	(void)state;
	client_says(&play, "STARTTLS\r\n");
	server_says(&play, "22\x89");
	play_say(&play, true, bytes_of(no_tls, sizeof(no_tls)), true);
	assert_int_equal(play.client.passed, play.client.len);
	assert_true(play.decision_count < 4);
	play_free(&play);
}

static void test_one_command_beyond_the_bound_is_one_too_many(void **state)
{
	struct play play = play_new(false);

	(void)state;
	server_says(&play, "220 mx.example.org\r\n");
	for (size_t i = 0; i < SESSION_PIPELINE_MAX; i++)
		client_says(&play, "NOOP\r\n");
	assert_false(session_facts(play.session)->is_inspection_cut_short);
	client_says(&play, "NOOP\r\n");
	assert_true(session_facts(play.session)->is_inspection_cut_short);
	play_free(&play);
}

static void test_a_reply_may_have_so_many_lines_and_no_more(void **state)
{
	struct play play = play_new(false);

	(void)state;
	for (size_t i = 1; i < SESSION_REPLY_LINES_MAX; i++)
		server_says(&play, "220-mx.example.org\r\n");
	server_says(&play, "220 mx.example.org\r\n");
	assert_false(session_facts(play.session)->is_inspection_cut_short);
	client_says(&play, "EHLO x\r\n");
	for (size_t i = 1; i < SESSION_REPLY_LINES_MAX; i++)
		server_says(&play, "250-mx.example.org\r\n");
	server_says(&play, "250-mx.example.org\r\n");
	assert_false(session_facts(play.session)->is_inspection_cut_short);
	server_says(&play, "250 mx.example.org\r\n");
	assert_true(session_facts(play.session)->is_inspection_cut_short);
	play_free(&play);
}

static void test_tls_is_done_with_its_first_data(void **state)
{
	struct play play = play_new(false);
	size_t consumed;

	(void)state;
	server_says(&play, "220 mx\r\n");
	client_says(&play, "EHLO x\r\n");
	server_says(&play, "250-mx\r\n250 STARTTLS\r\n");
	client_says(&play, "STARTTLS\r\n");
	server_says(&play, "220 go\r\n");
	play_say(&play, true, bytes_of(SMALL_CLIENT_HELLO, SMALL_CLIENT_HELLO_LEN), true);
	assert_false(session_is_done(play.session));
	assert_int_equal(session_from_client(play.session, &consumed, bytes_of("\x17\x03", 2)), 2);
	assert_int_equal(session_pending(play.session)->kind, COMMITMENT_NONE);
	assert_int_equal(
		session_from_client(play.session, &consumed, bytes_of("\x17\x03\x03\x00\x14x", 6)),
		5);
	assert_int_equal(session_pending(play.session)->kind, COMMITMENT_TLS);
	assert_int_equal(session_facts(play.session)->tls, TLS_HELLO);
	session_allow(play.session);
	assert_true(session_is_done(play.session));
	assert_int_equal(session_facts(play.session)->tls, TLS_ESTABLISHED);
	assert_int_equal(session_from_client(play.session, &consumed, bytes_of("\x17\x03", 2)), 2);
	assert_int_equal(consumed, 2);
	session_end(play.session);
	assert_int_equal(session_facts(play.session)->tls, TLS_ESTABLISHED);
	play_free(&play);
}

static void test_what_the_server_injected_waits_beyond_the_hello_and_is_decided_first(void **state)
{
	struct session *session = session_new(false, play_budget());
	struct bytes hello =
		bytes_of(SMALL_CLIENT_HELLO "\x17\x03\x03\x00\x14x", SMALL_CLIENT_HELLO_LEN + 6);
	struct bytes injected = bytes_of_string("250 ok\r\n");
	size_t consumed;

	(void)state;
	session_from_server(session, &consumed, bytes_of_string("220 mx\r\n"));
	session_from_client(session, &consumed, bytes_of_string("EHLO x\r\nSTARTTLS\r\n"));
	session_from_server(session, &consumed, bytes_of_string("250 mx\r\n220 go\r\n250 ok\r\n"));
	assert_int_equal(consumed, 16);
	assert_int_equal(session_facts(session)->injection, INJECTION_RESPONSE);
	assert_int_equal(session_pending(session)->kind, COMMITMENT_COMMAND);

	assert_int_equal(session_from_client(session, &consumed, hello),
	                 SMALL_CLIENT_HELLO_LEN + 5);
	assert_int_equal(session_from_server(session, &consumed, injected), 0);
	assert_int_equal(session_pending(session)->kind, COMMITMENT_COMMAND);

	session_allow(session);
	assert_int_equal(session_from_server(session, &consumed, injected), injected.len);
	assert_int_equal(session_pending(session)->kind, COMMITMENT_NONE);
	assert_int_equal(
		session_from_client(session, &consumed, bytes_after(hello, SMALL_CLIENT_HELLO_LEN)),
		5);
	assert_int_equal(session_pending(session)->kind, COMMITMENT_TLS);
	session_free(session);
}

static void test_the_end_of_a_connection_that_committed_is_no_commitment(void **state)
{
	struct play play = transaction();

	(void)state;
	session_end(play.session);
	assert_int_equal(session_facts(play.session)->commitment, COMMITMENT_NONE);
	play_free(&play);
}

static void test_what_waits_still_waits_after_the_end(void **state)
{
	struct session *session = session_new(false, play_budget());
	struct bytes line = bytes_of_string("RCPT TO:<b@example.org>\r\n");
	size_t consumed;

	(void)state;
	session_from_client(session, &consumed, line);
	session_end(session);
	assert_int_equal(session_facts(session)->commitment, COMMITMENT_RCPT);
	assert_int_equal(session_from_client(session, &consumed, line), 7);
	session_free(session);
}

/* One of very many idle flows. */
enum { IDLE_SESSIONS = 512, IDLE_OCTETS_MAX = 400 };

static void test_an_idle_session_takes_little_memory(void **state)
{
	static struct session *sessions[IDLE_SESSIONS];
	size_t before = mallinfo2().uordblks;
	size_t after;
	size_t consumed;

	(void)state;
	for (size_t i = 0; i < IDLE_SESSIONS; i++) {
		struct bytes pipelined = bytes_of_string("EHLO x\r\nMAIL FROM:<>\r\n"
		                                         "RCPT TO:<b@example.org>\r\n");

		sessions[i] = session_new(false, play_budget());
		session_from_client(sessions[i], &consumed, pipelined);
		session_allow(sessions[i]);
		session_from_client(sessions[i], &consumed, bytes_after(pipelined, consumed));
		session_allow(sessions[i]);
		for (size_t noop = 0; noop < 100; noop++)
			session_from_client(sessions[i], &consumed, bytes_of_string("NOOP\r\n"));
		session_from_server(sessions[i], &consumed,
		                    bytes_of_string("220 mx.example.org\r\n"));
		for (size_t reply = 0; reply < 102; reply++)
			session_from_server(sessions[i], &consumed,
			                    bytes_of_string("250 mx.example.org\r\n"));
	}
	after = mallinfo2().uordblks;
	for (size_t i = 0; i < IDLE_SESSIONS; i++)
		session_free(sessions[i]);
	assert_true(after - before <= IDLE_SESSIONS * IDLE_OCTETS_MAX);
}

static void test_what_was_allowed_before_a_gap_is_not_allowed_behind_it(void **state)
{
	static const char *const lines[] = { "RCPT TO:<c@example.net>\r\n",
		                             "PT TO:<c@example.net>\r\n", ":<c@example.net>\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct session *session = session_new(true, play_budget());
		const struct session_commitment *pending;
		size_t consumed = 0;

		session_from_client(session, &consumed, bytes_of_string("RCPT TO:<b@exam"));
		session_allow(session);
		session_from_client(session, &consumed, bytes_of_string("RCPT TO:<b@exam"));
		assert_int_equal(consumed, 0);
		session_skip(session);
		session_from_client(session, &consumed, bytes_of_string(lines[i]));
		pending = session_pending(session);
		assert_int_equal(consumed, 0);
		assert_int_equal(pending->kind, COMMITMENT_RCPT);
		assert_string_equal(pending->domain, "example.net");
		session_free(session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recipient_waits_and_is_known_when_its_line_ends),
		cmocka_unit_test(test_one_permission_is_for_one_line),
		cmocka_unit_test(test_octets_of_a_domain_that_are_no_utf_8_are_replaced),
		cmocka_unit_test(
			test_a_message_ends_where_the_standard_says_and_smuggling_is_noted),
		cmocka_unit_test(test_a_body_cut_anywhere_ends_at_the_same_octet),
		cmocka_unit_test(test_the_body_is_over_where_its_marker_ends),
		cmocka_unit_test(test_a_chunk_is_as_long_as_it_says),
		cmocka_unit_test(test_replies_meet_their_commands_however_many_are_out),
		cmocka_unit_test(test_what_was_allowed_as_no_tls_is_not_asked_about_again),
		cmocka_unit_test(test_one_command_beyond_the_bound_is_one_too_many),
		cmocka_unit_test(test_a_reply_may_have_so_many_lines_and_no_more),
		cmocka_unit_test(test_tls_is_done_with_its_first_data),
		cmocka_unit_test(
			test_what_the_server_injected_waits_beyond_the_hello_and_is_decided_first),
		cmocka_unit_test(test_the_end_of_a_connection_that_committed_is_no_commitment),
		cmocka_unit_test(test_what_waits_still_waits_after_the_end),
		cmocka_unit_test(test_what_was_allowed_before_a_gap_is_not_allowed_behind_it),
		cmocka_unit_test(test_an_idle_session_takes_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
