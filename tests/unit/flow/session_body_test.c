/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../kmod/smtpbody_scan.h"
#include "transaction.h"

static struct play body(void)
{
	struct play play = transaction();

	client_says(&play, "DATA\r\n");
	server_says(&play, "354 go\r\n");
	assert_true(session_is_in_body(play.session));
	return play;
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

static void read_octets(struct session *session, struct bytes text)
{
	for (size_t at = 0; at < text.len && session_is_in_body(session); at++) {
		size_t consumed;

		(void)session_from_client(session, &consumed, bytes_slice(text, at, 1));
	}
}

/* Reads up to `from`, goes on behind `to`, unless the kernel would not have passed what lies between. */
static bool skip_between(struct session *session, struct bytes text, size_t from, size_t to)
{
	uint32_t carry = smtpbody_scan(SMTPBODY_CRLF, text.data, (uint32_t)from);

	read_octets(session, bytes_slice(text, 0, from));
	carry = smtpbody_scan(carry & SMTPBODY_TAIL_MASK, text.data + from, (uint32_t)(to - from));
	if (!session_may_skip(session) || !smtpbody_passes(carry))
		return false;
	session_skip_body(session, (const uint8_t[]){ (uint8_t)carry, (uint8_t)(carry >> 8) });
	read_octets(session, bytes_after(text, to));
	return true;
}

static void compare_with_skipped(struct bytes text, size_t *skips)
{
	struct play whole = body();

	read_octets(whole.session, text);
	for (size_t from = 1; from < text.len; from++) {
		for (size_t to = from + 1; to <= text.len; to++) {
			struct play play = body();

			if (skip_between(play.session, text, from, to)) {
				(*skips)++;
				assert_int_equal(session_is_in_body(play.session),
				                 session_is_in_body(whole.session));
				assert_int_equal(
					session_facts(play.session)->is_protocol_violated,
					session_facts(whole.session)->is_protocol_violated);
			}
			play_free(&play);
		}
	}
	play_free(&whole);
}

static void test_behind_octets_that_passed_unread_a_body_goes_on_as_if_they_were_read(void **state)
{
	static const char alphabet[BODY_ALPHABET + 1] = "\r\n.a";
	size_t variants = 1, skips = 0;

	(void)state;
	for (size_t i = 1; i < BODY_LEN; i++)
		variants *= BODY_ALPHABET;
	for (size_t variant = 0; variant < variants; variant++) {
		char text[BODY_LEN] = "x";
		size_t rest = variant;

		for (size_t i = 1; i < BODY_LEN; i++, rest /= BODY_ALPHABET)
			text[i] = alphabet[rest % BODY_ALPHABET];
		compare_with_skipped(bytes_of(text, sizeof(text)), &skips);
	}
	assert_true(skips > variants);
}

static void test_only_what_is_certainly_a_body_may_pass_unread(void **state)
{
	struct play play = body();

	(void)state;
	/* It may begin with a command yet. */
	assert_false(session_may_skip(play.session));
	client_says(&play, "M");
	assert_false(session_may_skip(play.session));
	client_says(&play, "y");
	assert_true(session_may_skip(play.session));
	client_says(&play, "\r\n.");
	assert_true(session_may_skip(play.session));
	client_says(&play, "\r");
	assert_false(session_may_skip(play.session));
	client_says(&play, "\n");
	assert_false(session_may_skip(play.session));
	server_says(&play, "250 ok\r\n");
	client_says(&play, "MAIL FROM:<>\r\n");
	client_says(&play, "BDAT 100\r\nxy");
	assert_true(session_is_in_body(play.session));
	assert_false(session_may_skip(play.session));
	play_free(&play);
}

/* The kernel leaves none there; who reads commands too early refuses too much, never too little. */
static void test_a_dot_at_the_end_of_what_passed_may_end_the_message(void **state)
{
	static const uint8_t tails[][2] = { { '\n', '.' }, { 'x', '.' } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct play play = body();

		client_says(&play, "x");
		session_skip_body(play.session, tails[i]);
		client_says(&play, "\r\n");
		assert_int_equal(session_is_in_body(play.session), i == 1);
		play_free(&play);
	}
}

static void test_what_a_server_says_within_a_body_is_not_left_behind(void **state)
{
	static const char *const words[] = { "2", "250 ok\r\n", "hello\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct play play = body();

		client_says(&play, "Subject: x\r\n");
		assert_true(session_may_skip(play.session));
		play_say(&play, false, bytes_of_string(words[i]), false);
		assert_false(session_may_skip(play.session));
		play_free(&play);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_message_ends_where_the_standard_says_and_smuggling_is_noted),
		cmocka_unit_test(
			test_behind_octets_that_passed_unread_a_body_goes_on_as_if_they_were_read),
		cmocka_unit_test(test_only_what_is_certainly_a_body_may_pass_unread),
		cmocka_unit_test(test_a_dot_at_the_end_of_what_passed_may_end_the_message),
		cmocka_unit_test(test_what_a_server_says_within_a_body_is_not_left_behind),
		cmocka_unit_test(test_a_body_cut_anywhere_ends_at_the_same_octet),
		cmocka_unit_test(test_the_body_is_over_where_its_marker_ends),
		cmocka_unit_test(test_a_chunk_is_as_long_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
