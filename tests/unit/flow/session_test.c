/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../hellos.h"
#include "transaction.h"

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

/* A line that is too long may have its end where it was cut, or somewhere in what is passed on as its rest. */
static void test_what_a_server_may_take_for_the_end_of_a_long_line_is_one(void **state)
{
	static const struct {
		size_t len; /* up to and with what may be its end */
		char end;
	} ends[] = {
		{ SMTP_COMMAND_LINE_MAX, '\r' },     { SMTP_COMMAND_LINE_MAX, '\0' },
		{ SMTP_COMMAND_LINE_MAX + 1, '\r' }, { SMTP_COMMAND_LINE_MAX + 1, '\0' },
		{ SMTP_COMMAND_LINE_MAX + 9, '\0' },
	};
	static const char recipient[] = "RCPT TO:<b@example.org>\r\n";
	static char text[SMTP_COMMAND_LINE_MAX + 64];

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct session *session = session_new(false, play_budget());
		struct bytes left = bytes_of(text, ends[i].len + strlen(recipient));
		size_t consumed, passing;

		memset(text, 'a', sizeof(text));
		memcpy(text, "MAIL FROM:<", 11);
		text[ends[i].len - 1] = ends[i].end;
		memcpy(text + ends[i].len, recipient, strlen(recipient));
		passing = session_from_client(session, &consumed, left);
		/* A line that some server may read as two is asked about twice. */
		for (int asked = 0; asked < 2 && consumed == 0; asked++) {
			assert_int_not_equal(session_pending(session)->kind, COMMITMENT_RCPT);
			session_allow(session);
			passing = session_from_client(session, &consumed, left);
		}
		assert_int_equal(passing, ends[i].len + 7);
		assert_int_equal(consumed, ends[i].len);
		assert_string_equal(session_pending(session)->domain, "example.org");
		session_free(session);
	}
}

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

static void assert_names(const struct play *play, const char *banner, const char *ehlo,
                         const char *client)
{
	assert_string_equal(session_banner_name(play->session), banner);
	assert_string_equal(session_ehlo_name(play->session), ehlo);
	assert_string_equal(session_client_name(play->session), client);
}

/* Kept once where they are the same. */
static void test_names_are_known_whether_they_are_alike_or_not(void **state)
{
	struct play play = play_new(false);

	(void)state;
	assert_names(&play, "", "", "");
	server_says(&play, "220 MX.example.org ESMTP\r\n");
	assert_names(&play, "mx.example.org", "", "");
	client_says(&play, "EHLO mail.client.example\r\n");
	assert_names(&play, "mx.example.org", "", "mail.client.example");
	server_says(&play, "250-mx.Example.org\r\n250 STARTTLS\r\n");
	assert_names(&play, "mx.example.org", "mx.example.org", "mail.client.example");
	client_says(&play, "EHLO other.client.example\r\n");
	assert_names(&play, "mx.example.org", "mx.example.org", "other.client.example");
	server_says(&play, "250-mx2.example.org\r\n250 STARTTLS\r\n");
	assert_names(&play, "mx.example.org", "mx2.example.org", "other.client.example");
	client_says(&play, "EHLO mail.client.example\r\n");
	server_says(&play, "250-mx.example.org\r\n250 STARTTLS\r\n");
	assert_names(&play, "mx.example.org", "mx.example.org", "mail.client.example");
	client_says(&play, "EHLO mail.client.example\r\n");
	server_says(&play, "250-hello\r\n250 STARTTLS\r\n");
	assert_names(&play, "mx.example.org", "", "mail.client.example");
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
	assert_int_not_equal(session_pending(session)->kind, COMMITMENT_RCPT);

	assert_int_equal(session_from_client(session, &consumed, hello),
	                 SMALL_CLIENT_HELLO_LEN + 5);
	assert_int_equal(session_from_server(session, &consumed, injected), 0);
	assert_int_not_equal(session_pending(session)->kind, COMMITMENT_RCPT);

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
		cmocka_unit_test(test_what_a_server_may_take_for_the_end_of_a_long_line_is_one),
		cmocka_unit_test(test_octets_of_a_domain_that_are_no_utf_8_are_replaced),
		cmocka_unit_test(test_names_are_known_whether_they_are_alike_or_not),
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
